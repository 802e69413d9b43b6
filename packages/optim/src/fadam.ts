import { onesLike, type Tensor, zerosLike } from "@amari/core";
import {
  type FisherOptions,
  fisherSample,
  fisherScalars,
  fisherSettings,
  fisherStep,
} from "./fisher-step.ts";
import { fadamTraits } from "./fisher-traits.ts";
import { average } from "./moving-average.ts";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { perTensor } from "./per-tensor.ts";

/** The state of {@link fadam}: the step count, the momentum, and the estimated diagonal of the Fisher information. */
export interface FAdamState<P> {
  readonly count: Tensor<[]>;
  readonly momentum: P;
  readonly fisher: P;
}

/** @see {@link StateKind} */
export interface FAdamKind extends StateKind {
  readonly state: FAdamState<this["params"]>;
}

/**
 * Fisher Adam, Algorithm 1 of arXiv 2405.12807 (Hwang, "FAdam: Adam is a natural gradient optimizer using diagonal
 * empirical Fisher information"), of a loss that is minimised.
 *
 * With g the gradient of the mean loss, for every tensor: f averages g^2 without bias; g-bar = g / (f^rho + e^(2 rho)),
 * where e = min(epsilon, epsilon2 RMS(g)), clipped to RMS <= clip; m averages g-bar; and the update is
 * -learningRate (m + weightDecay w), where w = theta / (f^rho + e^(2 rho)) is clipped likewise.
 *
 * The natural weight decay does not contract: after clipping it moves a tensor by about `weightDecay * clip` however
 * small the tensor is, and coordinates whose gradient was never seen take most of it. `decayForm: "decoupled"` decays
 * as AdamW does.
 *
 * @example const optimizer = fadam({ learningRate: 1e-3 });
 * @throws ArgumentError for an unknown option or one out of range
 */
export function fadam(options: FisherOptions): Optimizer<FAdamKind> {
  const settings = fisherSettings("fadam", options);
  return perTensor<FAdamKind, { momentum: Tensor; fisher: Tensor }, ReturnType<typeof fisherScalars>>({
    name: "fadam",
    traits: fadamTraits(settings),
    injected: settings.fisher === "injected",
    slots: { momentum: zerosLike, fisher: onesLike },
    scalars: (time) => fisherScalars(settings, time),
    step: (leaf, slots, scalars) => {
      const fisher = average(slots.fisher, fisherSample(leaf), scalars.fisherWeights);
      const { update, momentum } = fisherStep(settings, leaf, fisher, slots.momentum, scalars);
      return [update, { momentum, fisher }];
    },
  });
}

import { type Tensor, zerosLike } from "@amari/core";
import { averageEstimate, constantEstimate, estimateOf, type Factored } from "./factored.ts";
import {
  type FisherOptions,
  fisherSample,
  fisherScalars,
  fisherSettings,
  fisherStep,
} from "./fisher-step.ts";
import { fadafactorTraits } from "./fisher-traits.ts";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { perTensor } from "./per-tensor.ts";
import type { MapLeaves } from "./trees.ts";

/** The state of {@link fadafactor}: for matrices, the Fisher estimate is kept as its row and column means. */
export interface FAdafactorState<P> {
  readonly count: Tensor<[]>;
  readonly momentum: P;
  readonly fisher: MapLeaves<P, Factored | Tensor>;
}

/** @see {@link StateKind} */
export interface FAdafactorKind extends StateKind {
  readonly state: FAdafactorState<this["params"]>;
}

/**
 * Fisher Adafactor, Algorithm 2 of arXiv 2405.12807: {@link fadam} with the Fisher diagonal of an n x m matrix kept as
 * n row means r and m column means c, from which f_ij = r_i c_j / mean(r).
 *
 * Of a tensor of rank above 2 the last two axes are factored and the leading ones batched; of rank below 2 the diagonal
 * is kept whole, which is `fadam`. The momentum is not factored. The estimate equals that of `fadam` where the average
 * of the squared gradients has rank one.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export function fadafactor(options: FisherOptions): Optimizer<FAdafactorKind> {
  const settings = fisherSettings("fadafactor", options);
  type Slots = { momentum: Tensor; fisher: Factored | Tensor };
  return perTensor<FAdafactorKind, Slots, ReturnType<typeof fisherScalars>>({
    name: "fadafactor",
    traits: fadafactorTraits(settings),
    injected: settings.fisher === "injected",
    slots: { momentum: zerosLike, fisher: (parameter) => constantEstimate(parameter, 1) },
    scalars: (time) => fisherScalars(settings, time),
    step: (leaf, slots, scalars) => {
      const fisher = averageEstimate(slots.fisher, fisherSample(leaf), scalars.fisherWeights);
      const { update, momentum } = fisherStep(settings, leaf, estimateOf(fisher), slots.momentum, scalars);
      return [update, { momentum, fisher }];
    },
  });
}

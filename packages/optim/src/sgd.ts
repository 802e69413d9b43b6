import { ArgumentError, type Tensor, zerosLike } from "@amari/core";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { checkFraction, checkNonNegative, required, withDefaults } from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";
import { type Traits, traitIf } from "./traits.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  readonly learningRate: LearningRate;
  /** Decay of the velocity, in [0, 1). Default 0, which keeps no velocity. */
  readonly momentum?: number;
  /** The velocity takes 1 - dampening of each gradient after the first. Default 0. */
  readonly dampening?: number;
  /** Steps along the gradient plus momentum times the velocity. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient, times the parameters. Default 0. */
  readonly weightDecay?: number;
}

/** The state of {@link sgd}; the velocity is there with momentum only. */
export interface SgdState<P> {
  readonly count: Tensor<[]>;
  readonly velocity?: P;
}

/** @see {@link StateKind} */
export interface SgdKind extends StateKind {
  readonly state: SgdState<this["params"]>;
}

/**
 * Stochastic gradient descent, with momentum as PyTorch defines it: v_1 = g_1, then
 * v = momentum v + (1 - dampening) g, and the update is -learningRate v, or with Nesterov's momentum
 * -learningRate (g + momentum v).
 *
 * @example const optimizer = sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true });
 * @throws ArgumentError for an unknown option or one out of range, or for Nesterov's momentum without momentum or with dampening
 */
export function sgd(options: SgdOptions): Optimizer<SgdKind> {
  const { learningRate, momentum, dampening, nesterov, weightDecay } = withDefaults("sgd", options, {
    learningRate: required,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
  });
  checkLearningRate("sgd", learningRate);
  checkFraction("sgd", "momentum", momentum);
  checkFraction("sgd", "dampening", dampening, true);
  checkNonNegative("sgd", "weightDecay", weightDecay);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new ArgumentError(
      `sgd: nesterov needs momentum > 0 and dampening 0, got momentum ${momentum} and dampening ${dampening}`,
    );
  }

  return perTensor<SgdKind, { readonly velocity?: Tensor }, ReturnType<typeof scalars>>({
    name: "sgd",
    traits: sgdTraits(momentum, weightDecay),
    slots: momentum === 0 ? {} : { velocity: zerosLike },
    scalars,
    step: ({ gradient, parameter }, { velocity }, { rate, isFirst }) => {
      const decayed = weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
      if (velocity === undefined) return [decayed.mul(rate).neg(), {}];
      const fresh =
        dampening === 0 ? decayed : decayed.mul(isFirst.where(1, 1 - dampening).astype(decayed.dtype));
      const next = velocity.mul(momentum).add(fresh);
      const direction = nesterov ? decayed.add(next.mul(momentum)) : next;
      return [direction.mul(rate).neg(), { velocity: next }];
    },
  });

  function scalars(time: StepTime) {
    return { rate: learningRateAt(learningRate, time), isFirst: time.count.eq(0) };
  }
}

const sgdTraits = (momentum: number, weightDecay: number): Traits => ({
  lossScaleInvariance: "violates",
  signEquivariance: "satisfies",
  permutationEquivariance: "satisfies",
  partitionInvariance: "satisfies",
  orthogonalEquivariance: "satisfies",
  diagonalEquivariance: "violates",
  transposeEquivariance: "satisfies",
  translationInvariance: traitIf(weightDecay === 0),
  ...(weightDecay === 0 && { monotoneOnQuadratics: traitIf(momentum === 0) }),
  zeroGradientFixedPoint: traitIf(weightDecay === 0),
  ...(weightDecay > 0 && momentum === 0 && { contractingDecay: "satisfies" }),
});

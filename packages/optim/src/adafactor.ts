import { maximum, type Tensor } from "@amari/core";
import { epsilonOf } from "@amari/core/backend";
import { averageEstimate, constantEstimate, estimateOf, type Factored } from "./factored.ts";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { checkNonNegative, checkPositive, checkThreshold, withDefaults } from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { clipToRms, rootMeanSquare } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";
import { type Traits, traitIf } from "./traits.ts";
import type { MapLeaves } from "./trees.ts";

/** Options of {@link adafactor}; the defaults are PyTorch's. */
export interface AdafactorOptions {
  /** The largest relative step size; it is capped at 1 / sqrt(t). Default 0.01. */
  readonly learningRate?: LearningRate;
  /** The newest squared gradient has weight t^-decayExponent in the second moment. Default 0.8. */
  readonly decayExponent?: number;
  /** Lower bound of the root of the second moment; null for the machine epsilon of the dtype. Default null. */
  readonly epsilon1?: number | null;
  /** Lower bound of the RMS of the parameters, which the step is relative to. Default 1e-3. */
  readonly epsilon2?: number;
  /** The largest RMS of the update before the step size; null for none. Default 1. */
  readonly clip?: number | null;
  /** Decoupled, times the learning rate. Default 0. */
  readonly weightDecay?: number;
  /** Whether the learning rate is capped at 1 / sqrt(t). Default true. */
  readonly relativeStep?: boolean;
  /** Whether the step is scaled by the RMS of the parameters. Default true. */
  readonly scaleByParameter?: boolean;
}

/** The state of {@link adafactor}: for matrices, the second moment is kept as its row and column means. */
export interface AdafactorState<P> {
  readonly count: Tensor<[]>;
  readonly secondMoment: MapLeaves<P, Factored | Tensor>;
}

/** @see {@link StateKind} */
export interface AdafactorKind extends StateKind {
  readonly state: AdafactorState<this["params"]>;
}

/**
 * Adafactor (Shazeer and Stern 2018, arXiv 1804.04235, Algorithms 4 and 5) as PyTorch defines it: no momentum, the
 * second moment of a matrix from its row and column means, a step relative to the size of the parameters.
 *
 * The last two axes of a tensor are factored, leading ones batched; below rank 2 nothing is factored. For the variant
 * that the FAdam paper prints see {@link adafactorAsPrinted}.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export function adafactor(options: AdafactorOptions = {}): Optimizer<AdafactorKind> {
  const settings = withDefaults("adafactor", options, {
    learningRate: 1e-2,
    decayExponent: 0.8,
    epsilon1: null,
    epsilon2: 1e-3,
    clip: 1,
    weightDecay: 0,
    relativeStep: true,
    scaleByParameter: true,
  });
  const { learningRate, decayExponent, epsilon1, epsilon2, clip, weightDecay } = settings;
  const { relativeStep, scaleByParameter } = settings;
  checkLearningRate("adafactor", learningRate);
  checkPositive("adafactor", "decayExponent", decayExponent);
  if (epsilon1 !== null) checkNonNegative("adafactor", "epsilon1", epsilon1);
  checkNonNegative("adafactor", "epsilon2", epsilon2);
  checkThreshold("adafactor", "clip", clip);
  checkNonNegative("adafactor", "weightDecay", weightDecay);

  return perTensor<AdafactorKind, { readonly secondMoment: Factored | Tensor }, ReturnType<typeof scalars>>({
    name: "adafactor",
    traits: adafactorTraits(weightDecay, scaleByParameter),
    slots: { secondMoment: (x) => constantEstimate(x, 0) },
    scalars,
    step: ({ gradient, parameter }, slots, { rate, cappedRate, weights }) => {
      const epsilon = epsilon1 ?? epsilonOf(parameter.dtype);
      const square = gradient.square();
      const secondMoment = averageEstimate(slots.secondMoment, square, weights);
      const estimate = estimateOf(secondMoment, epsilon);
      const direction = gradient.div(estimate.maximum(epsilon ** 2).sqrt());
      const clipped = clip === null ? direction : clipToRms(direction, clip);
      const size = scaleByParameter
        ? maximum(rootMeanSquare(parameter), epsilon2).mul(cappedRate)
        : cappedRate;
      const step = clipped.mul(size as Tensor);
      const decayed = weightDecay === 0 ? step : step.add(parameter.mul(rate).mul(weightDecay));
      return [decayed.neg(), { secondMoment }];
    },
  });

  function scalars(time: StepTime) {
    const rate = learningRateAt(learningRate, time);
    const fresh = time.t.pow(-decayExponent);
    return {
      rate,
      cappedRate: relativeStep ? time.t.rsqrt().minimum(rate as Tensor) : rate,
      weights: { kept: fresh.neg().add(1), fresh },
    };
  }
}

const adafactorTraits = (weightDecay: number, scaleByParameter: boolean): Traits => ({
  lossScaleInvariance: "violates",
  signEquivariance: "satisfies",
  permutationEquivariance: "violates",
  partitionInvariance: "violates",
  orthogonalEquivariance: "violates",
  diagonalEquivariance: "violates",
  transposeEquivariance: "satisfies",
  translationInvariance: traitIf(weightDecay === 0 && !scaleByParameter),
  // Steps relative to the parameters shrink near a minimum at zero, and may make the parameters part.
  ...(!scaleByParameter && { monotoneOnQuadratics: "violates" }),
  zeroGradientFixedPoint: traitIf(weightDecay === 0),
  ...(weightDecay > 0 && !scaleByParameter && { contractingDecay: "satisfies" }),
});

import { type Tensor, zerosLike } from "@amari/core";
import type { AdamKind } from "./adam.ts";
import { biasCorrection, exponentialAverage } from "./moving-average.ts";
import type { Optimizer } from "./optimizer.ts";
import { checkFraction, checkNonNegative, required, withDefaults } from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { safeSqrt } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";
import { traitIf } from "./traits.ts";

/** Options of {@link laprop}. */
export interface LaPropOptions {
  readonly learningRate: LearningRate;
  /** Decay of the momentum, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-15. */
  readonly epsilon?: number;
}

/**
 * LaProp (Ziyin, Wang and Ueda 2020, arXiv 2002.04839): the momentum averages learningRate g / (sqrt(v-hat) + epsilon),
 * so that it is decoupled from the second moment, as in `fadam`. The learning rate is inside the momentum.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export function laprop(options: LaPropOptions): Optimizer<AdamKind> {
  const { learningRate, beta1, beta2, epsilon } = withDefaults("laprop", options, {
    learningRate: required,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-15,
  });
  checkLearningRate("laprop", learningRate);
  checkFraction("laprop", "beta1", beta1);
  checkFraction("laprop", "beta2", beta2);
  checkNonNegative("laprop", "epsilon", epsilon);
  type Slots = { readonly momentum: Tensor; readonly secondMoment: Tensor };

  return perTensor<AdamKind, Slots, ReturnType<typeof scalars>>({
    name: "laprop",
    traits: {
      lossScaleInvariance: traitIf(epsilon === 0),
      signEquivariance: "satisfies",
      permutationEquivariance: "satisfies",
      partitionInvariance: "satisfies",
      orthogonalEquivariance: "violates",
      diagonalEquivariance: "violates",
      transposeEquivariance: "satisfies",
      translationInvariance: "satisfies",
      zeroGradientFixedPoint: "satisfies",
    },
    slots: { momentum: zerosLike, secondMoment: zerosLike },
    scalars,
    step: ({ gradient }, slots, { rate, momentumCorrection, secondMomentCorrection }) => {
      const secondMoment = exponentialAverage(slots.secondMoment, gradient.square(), beta2);
      const root = safeSqrt(secondMoment.mul(secondMomentCorrection)).add(epsilon);
      const direction = gradient.div(root.eq(0).where(1, root) as Tensor).mul(rate);
      const momentum = exponentialAverage(slots.momentum, direction, beta1);
      return [momentum.mul(momentumCorrection).neg(), { momentum, secondMoment }];
    },
  });

  function scalars(time: StepTime) {
    return {
      rate: learningRateAt(learningRate, time),
      momentumCorrection: biasCorrection(beta1, time.t),
      secondMomentCorrection: biasCorrection(beta2, time.t),
    };
  }
}

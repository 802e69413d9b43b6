import { type Tensor, zerosLike } from "@amari/core";
import type { AdamKind } from "./adam.ts";
import { biasCorrection, exponentialAverage } from "./moving-average.ts";
import type { Optimizer } from "./optimizer.ts";
import {
  checkChoice,
  checkFraction,
  checkNonNegative,
  checkThreshold,
  required,
  withDefaults,
} from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { clipToRms, safeSqrt } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";

/** Options of {@link adamAsPrinted}. */
export interface AdamAsPrintedOptions {
  readonly learningRate: LearningRate;
  /**
   * "literal" divides by 1 - beta^t inside the recursion, as printed; "standard" outside, as Adam does. Default
   * "literal".
   */
  readonly recursion?: "literal" | "standard";
  /** In [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** In [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** The largest RMS of the update of one tensor; null for none. Default 1. */
  readonly clip?: number | null;
  /** Decoupled, times the learning rate. Default 1e-3. */
  readonly weightDecay?: number;
}

/**
 * Algorithm 3 of arXiv 2405.12807v2, "Adam": an oddity to compare with, not to train with.
 *
 * Taken literally it divides the averages by 1 - beta^t again at every step, so the second moment of a constant
 * gradient grows like t! instead of settling: it overflows at t = 329 and the parameters come to rest long before. The
 * clipping and the decoupled decay are not Adam's either. `recursion: "standard"` is what was meant: AdamW with update
 * clipping.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export function adamAsPrinted(options: AdamAsPrintedOptions): Optimizer<AdamKind> {
  const name = "adamAsPrinted";
  const { learningRate, recursion, beta1, beta2, epsilon, clip, weightDecay } = withDefaults(name, options, {
    learningRate: required,
    recursion: "literal",
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    clip: 1,
    weightDecay: 1e-3,
  });
  checkLearningRate(name, learningRate);
  checkChoice(name, "recursion", recursion, ["literal", "standard"]);
  checkFraction(name, "beta1", beta1);
  checkFraction(name, "beta2", beta2);
  checkNonNegative(name, "epsilon", epsilon);
  checkThreshold(name, "clip", clip);
  checkNonNegative(name, "weightDecay", weightDecay);
  type Slots = { readonly momentum: Tensor; readonly secondMoment: Tensor };

  return perTensor<AdamKind, Slots, ReturnType<typeof scalars>>({
    name,
    traits: {
      signEquivariance: "satisfies",
      orthogonalEquivariance: "violates",
      diagonalEquivariance: "violates",
    },
    slots: { momentum: zerosLike, secondMoment: zerosLike },
    scalars,
    step: ({ gradient, parameter }, slots, { rate, momentumCorrection, secondMomentCorrection }) => {
      const m = exponentialAverage(slots.momentum, gradient, beta1);
      const f = exponentialAverage(slots.secondMoment, gradient.square(), beta2);
      const [momentum, fisher] = [m.mul(momentumCorrection), f.mul(secondMomentCorrection)];
      const raw = momentum.div(safeSqrt(fisher).add(epsilon));
      const direction = clip === null ? raw : clipToRms(raw, clip);
      const update = direction.add(parameter.mul(weightDecay)).mul(rate).neg();
      return [
        update,
        recursion === "literal" ? { momentum, secondMoment: fisher } : { momentum: m, secondMoment: f },
      ];
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

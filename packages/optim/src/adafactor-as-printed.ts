import { type Tensor, zerosLike } from "@amari/core";
import { averageEstimate, constantEstimate, estimateOf, type Factored } from "./factored.ts";
import type { FAdafactorKind } from "./fadafactor.ts";
import { exponentialAverage, unbiasedWeights } from "./moving-average.ts";
import type { Optimizer } from "./optimizer.ts";
import { checkFraction, checkNonNegative, checkThreshold, required, withDefaults } from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { clipToRms } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";

/** Options of {@link adafactorAsPrinted}. */
export interface AdafactorAsPrintedOptions {
  readonly learningRate: LearningRate;
  /** In [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** In [0, 1]. Default 0.999. */
  readonly beta2?: number;
  /** Added to the squared gradient. Default 1e-30. */
  readonly epsilon?: number;
  /** The largest RMS of the update of one tensor; null for none. Default 1. */
  readonly clip?: number | null;
  /** Default 1e-3. */
  readonly weightDecay?: number;
  /** Whether the decay is multiplied by the learning rate; as printed it is not. Default false. */
  readonly decayTimesLearningRate?: boolean;
}

/**
 * Algorithm 4 of arXiv 2405.12807v2, "Adafactor": an oddity to compare with.
 *
 * The learning rate is inside the momentum and not on the decay, and epsilon is averaged with the squared gradients.
 * The code that it cites has, by default, no momentum, no decay and steps relative to the parameters: see
 * {@link adafactor}.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export function adafactorAsPrinted(options: AdafactorAsPrintedOptions): Optimizer<FAdafactorKind> {
  const name = "adafactorAsPrinted";
  const settings = withDefaults(name, options, {
    learningRate: required,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-30,
    clip: 1,
    weightDecay: 1e-3,
    decayTimesLearningRate: false,
  });
  const { learningRate, beta1, beta2, epsilon, clip, weightDecay, decayTimesLearningRate } = settings;
  checkLearningRate(name, learningRate);
  checkFraction(name, "beta1", beta1);
  checkFraction(name, "beta2", beta2, true);
  checkNonNegative(name, "epsilon", epsilon);
  checkThreshold(name, "clip", clip);
  checkNonNegative(name, "weightDecay", weightDecay);
  type Slots = { readonly momentum: Tensor; readonly fisher: Factored | Tensor };

  return perTensor<FAdafactorKind, Slots, ReturnType<typeof scalars>>({
    name,
    traits: {
      signEquivariance: "satisfies",
      permutationEquivariance: "violates",
      orthogonalEquivariance: "violates",
      transposeEquivariance: "satisfies",
      fisherInitialisationInvariance: "satisfies",
    },
    slots: { momentum: zerosLike, fisher: (x) => constantEstimate(x, 0) },
    scalars,
    step: ({ gradient, parameter }, slots, { rate, weights }) => {
      const fisher = averageEstimate(slots.fisher, gradient.square().add(epsilon), weights);
      const raw = gradient.div(estimateOf(fisher).sqrt());
      const direction = clip === null ? raw : clipToRms(raw, clip);
      const momentum = exponentialAverage(slots.momentum, direction.mul(rate), beta1);
      const decay = parameter.mul(weightDecay);
      return [momentum.add(decayTimesLearningRate ? decay.mul(rate) : decay).neg(), { momentum, fisher }];
    },
  });

  function scalars(time: StepTime) {
    return { rate: learningRateAt(learningRate, time), weights: unbiasedWeights(beta2, time.t) };
  }
}

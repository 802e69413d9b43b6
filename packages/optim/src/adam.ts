import { type Tensor, zerosLike } from "@amari/core";
import { adamTraits } from "./adam-traits.ts";
import { biasCorrection, exponentialAverage } from "./moving-average.ts";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { checkChoice, checkFraction, checkNonNegative, required, withDefaults } from "./options.ts";
import { perTensor, type StepTime } from "./per-tensor.ts";
import { safeSqrt } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";

/** Options of {@link adam} and {@link adamw}. */
export interface AdamOptions {
  readonly learningRate: LearningRate;
  /** Decay of the first moment, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0 for `adam` (added to the gradient), 0.01 for `adamw` (decoupled, times the learning rate). */
  readonly weightDecay?: number;
  /**
   * AMSGrad (Reddi et al. 2018) divides by the largest second moment so far: "raw" before the bias correction, as
   * PyTorch does; "corrected" after it, as Optax does. Default false.
   */
  readonly amsgrad?: false | "raw" | "corrected";
}

/** The state of {@link adam} and {@link adamw}; `largest` is there with `amsgrad` only. */
export interface AdamState<P> {
  readonly count: Tensor<[]>;
  readonly momentum: P;
  readonly secondMoment: P;
  readonly largest?: P;
}

/** @see {@link StateKind} */
export interface AdamKind extends StateKind {
  readonly state: AdamState<this["params"]>;
}

/**
 * Adam (Kingma and Ba 2015, arXiv 1412.6980, Algorithm 1): -learningRate m-hat / (sqrt(v-hat) + epsilon), where m and v
 * average the gradient and its square, and the hats divide by 1 - beta^t.
 *
 * Weight decay is L2 regularisation: it passes through the moments. For decoupled decay see {@link adamw}.
 *
 * @example const optimizer = adam({ learningRate: 1e-3 });
 * @throws ArgumentError for an unknown option or one out of range
 */
export const adam = (options: AdamOptions): Optimizer<AdamKind> => adamFamily("adam", options, 0, "l2");

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101): the update of {@link adam} less
 * `learningRate * weightDecay * theta`.
 *
 * @throws ArgumentError for an unknown option or one out of range
 */
export const adamw = (options: AdamOptions): Optimizer<AdamKind> =>
  adamFamily("adamw", options, 0.01, "decoupled");

interface Slots {
  readonly momentum: Tensor;
  readonly secondMoment: Tensor;
  readonly largest?: Tensor;
}

function adamFamily(
  name: string,
  options: AdamOptions,
  defaultDecay: number,
  decayForm: "l2" | "decoupled",
): Optimizer<AdamKind> {
  const { learningRate, beta1, beta2, epsilon, weightDecay, amsgrad } = withDefaults(name, options, {
    learningRate: required,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: defaultDecay,
    amsgrad: false,
  });
  checkLearningRate(name, learningRate);
  checkFraction(name, "beta1", beta1);
  checkFraction(name, "beta2", beta2);
  checkNonNegative(name, "epsilon", epsilon);
  checkNonNegative(name, "weightDecay", weightDecay);
  if (amsgrad !== false) checkChoice(name, "amsgrad", amsgrad, ["raw", "corrected"]);

  return perTensor<AdamKind, Slots, ReturnType<typeof scalars>>({
    name,
    traits: adamTraits({ epsilon, weightDecay, decayForm, amsgrad }),
    slots: {
      momentum: zerosLike,
      secondMoment: zerosLike,
      ...(amsgrad !== false && { largest: zerosLike }),
    },
    scalars,
    step: ({ gradient, parameter }, slots, { rate, momentumCorrection, secondMomentCorrection }) => {
      const decayed =
        decayForm === "l2" && weightDecay > 0 ? gradient.add(parameter.mul(weightDecay)) : gradient;
      const momentum = exponentialAverage(slots.momentum, decayed, beta1);
      const secondMoment = exponentialAverage(slots.secondMoment, decayed.square(), beta2);
      const candidate = amsgrad === "corrected" ? secondMoment.mul(secondMomentCorrection) : secondMoment;
      const largest = slots.largest?.maximum(candidate);
      const corrected =
        largest === undefined || amsgrad === "raw"
          ? (largest ?? secondMoment).mul(secondMomentCorrection)
          : largest;
      const direction = momentum.mul(momentumCorrection).div(withEpsilon(safeSqrt(corrected)));
      const step =
        decayForm === "decoupled" && weightDecay > 0 ? direction.add(parameter.mul(weightDecay)) : direction;
      return [step.mul(rate).neg(), { momentum, secondMoment, ...(largest && { largest }) }];
    },
  });

  function scalars(time: StepTime) {
    return {
      rate: learningRateAt(learningRate, time),
      momentumCorrection: biasCorrection(beta1, time.t),
      secondMomentCorrection: biasCorrection(beta2, time.t),
    };
  }

  // Without an epsilon, a gradient that has always been zero would make 0 / 0.
  function withEpsilon(root: Tensor): Tensor {
    return epsilon > 0 ? root.add(epsilon) : (root.eq(0).where(1, root) as Tensor);
  }
}

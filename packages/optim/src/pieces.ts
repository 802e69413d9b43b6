import { type Tensor, zerosLike } from "@amari/core";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { checkFraction, checkNonNegative, checkPositive, required, withDefaults } from "./options.ts";
import { perTensor } from "./per-tensor.ts";
import { clipToRms } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";
import type { Traits } from "./traits.ts";

// The parts that a chain is made of. Except for scaleByLearningRate they keep the sign of the gradient.

/** A part that keeps nothing but the step count. */
export interface CountKind extends StateKind {
  readonly state: { readonly count: Tensor<[]> };
}

/** The state of {@link traceMomentum}. */
export interface TraceState<P> {
  readonly count: Tensor<[]>;
  readonly velocity: P;
}

/** @see {@link StateKind} */
export interface TraceKind extends StateKind {
  readonly state: TraceState<this["params"]>;
}

const coordinatewise: Traits = {
  signEquivariance: "satisfies",
  permutationEquivariance: "satisfies",
  partitionInvariance: "satisfies",
  transposeEquivariance: "satisfies",
};
const linear: Traits = {
  ...coordinatewise,
  orthogonalEquivariance: "satisfies",
  translationInvariance: "satisfies",
  zeroGradientFixedPoint: "satisfies",
};

/** A part without state of its own. */
const map = (
  name: string,
  traits: Traits,
  f: (gradient: Tensor, parameter: Tensor) => Tensor,
): Optimizer<CountKind> =>
  perTensor<CountKind, object, undefined>({
    name,
    traits,
    slots: {},
    step: ({ gradient, parameter }) => [f(gradient, parameter), {}],
  });

/** Multiplies by a constant. @throws ArgumentError unless it is finite */
export function scaleUpdates(factor: number): Optimizer<CountKind> {
  checkNonNegative("scaleUpdates", "the size of factor", Math.abs(factor));
  return map("scaleUpdates", linear, (gradient) => gradient.mul(factor));
}

/** Multiplies by minus the learning rate, which turns a direction of ascent into an update. */
export function scaleByLearningRate(learningRate: LearningRate): Optimizer<CountKind> {
  checkLearningRate("scaleByLearningRate", learningRate);
  return perTensor<CountKind, object, Tensor | number>({
    name: "scaleByLearningRate",
    traits: linear,
    slots: {},
    scalars: (time) => learningRateAt(learningRate, time),
    step: ({ gradient }, _, rate) => [gradient.mul(rate).neg(), {}],
  });
}

/** Adds `weightDecay` times the parameters: L2 regularisation before an optimizer, decoupled decay after one. */
export function addDecayedWeights(weightDecay: number): Optimizer<CountKind> {
  checkNonNegative("addDecayedWeights", "weightDecay", weightDecay);
  const traits: Traits = { ...coordinatewise, orthogonalEquivariance: "satisfies" };
  return map("addDecayedWeights", traits, (gradient, parameter) => gradient.add(parameter.mul(weightDecay)));
}

/** Shortens each tensor to a root mean square of at most `threshold`. */
export function clipByRms(threshold: number): Optimizer<CountKind> {
  checkPositive("clipByRms", "threshold", threshold);
  const { partitionInvariance: _, ...traits } = linear;
  return map("clipByRms", traits, (gradient) => clipToRms(gradient, threshold));
}

/** Options of {@link traceMomentum}. */
export interface TraceOptions {
  /** In [0, 1). */
  readonly decay: number;
  /** Adds decay times the new velocity to the gradient instead of passing the velocity on. Default false. */
  readonly nesterov?: boolean;
}

/** A decaying sum of the gradients: velocity = decay * velocity + gradient. */
export function traceMomentum(options: TraceOptions): Optimizer<TraceKind> {
  const { decay, nesterov } = withDefaults("traceMomentum", options, { decay: required, nesterov: false });
  checkFraction("traceMomentum", "decay", decay);
  return perTensor<TraceKind, { readonly velocity: Tensor }, undefined>({
    name: "traceMomentum",
    traits: linear,
    slots: { velocity: zerosLike },
    step: ({ gradient }, slots) => {
      const velocity = slots.velocity.mul(decay).add(gradient);
      return [nesterov ? gradient.add(velocity.mul(decay)) : velocity, { velocity }];
    },
  });
}

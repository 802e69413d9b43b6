import { ArgumentError, mapTree, Tensor, zeros } from "@amari/core";
import type { LinearOperator } from "./conjugate-gradient.ts";
import { type NaturalGradientOptions, naturalGradient } from "./natural-gradient.ts";

/** Options of {@link naturalGradientDescent}. */
export interface NaturalGradientDescentOptions<Params> extends NaturalGradientOptions {
  /** A step size, or a schedule: from the number of finished steps (an int32 scalar) to a float scalar. */
  readonly learningRate: number | ((count: Tensor) => Tensor);
  /** The Fisher matrix at the parameters, `[P, P]` in the order of `ravel`, or the map v -> F v there. */
  readonly fisher: (params: Params) => Tensor | LinearOperator<Params>;
}

/** The state of {@link naturalGradientDescent}. */
export interface NaturalGradientDescentState {
  /** The number of finished steps, an int32 scalar. */
  readonly count: Tensor;
}

/** A pair of pure functions, as the optimizers of `@amari/optim`, for parameters of one type. */
export interface NaturalGradientDescent<Params> {
  readonly name: string;
  init(params: Params): NaturalGradientDescentState;
  /** From gradients to updates that are added to the parameters; the minus sign is in them. */
  update(
    gradients: Params,
    state: NaturalGradientDescentState,
    params: Params,
  ): [updates: Params, state: NaturalGradientDescentState];
}

/**
 * Exact natural gradient descent, theta <- theta - learningRate F(theta)^-1 gradient (FAdam paper, Eq 13), with no
 * approximation of the Fisher matrix but what `fisher` makes. It is the yardstick that FAdam approximates, for small models:
 * each step costs P^3.
 *
 * @example
 * const optimizer = naturalGradientDescent({
 *   learningRate: 1,
 *   fisher: (params: Params) => exactFisher(softmaxRegression, params, x),
 *   method: "pseudoInverse",
 * });
 * @throws SingularFisherError from `update`, as {@link naturalGradient}
 */
export function naturalGradientDescent<Params>({
  learningRate,
  fisher,
  ...options
}: NaturalGradientDescentOptions<Params>): NaturalGradientDescent<Params> {
  if (typeof learningRate === "number" && !(learningRate >= 0 && Number.isFinite(learningRate))) {
    throw new ArgumentError(
      `naturalGradientDescent: learningRate must be a finite number >= 0 or a schedule, got ${learningRate}`,
    );
  }
  return {
    name: "naturalGradientDescent",
    init: () => ({ count: zeros([], { dtype: "int32" }) as Tensor }),
    update: (gradients, { count }, params) => {
      const rate = typeof learningRate === "number" ? learningRate : learningRate(count);
      const direction = naturalGradient(fisher(params), gradients, options);
      const updates = mapTree(direction, (leaf) =>
        leaf.mul(rate instanceof Tensor ? rate.astype(leaf.dtype) : rate).neg(),
      );
      return [updates, { count: count.add(1) }];
    },
  };
}

import type { Tensor } from "@amari/core";
import { overPairs } from "../batch.ts";
import type { Distribution } from "../distributions/distribution.ts";

/**
 * A conditional model P(y | x, params): a function from an input to the parameters of a distribution.
 *
 * @typeParam Params the tree of trained parameters
 * @typeParam Output the parameters of the output distribution, a tensor or a tree of them
 */
export interface Model<Params, Output = Tensor> {
  /**
   * The parameters of the output's distribution for one input. The functions of this package batch it by `vmap`; the
   * models of this package take a batch directly as well, since their operations broadcast.
   */
  apply(params: Params, x: Tensor): Output;
  /** The distribution of the outcome. */
  readonly distribution: Distribution<Output>;
}

/**
 * The mean negative log-likelihood of outcomes y given inputs x, `-1/N sum_n log P(y_n | x_n, params)`: the loss of the
 * FAdam paper (Eq 18, and 52 for its gradient).
 *
 * @param x inputs, `[N, ...]`
 * @param y outcomes, `[N, ...]`
 */
export function negativeLogLikelihood<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  const logProbability = overPairs((input, outcome) =>
    model.distribution.logProbability(model.apply(params, input), outcome),
  );
  return logProbability(x, y).mean().neg() as Tensor;
}

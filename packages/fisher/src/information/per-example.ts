import { grad, type Tensor } from "@amari/core";
import { overPairs } from "../batch.ts";
import type { Model } from "../models/model.ts";
import { ravel, vectorOf } from "../ravel.ts";

/**
 * The gradient of each example's loss -log P(y_n | x_n, params): a tree like the parameters whose tensors have a new
 * first axis of length N. Their mean is the gradient of the loss (FAdam paper, Eq 19 and 52).
 *
 * @param x inputs, `[N, ...]`
 * @param y outcomes, `[N, ...]`
 */
export function perExampleGradients<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Params {
  const loss = (p: Params, input: Tensor, outcome: Tensor): Tensor<[]> =>
    model.distribution.logProbability(model.apply(p, input), outcome).neg() as Tensor as Tensor<[]>;
  return overPairs((input, outcome) => grad(loss)(params, input, outcome))(x, y);
}

/** {@link perExampleGradients} as the rows of a matrix, `[N, P]`, with columns in the order of `ravel`. */
export function perExampleGradientMatrix<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  const { vector, unravel } = ravel(params);
  const loss = (theta: Tensor, input: Tensor, outcome: Tensor): Tensor<[]> =>
    model.distribution.logProbability(model.apply(unravel(theta), input), outcome).neg() as Tensor as Tensor<
      []
    >;
  return overPairs((input, outcome) => vectorOf(grad(loss)(vector, input, outcome)))(x, y);
}

/** The mean outer product of the rows of an `[N, P]` matrix. */
export const meanOuterProduct = (rows: Tensor): Tensor =>
  (rows.matrixTranspose().matmul(rows) as Tensor).div(rows.shape[0]!);

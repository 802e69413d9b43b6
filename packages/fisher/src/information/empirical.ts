import { mapTree, type Tensor } from "@amari/core";
import type { Model } from "../models/model.ts";
import { meanOuterProduct, perExampleGradientMatrix, perExampleGradients } from "./per-example.ts";

/**
 * The conditional empirical Fisher matrix 1/N sum_n g_n g_n', with g_n the gradient of log P(y_n | x_n, params) at the
 * labels of the data: the approximation of Eq 16 and 17 of the FAdam paper, Eq 51 and 56 for a conditional model.
 *
 * It is not a Fisher matrix: it agrees with {@link exactFisher} in expectation only where the labels are distributed as the
 * model says (Kunstner, Hennig and Balles, "Limitations of the empirical Fisher approximation", 2019).
 *
 * @param x inputs, `[N, ...]`
 * @param y outcomes of the data, `[N, ...]`
 * @returns `[P, P]`, in the order of `ravel`
 */
export function empiricalFisher<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  return meanOuterProduct(perExampleGradientMatrix(model, params, x, y));
}

/** The diagonal of {@link empiricalFisher}, the mean of squared per-example gradients, as a tree like the parameters. */
export function empiricalFisherDiagonal<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Params {
  return mapTree(perExampleGradients(model, params, x, y), (leaf) => leaf.square().mean(0));
}

/**
 * The squared gradient of a minibatch as a matrix, g g' with g = 1/B sum_n g_n: the approximation of Eq 21 and 57 of the
 * FAdam paper, whose diagonal Adam averages. For labels of the model its expectation is F / B, not F.
 *
 * @param x inputs of the minibatch, `[B, ...]`
 * @param y outcomes, `[B, ...]`
 * @returns `[P, P]` of rank one, in the order of `ravel`
 */
export function minibatchSquaredFisher<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  const mean = perExampleGradientMatrix(model, params, x, y).mean(0) as Tensor;
  return mean.outer(mean);
}

/** The diagonal of {@link minibatchSquaredFisher}, as a tree like the parameters. */
export function minibatchSquaredFisherDiagonal<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Params {
  return mapTree(perExampleGradients(model, params, x, y), (leaf) => leaf.mean(0).square());
}

import type { Tensor } from "@amari/core";
import { categorical } from "../distributions/categorical.ts";
import type { Model } from "./model.ts";

/** Weights and biases of an affine map from d inputs to k outputs. */
export interface AffineParameters {
  /** Weights, `[d, k]`. */
  readonly w: Tensor;
  /** Biases, `[k]`. */
  readonly b: Tensor;
}

/**
 * Multinomial logistic regression: logits x w + b, a categorical outcome. A generalised linear model with the canonical
 * link, so its Fisher matrix equals the Hessian of the loss, whatever the labels. F is singular: d + 1 directions shift
 * all logits alike.
 *
 * @example const F = exactFisher(softmaxRegression, { w, b }, x);
 */
export const softmaxRegression: Model<AffineParameters> = {
  apply: ({ w, b }, x) => x.matmul(w).add(b) as Tensor,
  distribution: categorical,
};

import type { Tensor } from "@amari/core";

/** Weights and biases of an affine map from d inputs to k outputs. */
export interface AffineParameters {
  /** Weights, `[d, k]`. */
  readonly w: Tensor;
  /** Biases, `[k]`. */
  readonly b: Tensor;
}

/** Weights and bias of an affine map from d inputs to one number. */
export interface AffineScalarParameters {
  /** Weights, `[d]`. */
  readonly w: Tensor;
  /** The bias, a scalar. */
  readonly b: Tensor;
}

/** x w + b, for one input or a batch. */
export const affine = ({ w, b }: AffineParameters | AffineScalarParameters, x: Tensor): Tensor =>
  x.matmul(w).add(b) as Tensor;

import { full, Tensor } from "@amari/core";
import { type AverageWeights, average } from "./moving-average.ts";

/** A nonnegative matrix (or a batch of them) kept as its means: rows [..., n], columns [..., m]. */
export interface Factored {
  readonly rows: Tensor;
  readonly columns: Tensor;
}

/** Whether an estimate is kept as means: where the parameter has rank 2 or more. */
const isFactored = (value: Factored | Tensor): value is Factored => !(value instanceof Tensor);

/** The estimate of a parameter's shape and dtype with every element `value`: factored from rank 2 on. */
export function constantEstimate({ shape, dtype, rank }: Tensor, value: number): Factored | Tensor {
  const filled = (...sizes: readonly number[]): Tensor => full(sizes, value, { dtype }) as Tensor;
  if (rank < 2) return filled(...shape);
  const batch: readonly number[] = shape.slice(0, -2);
  return { rows: filled(...batch, shape.at(-2)!), columns: filled(...batch, shape.at(-1)!) };
}

/** One step of a moving average of nonnegative tensors, factored as `old` is. */
export function averageEstimate(
  old: Factored | Tensor,
  sample: Tensor,
  weights: AverageWeights,
): Factored | Tensor {
  if (!isFactored(old)) return average(old, sample, weights);
  return {
    rows: average(old.rows, sample.mean(-1) as Tensor, weights),
    columns: average(old.columns, sample.mean(-2) as Tensor, weights),
  };
}

/**
 * The estimate as a tensor of the parameter's shape: of the matrices with the given row and column means, the one of rank
 * one, `r_i c_j / mean(r)`, which is the nearest of its kind in I-divergence to all of them.
 *
 * The mean is not taken to be smaller than `least`, and a matrix of zeros stays zero.
 */
export function estimateOf(estimate: Factored | Tensor, least = 0): Tensor {
  if (!isFactored(estimate)) return estimate;
  const mean = estimate.rows.mean(-1, { keepDims: true }) as Tensor;
  const divisor = least > 0 ? mean.maximum(least) : (mean.eq(0).where(1, mean) as Tensor);
  // The share first: the product of two means may underflow where its quotient by the third does not.
  const shares = estimate.rows.div(divisor).expandDims(-1) as Tensor;
  return shares.mul(estimate.columns.expandDims(-2) as Tensor) as Tensor;
}

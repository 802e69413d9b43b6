import { full, stopGradient, type Tensor } from "@amari/core";

/**
 * `sqrt(mean(x^2))` of all elements, a scalar; 0 for a tensor without elements.
 *
 * The elements are divided by the largest magnitude first, so that no square under- or overflows. That divisor is a
 * constant to the derivative: the value does not depend on it. The derivative at x = 0 is 0.
 */
export function rootMeanSquare(x: Tensor): Tensor {
  if (x.size === 0) return full([], 0, { dtype: x.dtype });
  const largest = stopGradient(x.abs().max()) as Tensor;
  const usable = largest.gt(0).logicalAnd(largest.isFinite());
  const scale = usable.where(largest, 1) as Tensor;
  const meanSquare = x.div(scale).square().mean() as Tensor;
  // Where there is nothing to scale by, the largest magnitude (0, Infinity or NaN) is the answer.
  return usable.where(safeSqrt(meanSquare).mul(scale), largest) as Tensor;
}

/** The square root, with derivative 0 instead of infinity at 0. */
export function safeSqrt(x: Tensor): Tensor {
  const isZero = x.eq(0);
  return isZero.where(0, isZero.where(1, x).sqrt()) as Tensor;
}

/** Shortens x so that its root mean square is at most `threshold`: `x / max(1, RMS(x) / threshold)`. */
export const clipToRms = (x: Tensor, threshold: number): Tensor =>
  x.div(rootMeanSquare(x).div(threshold).maximum(1));

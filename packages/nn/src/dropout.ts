import { ArgumentError, random, type Shape, type Tensor } from "@amari/core";

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** The probability that an element is dropped, 0 <= rate < 1. Default 0.5. */
  readonly rate?: number;
}

/**
 * Zeros elements independently with probability `rate` and divides the others by `1 - rate`, so that the expectation
 * stays (Srivastava et al. 2014). A pure function: the same key drops the same elements. Leave it out where the model is
 * not being trained.
 *
 * @example dropout(random.foldIn(key, step), hidden, { rate: 0.1 })
 * @throws ArgumentError for a rate out of range; ArgumentError, DTypeError, ShapeError for a bad key
 */
export function dropout<S extends Shape>(
  key: Tensor,
  x: Tensor<S>,
  { rate = 0.5 }: DropoutOptions = {},
): Tensor<S> {
  if (!(rate >= 0 && rate < 1)) {
    throw new ArgumentError(`dropout: expected a rate with 0 <= rate < 1, got ${rate}`);
  }
  if (rate === 0) return x;
  const kept: Tensor = random.bernoulli(key, 1 - rate, x.shape);
  return kept.where((x as Tensor).div(1 - rate), 0) as Tensor as Tensor<S>;
}

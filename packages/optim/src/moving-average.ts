import type { Tensor } from "@amari/core";

/** The weights of one step of a moving average: `average = kept * average + fresh * sample`. */
export interface AverageWeights {
  readonly kept: Tensor | number;
  readonly fresh: Tensor | number;
}

/**
 * `1 / (1 - beta^t)`, by which an exponential average that began at 0 falls short after t samples; accurate for beta near
 * 1. A factor, since a division of every element would take longer than the memory that it stands in.
 */
export const biasCorrection = (beta: number, t: Tensor): Tensor | number =>
  beta === 0 ? 1 : t.mul(Math.log(beta)).expm1().neg().reciprocal();

/**
 * The weights that keep an exponential average unbiased from its first sample on (arXiv 2405.12807, Section 3.4.4):
 * `kept = beta (1 - beta^(t-1)) / (1 - beta^t)` and `fresh = (1 - beta) / (1 - beta^t)`, which add up to 1.
 *
 * At t = 1 they are exactly 0 and 1, so the value that the average starts with has no influence. The limit beta = 1 is
 * the running mean. Each weight is computed by itself, since `1 - kept` cancels in float32.
 */
export function unbiasedWeights(beta: number, t: Tensor): AverageWeights {
  if (beta === 0) return { kept: 0, fresh: 1 };
  if (beta === 1) return { kept: t.sub(1).div(t), fresh: t.reciprocal() };
  const logBeta = Math.log(beta);
  const total = t.mul(logBeta).expm1();
  return {
    kept: t.sub(1).mul(logBeta).expm1().div(total).mul(beta),
    fresh: t.eq(1).where(1, total.reciprocal().mul(beta - 1)),
  };
}

/** One step of a moving average. */
export const average = (old: Tensor, sample: Tensor, { kept, fresh }: AverageWeights): Tensor =>
  old.mul(kept).add(sample.mul(fresh));

/** One step of the plain exponential average `beta * old + (1 - beta) * sample`. */
export const exponentialAverage = (old: Tensor, sample: Tensor, beta: number): Tensor =>
  average(old, sample, { kept: beta, fresh: 1 - beta });

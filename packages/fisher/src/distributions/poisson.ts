import { arange, random, type Tensor } from "@amari/core";
import type { Distribution, ExponentialFamily } from "./distribution.ts";

/** How many counts the sampler tells apart; at half this rate the mass beyond is about 1e-22. */
const tabulated = 256;

/**
 * The Poisson distribution by the logarithm of its rate, a scalar. Outcomes are counts 0, 1, 2, ...
 *
 * Fisher information lambda = exp(logRate); natural parameter the log-rate, mean parameter the rate, log-partition exp.
 *
 * Draws come from a table of the first 256 counts, which is exact in float64 for rates up to 128; they are NaN beyond.
 */
export const poisson: Distribution<Tensor> & ExponentialFamily<Tensor> = {
  name: "poisson(logRate)",
  logProbability: (logRate, outcome) => {
    const count = outcome.astype(logRate.dtype);
    return logRate.mul(count).sub(logRate.exp()).sub(count.add(1).lgamma()) as Tensor;
  },
  fisher: (logRate) => logRate.exp().reshape([1, 1]),
  sample: (key, logRate, shape = []) => {
    const counts = arange(0, tabulated, 1, { dtype: logRate.dtype }) as Tensor;
    const logits = counts.mul(logRate).sub(counts.add(1).lgamma());
    const drawn = random.categorical(key, logits, { shape }).astype(logRate.dtype) as Tensor;
    return logRate.gt(Math.log(tabulated / 2)).where(Number.NaN, drawn);
  },
  // lambda (e^h - 1 - h) with h the difference of the log-rates
  kl: (p, q) => p.exp().mul(q.sub(p).expm1().sub(q.sub(p))),
  sufficientStatistic: (logRate, outcome) => outcome.astype(logRate.dtype).reshape([1]),
  logPartition: (natural) => natural.exp().reshape([]),
  toNatural: (logRate) => logRate.reshape([1]),
  fromNatural: (natural) => natural.reshape([]),
  toMean: (logRate) => logRate.exp().reshape([1]),
  fromMean: (mean) => mean.log().reshape([]),
};

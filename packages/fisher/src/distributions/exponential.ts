import { random, type Tensor } from "@amari/core";
import type { Distribution, Entropy, ExponentialFamily } from "./distribution.ts";

/**
 * The exponential distribution by its rate l > 0, a scalar: density l exp(-l y) for y >= 0.
 *
 * Fisher information 1 / l^2; natural parameter -l, mean parameter 1 / l, log-partition -log(-theta).
 */
export const exponential: Distribution<Tensor> & ExponentialFamily<Tensor> & Entropy<Tensor> = {
  name: "exponential(rate)",
  logProbability: (rate, outcome) => rate.log().sub(rate.mul(outcome.astype(rate.dtype))) as Tensor,
  fisher: (rate) => rate.square().reciprocal().reshape([1, 1]),
  sample: (key, rate, shape = []) =>
    (random.exponential(key, shape, { dtype: rate.dtype }) as Tensor).div(rate),
  // r - 1 - log r with r the ratio of the rates, by log1p so that it does not cancel where the rates are close
  kl: (p, q) => {
    const excess = q.sub(p).div(p);
    return excess.sub(excess.log1p());
  },
  entropy: (rate) => rate.log().neg().add(1),
  sufficientStatistic: (rate, outcome) => outcome.astype(rate.dtype).reshape([1]),
  logPartition: (natural) => natural.neg().log().neg().reshape([]),
  toNatural: (rate) => rate.neg().reshape([1]),
  fromNatural: (natural) => natural.neg().reshape([]),
  toMean: (rate) => rate.reciprocal().reshape([1]),
  fromMean: (mean) => mean.reciprocal().reshape([]),
};

import { random, type Tensor } from "@amari/core";
import type { Distribution, Entropy, ExponentialFamily } from "./distribution.ts";

/**
 * The geometric distribution by its probability of success p in (0, 1), a scalar: the number k = 0, 1, 2, ... of
 * failures before the first success, P(k) = p (1 - p)^k.
 *
 * Fisher information 1 / (p^2 (1 - p)); natural parameter log(1 - p), mean parameter (1 - p) / p, log-partition
 * -log(1 - e^theta).
 */
export const geometric: Distribution<Tensor> & ExponentialFamily<Tensor> & Entropy<Tensor> = {
  name: "geometric(probability)",
  logProbability: (p, outcome) => p.log().add(p.neg().log1p().mul(outcome.astype(p.dtype))) as Tensor,
  fisher: (p) => p.square().mul(p.neg().add(1)).reciprocal().reshape([1, 1]),
  // The integer part of an exponential variable: P(floor(e / r) >= k) = exp(-r k) = (1 - p)^k for r = -log(1 - p).
  sample: (key, p, shape = []) =>
    (random.exponential(key, shape, { dtype: p.dtype }) as Tensor).div(p.neg().log1p().neg()).floor(),
  kl: (p, q) =>
    p
      .log()
      .sub(q.log())
      .add(failures(p).mul(p.neg().log1p().sub(q.neg().log1p()))),
  entropy: (p) => p.log().neg().sub(failures(p).mul(p.neg().log1p())),
  sufficientStatistic: (p, outcome) => outcome.astype(p.dtype).reshape([1]),
  logPartition: (natural) => natural.expm1().neg().log().neg().reshape([]),
  toNatural: (p) => p.neg().log1p().reshape([1]),
  fromNatural: (natural) => natural.expm1().neg().reshape([]),
  toMean: (p) => failures(p).reshape([1]),
  fromMean: (mean) => mean.add(1).reciprocal().reshape([]),
};

/** The mean number of failures. */
const failures = (p: Tensor): Tensor => p.neg().add(1).div(p);

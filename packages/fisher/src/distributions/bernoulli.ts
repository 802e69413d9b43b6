import { random, type Tensor, tensor } from "@amari/core";
import type { Distribution, Entropy, Enumerable, ExponentialFamily } from "./distribution.ts";

/**
 * The Bernoulli distribution by its logit, a scalar: P(1) = p = sigmoid(logit). Outcomes are 0 and 1.
 *
 * Fisher information p (1 - p); natural parameter the logit, mean parameter p, log-partition softplus.
 */
export const bernoulli: Distribution<Tensor> &
  Enumerable<Tensor> &
  ExponentialFamily<Tensor> &
  Entropy<Tensor> = {
  name: "bernoulli(logit)",
  logProbability: (logit, outcome) => logit.mul(outcome.astype(logit.dtype)).sub(logit.softplus()) as Tensor,
  fisher: (logit) => variance(logit).reshape([1, 1]),
  sample: (key, logit, shape = []) => random.bernoulli(key, logit.sigmoid(), shape).astype("int32"),
  kl: (p, q) => p.sigmoid().mul(p.sub(q)).sub(p.softplus()).add(q.softplus()),
  entropy: (logit) => logit.softplus().sub(logit.mul(logit.sigmoid())),
  support: (logit) => tensor([0, 1], { dtype: logit.dtype }) as Tensor,
  sufficientStatistic: (logit, outcome) => outcome.astype(logit.dtype).reshape([1]),
  logPartition: (natural) => natural.softplus().reshape([]),
  toNatural: (logit) => logit.reshape([1]),
  fromNatural: (natural) => natural.reshape([]),
  toMean: (logit) => logit.sigmoid().reshape([1]),
  fromMean: (mean) => mean.log().sub(mean.neg().log1p()).reshape([]),
};

/** p (1 - p), as a product of sigmoids, so that it does not cancel to 0 for a large logit. */
const variance = (logit: Tensor): Tensor => logit.sigmoid().mul(logit.neg().sigmoid());

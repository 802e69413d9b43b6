import { arange, concat, eye, random, type Tensor, zeros } from "@amari/core";
import type { Distribution, Entropy, Enumerable, ExponentialFamily } from "./distribution.ts";

/** The scalar product with the probabilities, where an impossible outcome (0 times -Infinity) counts nothing. */
const expectation = (p: Tensor, values: Tensor): Tensor =>
  p
    .eq(0)
    .where(0, p.mul(p.eq(0).where(0, values)))
    .sum(-1);

/**
 * The categorical distribution over K classes, by its logits `[K]`: p = softmax(logits). Outcomes are class indices.
 *
 * Its Fisher matrix is diag(p) - p p', which is singular along (1, ..., 1): adding a constant to all logits changes
 * nothing. The natural and mean parameters are minimal: theta_i = logit_i - logit_K and mu_i = p_i for i < K.
 */
export const categorical: Distribution<Tensor> &
  Enumerable<Tensor> &
  ExponentialFamily<Tensor> &
  Entropy<Tensor> = {
  name: "categorical(logits)",
  logProbability: (logits, outcome) => {
    const chosen = outcome.astype("int32").oneHot(logits.shape.at(-1)!, { dtype: logits.dtype }) as Tensor;
    return chosen.ne(0).where(logits.logSoftmax(), 0).sum(-1);
  },
  fisher: (logits) => {
    const p = logits.softmax();
    const k = p.shape[0]!;
    return (eye(k, k, { dtype: p.dtype }) as Tensor).mul(p).sub(p.outer(p));
  },
  sample: (key, logits, shape = []) => random.categorical(key, logits, { shape }),
  kl: (p, q) => expectation(p.softmax(), p.logSoftmax().sub(q.logSoftmax())),
  entropy: (logits) => expectation(logits.softmax(), logits.logSoftmax()).neg(),
  support: (logits) => arange(logits.shape[0]!) as Tensor,
  sufficientStatistic: (logits, outcome) => {
    const k = logits.shape[0]!;
    return (outcome.astype("int32").oneHot(k, { dtype: logits.dtype }) as Tensor).slice([0, k - 1]);
  },
  logPartition: (natural) => withReference(natural).logSumExp(),
  toNatural: (logits) => logits.slice([0, logits.shape[0]! - 1]).sub(logits.slice(logits.shape[0]! - 1)),
  fromNatural: (natural) => withReference(natural),
  toMean: (logits) => logits.softmax().slice([0, logits.shape[0]! - 1]),
  fromMean: (mean) => {
    const last = (mean.sum() as Tensor).neg().add(1).reshape([1]);
    return (concat([mean, last]) as Tensor).log();
  },
};

/** The logits of minimal natural parameters: that of the last class is 0. */
const withReference = (natural: Tensor): Tensor =>
  concat([natural, zeros([1], { dtype: natural.dtype }) as Tensor]) as Tensor;

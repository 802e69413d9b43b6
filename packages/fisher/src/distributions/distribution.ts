import type { Shape, Tensor } from "@amari/core";

/**
 * A parametric family of distributions P(y | parameters), written for one distribution: the parameters are a tensor or
 * a tree of tensors without batch axes. `vmap` gives batches of it.
 *
 * Everything is differentiable by the parameters, and computed in their dtype: use float64 for exact mathematics.
 */
export interface Distribution<Parameters> {
  /** The family's name and parametrisation, for messages. */
  readonly name: string;

  /** log P(y | parameters), a scalar. */
  logProbability(parameters: Parameters, outcome: Tensor): Tensor;

  /**
   * The Fisher information matrix in closed form, `[D, D]`, with the D parameters in the order of `ravel`:
   * F = E[score score'] (FAdam paper, Eq 7), the expectation under the distribution itself.
   */
  fisher(parameters: Parameters): Tensor;

  /**
   * Independent draws.
   *
   * @param key a key of `random.key` or `random.split`
   * @param shape the axes of draws, default none; the result has the shape `[...shape, ...outcome]`
   */
  sample(key: Tensor, parameters: Parameters, shape?: Shape): Tensor;

  /** The Kullback-Leibler divergence D(p || q) in closed form, a scalar in nats. */
  kl(p: Parameters, q: Parameters): Tensor;
}

/** A family whose outcomes can be listed. */
export interface Enumerable<Parameters> {
  /** All outcomes, stacked along the first axis. */
  support(parameters: Parameters): Tensor;
}

/** A family whose entropy has a closed form. */
export interface Entropy<Parameters> {
  /** -E[log P(y)] in nats, a scalar; for densities the differential entropy. */
  entropy(parameters: Parameters): Tensor;
}

/**
 * An exponential family, log p(y) = theta . T(y) - A(theta) + log h(y), in minimal coordinates: natural parameters theta
 * and mean parameters mu = E[T(y)] = grad A(theta) are vectors of one length, and the Fisher matrix is Hess A(theta) in
 * the first and its inverse in the second.
 */
export interface ExponentialFamily<Parameters> {
  /** T(y), `[D]`. */
  sufficientStatistic(parameters: Parameters, outcome: Tensor): Tensor;
  /** A(theta), a scalar: the logarithm of the normaliser. */
  logPartition(natural: Tensor): Tensor;
  /** theta of the parameters, `[D]`. */
  toNatural(parameters: Parameters): Tensor;
  /** The parameters of theta. */
  fromNatural(natural: Tensor): Parameters;
  /** mu = E[T(y)], `[D]`. */
  toMean(parameters: Parameters): Tensor;
  /** The parameters of mu. */
  fromMean(mean: Tensor): Parameters;
}

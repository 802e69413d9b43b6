import { random, stack, type Tensor, zeros } from "@amari/core";
import type { Distribution, Entropy, ExponentialFamily } from "./distribution.ts";

/** Parameters of {@link gaussianLogScale}: scalars. */
export interface MeanLogScale {
  readonly mean: Tensor;
  /** The logarithm of the standard deviation. */
  readonly logScale: Tensor;
}

/** Parameters of {@link gaussianScale}: scalars. */
export interface MeanScale {
  readonly mean: Tensor;
  /** The standard deviation. */
  readonly scale: Tensor;
}

/** Parameters of {@link gaussianVariance}: scalars. */
export interface MeanVariance {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** A Gaussian in one parametrisation: an exponential family with natural parameters (mean / v, -1 / (2 v)). */
export type Gaussian<Parameters> = Distribution<Parameters> &
  ExponentialFamily<Parameters> &
  Entropy<Parameters>;

const halfLogTwoPi = Math.log(2 * Math.PI) / 2;

/**
 * The Gaussian by its mean and log standard deviation. Fisher matrix diag(2, 1 / s^2): logScale comes before mean in the
 * order of `ravel`.
 */
export const gaussianLogScale: Gaussian<MeanLogScale> = gaussian(
  "gaussian(mean, logScale)",
  (parameters) => parameters,
  (parameters) => parameters,
  ({ logScale }) => [logScale.mul(0).add(2), logScale.mul(-2).exp()],
);

/** The Gaussian by its mean and standard deviation. Fisher matrix diag(1 / s^2, 2 / s^2). */
export const gaussianScale: Gaussian<MeanScale> = gaussian(
  "gaussian(mean, scale)",
  ({ mean, scale }) => ({ mean, logScale: scale.log() }),
  ({ mean, logScale }) => ({ mean, scale: logScale.exp() }),
  ({ scale }) => [scale.square().reciprocal(), scale.square().reciprocal().mul(2)],
);

/** The Gaussian by its mean and variance. Fisher matrix diag(1 / v, 1 / (2 v^2)). */
export const gaussianVariance: Gaussian<MeanVariance> = gaussian(
  "gaussian(mean, variance)",
  ({ mean, variance }) => ({ mean, logScale: variance.log().div(2) }),
  ({ mean, logScale }) => ({ mean, variance: logScale.mul(2).exp() }),
  ({ variance }) => [variance.reciprocal(), variance.square().reciprocal().div(2)],
);

/** A parametrisation is a map to mean and log-scale and back, and the diagonal of its Fisher matrix. */
function gaussian<Parameters>(
  name: string,
  to: (parameters: Parameters) => MeanLogScale,
  from: (parameters: MeanLogScale) => Parameters,
  fisherDiagonal: (parameters: Parameters) => readonly [Tensor, Tensor],
): Gaussian<Parameters> {
  const momentsOf = (parameters: Parameters): readonly [mean: Tensor, variance: Tensor] => {
    const { mean, logScale } = to(parameters);
    return [mean, logScale.mul(2).exp()];
  };
  const ofMoments = (mean: Tensor, variance: Tensor): Parameters =>
    from({ mean, logScale: variance.log().div(2) });
  return {
    name,
    logProbability: (parameters, outcome) => {
      const { mean, logScale } = to(parameters);
      const standard = outcome.astype(mean.dtype).sub(mean).mul(logScale.neg().exp());
      return standard.square().div(-2).sub(logScale).sub(halfLogTwoPi) as Tensor;
    },
    fisher: (parameters) => diagonalMatrix(fisherDiagonal(parameters)),
    sample: (key, parameters, shape = []) => {
      const { mean, logScale } = to(parameters);
      return (random.normal(key, shape, { dtype: mean.dtype }) as Tensor).mul(logScale.exp()).add(mean);
    },
    // d + (e^(-2d) - 1) / 2 + (difference of the means)^2 / (2 s_q^2), d the difference of the log-scales
    kl: (p, q) => {
      const [a, b] = [to(p), to(q)];
      const d = b.logScale.sub(a.logScale);
      const standard = b.mean.sub(a.mean).mul(b.logScale.neg().exp());
      return d.add(d.mul(-2).expm1().div(2)).add(standard.square().div(2));
    },
    entropy: (parameters) => to(parameters).logScale.add(halfLogTwoPi + 0.5),
    sufficientStatistic: (parameters, outcome) => {
      const y = outcome.astype(to(parameters).mean.dtype);
      return stack([y, y.square()]) as Tensor;
    },
    logPartition: (natural) => {
      const [first, second] = [natural.slice(0), natural.slice(1)];
      return first.square().div(second.mul(-4)).sub(second.mul(-2).log().div(2)).add(halfLogTwoPi);
    },
    toNatural: (parameters) => {
      const [mean, variance] = momentsOf(parameters);
      return stack([mean.div(variance), variance.mul(-2).reciprocal()]) as Tensor;
    },
    fromNatural: (natural) => {
      const variance = natural.slice(1).mul(-2).reciprocal();
      return ofMoments(natural.slice(0).mul(variance), variance);
    },
    toMean: (parameters) => {
      const [mean, variance] = momentsOf(parameters);
      return stack([mean, mean.square().add(variance)]) as Tensor;
    },
    fromMean: (moments) => {
      const mean = moments.slice(0);
      return ofMoments(mean, moments.slice(1).sub(mean.square()));
    },
  };
}

function diagonalMatrix([first, second]: readonly [Tensor, Tensor]): Tensor {
  const zero = zeros([], { dtype: first.dtype }) as Tensor;
  return (stack([first, zero, zero, second]) as Tensor).reshape([2, 2]);
}

import { einsum, iota, jacfwd, random, type Tensor } from "@amari/core";
import { vectorOf } from "../ravel.ts";
import type { Distribution, Entropy } from "./distribution.ts";

/** Parameters of {@link multivariateGaussian}. */
export interface MeanCovariance {
  /** `[d]` */
  readonly mean: Tensor;
  /** `[d, d]`, positive definite; only its symmetric part counts. */
  readonly covariance: Tensor;
}

/** Parameters of {@link multivariateGaussianCholesky}. */
export interface MeanCholesky {
  /** `[d]` */
  readonly mean: Tensor;
  /** L with covariance L L', `[d, d]`; only its lower triangle counts. */
  readonly choleskyFactor: Tensor;
}

/**
 * The Gaussian in d dimensions by its mean and covariance.
 *
 * The Fisher matrix has d^2 rows for the covariance, then d for the mean. It is singular on antisymmetric changes of the
 * covariance, which change nothing.
 */
export const multivariateGaussian: Distribution<MeanCovariance> & Entropy<MeanCovariance> = byCovariance(
  "multivariateGaussian(mean, covariance)",
  ({ mean }) => mean,
  ({ covariance }) => covariance,
  symmetricPart,
  (covariance) => covariance.cholesky(),
);

/**
 * The Gaussian in d dimensions by its mean and the Cholesky factor of its covariance.
 *
 * The Fisher matrix has d^2 rows for the factor, then d for the mean. It is zero for the entries above the factor's
 * diagonal, which do not count.
 */
export const multivariateGaussianCholesky: Distribution<MeanCholesky> & Entropy<MeanCholesky> = byCovariance(
  "multivariateGaussian(mean, choleskyFactor)",
  ({ mean }) => mean,
  ({ choleskyFactor }) => choleskyFactor,
  (factor) => lowerTriangle(factor).matmul(lowerTriangle(factor).matrixTranspose()) as Tensor,
  lowerTriangle,
);

function symmetricPart(x: Tensor): Tensor {
  return x.add(x.matrixTranspose()).div(2);
}

function lowerTriangle(x: Tensor): Tensor {
  const shape = x.shape as [number, number];
  return (iota(shape, 0) as Tensor).ge(iota(shape, 1) as Tensor).where(x, 0);
}

/** A parametrisation of the covariance by one d x d matrix. */
function byCovariance<Parameters>(
  name: string,
  meanOf: (parameters: Parameters) => Tensor,
  matrixOf: (parameters: Parameters) => Tensor,
  covariance: (matrix: Tensor) => Tensor,
  choleskyFactor: (matrix: Tensor) => Tensor,
): Distribution<Parameters> & Entropy<Parameters> {
  const logDeterminant = (factor: Tensor): Tensor => factor.diagonal().abs().log().sum().mul(2) as Tensor;
  return {
    name,
    logProbability: (parameters, outcome) => {
      const [mean, factor] = [meanOf(parameters), choleskyFactor(matrixOf(parameters))];
      const standard = factor.triangularSolve(outcome.astype(mean.dtype).sub(mean));
      const constant = mean.size * Math.log(2 * Math.PI);
      return standard.square().sum().add(logDeterminant(factor)).add(constant).div(-2) as Tensor;
    },
    sample: (key, parameters, shape = []) => {
      const [mean, factor] = [meanOf(parameters), choleskyFactor(matrixOf(parameters))];
      const standard = random.normal(key, [...shape, mean.size], { dtype: mean.dtype }) as Tensor;
      return (standard.matmul(factor.matrixTranspose()) as Tensor).add(mean);
    },
    // F_ij = d_i mean' S^-1 d_j mean + tr(S^-1 d_i S S^-1 d_j S) / 2; the mean and the covariance share no parameter
    // (Porat and Friedlander, "Computation of the exact information matrix of Gaussian time series", 1986).
    fisher: (parameters) => {
      const matrix = matrixOf(parameters);
      const d = matrix.shape[0]!;
      const precision = covariance(matrix).inverse();
      const derivatives = (jacfwd(covariance)(matrix) as Tensor).reshape([d, d, d * d]);
      const scaled = einsum("ij,jkp->ikp", precision, derivatives);
      const ofCovariance = einsum("ikp,kiq->pq", scaled, scaled).div(2);
      return ofCovariance
        .pad([
          [0, d],
          [0, d],
        ])
        .add(
          precision.pad([
            [d * d, 0],
            [d * d, 0],
          ]),
        );
    },
    kl: (p, q) => {
      const [factorP, factorQ] = [choleskyFactor(matrixOf(p)), choleskyFactor(matrixOf(q))];
      const ratio = vectorOf(factorQ.triangularSolve(factorP));
      const shift = factorQ.triangularSolve(meanOf(q).sub(meanOf(p)));
      return ratio
        .square()
        .sum()
        .add(shift.square().sum())
        .sub(meanOf(p).size)
        .add(logDeterminant(factorQ))
        .sub(logDeterminant(factorP))
        .div(2) as Tensor;
    },
    entropy: (parameters) =>
      logDeterminant(choleskyFactor(matrixOf(parameters)))
        .add(meanOf(parameters).size * (1 + Math.log(2 * Math.PI)))
        .div(2),
  };
}

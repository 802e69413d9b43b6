import { hessian, random, type Tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { multivariateGaussian, multivariateGaussianCholesky, ravel } from "../src/index.ts";
import { difference, largest, relativeDifference, t64, tensors, u } from "./support.ts";

describe("the multivariate Gaussian", () => {
  const d = 2;
  const factors = fc.record({ a: tensors([d, d], 1) }).map(({ a }) => a.add(t64([1.5, 0, 0, 1.5], [d, d])));
  const means = tensors([d]);

  test.prop([means, factors, means, factors])(
    "both parametrisations agree on log P and the divergence",
    (mean, a, y, b) => {
      const byFactor = (m: Tensor, l: Tensor) => ({ mean: m, choleskyFactor: l });
      const lower = (l: Tensor) => l.mul(t64([1, 0, 1, 1], [d, d]));
      const byCovariance = (m: Tensor, l: Tensor) => ({
        mean: m,
        covariance: lower(l).matmul(lower(l).matrixTranspose()) as Tensor,
      });
      // The factor has a condition number below 40, its square enters: 1e4 u is ample.
      const first = multivariateGaussian.logProbability(byCovariance(mean, a), y);
      expect(
        relativeDifference(first, multivariateGaussianCholesky.logProbability(byFactor(mean, a), y)),
      ).toBeLessThan(1e5 * u);
      const kl = multivariateGaussianCholesky.kl(byFactor(mean, a), byFactor(y, b));
      expect(difference(multivariateGaussian.kl(byCovariance(mean, a), byCovariance(y, b)), kl)).toBeLessThan(
        1e5 * u * (1 + largest(kl)),
      );
    },
  );

  test.prop([means, factors])(
    "the Fisher matrix of the mean is the inverse covariance",
    (mean, choleskyFactor) => {
      const fisher = multivariateGaussianCholesky.fisher({ mean, choleskyFactor });
      const l = choleskyFactor.mul(t64([1, 0, 1, 1], [d, d]));
      const covariance = l.matmul(l.matrixTranspose()) as Tensor;
      const block = fisher.slice([d * d, d * d + d], [d * d, d * d + d]);
      expect(difference(block.matmul(covariance), t64([1, 0, 0, 1], [d, d]))).toBeLessThan(1e5 * u);
    },
  );

  test.prop([means, factors])(
    "the second derivative of the divergence is the Fisher matrix",
    (mean, choleskyFactor) => {
      const p = { mean, choleskyFactor };
      const { vector, unravel } = ravel(p);
      const curvature = hessian((v: Tensor) => multivariateGaussianCholesky.kl(p, unravel(v)) as Tensor<[]>)(
        vector,
      );
      expect(relativeDifference(curvature, multivariateGaussianCholesky.fisher(p))).toBeLessThan(1e5 * u);
      const covariance = choleskyFactor
        .matmul(choleskyFactor.matrixTranspose())
        .add(t64([1, 0, 0, 1], [d, d])) as Tensor;
      const q = ravel({ mean, covariance });
      const second = hessian(
        (v: Tensor) => multivariateGaussian.kl({ mean, covariance }, q.unravel(v)) as Tensor<[]>,
      )(q.vector);
      expect(relativeDifference(second, multivariateGaussian.fisher({ mean, covariance }))).toBeLessThan(
        1e5 * u,
      );
    },
  );

  test("draws have the mean and the covariance, within four standard errors (key 2, 4000 draws)", () => {
    const p = { mean: t64([1, -2]), covariance: t64([2, 0.6, 0.6, 0.5], [2, 2]) };
    const n = 4000;
    const centred = multivariateGaussian.sample(random.key(2) as Tensor, p, [n]).sub(p.mean);
    expect(largest((centred.mean(0) as Tensor).div(p.covariance.diagonal().div(n).sqrt()))).toBeLessThan(4);
    const products = centred.expandDims(1).mul(centred.expandDims(2)) as Tensor;
    const deviations = (products.mean(0) as Tensor).sub(p.covariance).div(products.variance(0).div(n).sqrt());
    expect(largest(deviations)).toBeLessThan(4);
  });
});

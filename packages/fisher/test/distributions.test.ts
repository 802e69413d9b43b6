import { grad, hessian, jacfwd, random, type Tensor, vmap } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  bernoulli,
  categorical,
  type Distribution,
  type Entropy,
  type ExponentialFamily,
  exponential,
  gaussianLogScale,
  gaussianScale,
  gaussianVariance,
  geometric,
  isotropicGaussian,
  multivariateGaussian,
  multivariateGaussianCholesky,
  poisson,
  ravel,
} from "../src/index.ts";
import { difference, largest, relativeDifference, t64, tensors, u } from "./support.ts";

const overOutcomes = (f: (y: Tensor) => Tensor) => vmap(f as never) as unknown as (y: Tensor) => Tensor;

/** Outcomes with weights, such that sum_i weight_i f(y_i) is the integral or sum of f over the space of outcomes. */
interface Quadrature {
  readonly outcomes: Tensor;
  readonly weights: Tensor;
}

const counts = (n: number): Quadrature => ({
  outcomes: t64(Array.from({ length: n }, (_, i) => i)),
  weights: t64(Array.from({ length: n }, () => 1)),
});

/**
 * The trapezoidal rule: for an analytic integrand that falls off at both ends its error is exponentially small in 1 / step. For a
 * Gaussian and a step of half a standard deviation it is about exp(-2 pi^2 / 0.25) = 1e-34.
 */
function trapezoids(low: number, high: number, n: number): Quadrature {
  const h = (high - low) / n;
  return {
    outcomes: t64(Array.from({ length: n + 1 }, (_, i) => low + i * h)),
    weights: t64(Array.from({ length: n + 1 }, () => h)),
  };
}

/**
 * The half line by y = e^s, so that the integrand in s falls off at both ends. It is analytic in the strip |Im s| < pi / 2, so
 * the error of the trapezoidal rule with step 1/4 is about exp(-2 pi (pi / 2) / 0.25) = 1e-17.
 */
function halfLine(scale: number): Quadrature {
  const { outcomes, weights } = trapezoids(-46, 5, 204);
  const y = outcomes.exp().mul(scale);
  return { outcomes: y, weights: weights.mul(y) };
}

interface Case<P> {
  readonly distribution: Distribution<P> & Partial<ExponentialFamily<P>> & Partial<Entropy<P>>;
  readonly parameters: fc.Arbitrary<P>;
  readonly quadrature: (parameters: P) => Quadrature;
}

const scalar = (min: number, max: number): fc.Arbitrary<Tensor> =>
  fc.double({ min, max, noNaN: true }).map((x) => t64([x], []));
const logits = tensors([4], 3);
const around = (mean: Tensor, scale: number): Quadrature => {
  const center = mean.itemSync();
  return trapezoids(center - 12 * scale, center + 12 * scale, 48);
};

const erase = <P>(item: Case<P>): Case<unknown> => item as unknown as Case<unknown>;
const cases: readonly Case<unknown>[] = [
  erase({ distribution: bernoulli, parameters: scalar(-6, 6), quadrature: () => counts(2) }),
  erase({ distribution: categorical, parameters: logits, quadrature: () => counts(4) }),
  erase({ distribution: poisson, parameters: scalar(-2, 2), quadrature: () => counts(45) }),
  erase({ distribution: geometric, parameters: scalar(0.2, 0.9), quadrature: () => counts(220) }),
  erase({
    distribution: exponential,
    parameters: scalar(0.2, 5),
    quadrature: (rate) => halfLine(1 / rate.itemSync()),
  }),
  erase({
    distribution: gaussianLogScale,
    parameters: fc.record({ mean: scalar(-2, 2), logScale: scalar(-1, 1) }),
    quadrature: ({ mean, logScale }) => around(mean, Math.exp(logScale.itemSync())),
  }),
  erase({
    distribution: gaussianScale,
    parameters: fc.record({ mean: scalar(-2, 2), scale: scalar(0.4, 3) }),
    quadrature: ({ mean, scale }) => around(mean, scale.itemSync()),
  }),
  erase({
    distribution: gaussianVariance,
    parameters: fc.record({ mean: scalar(-2, 2), variance: scalar(0.2, 9) }),
    quadrature: ({ mean, variance }) => around(mean, Math.sqrt(variance.itemSync())),
  }),
  erase({
    distribution: isotropicGaussian(2),
    parameters: scalar(-2, 2),
    quadrature: (mean) => around(mean, Math.SQRT2),
  }),
];

/** E[f(y)] under the distribution, by quadrature. */
function expectation(item: Case<unknown>, parameters: unknown, f: (y: Tensor) => Tensor): Tensor {
  const { outcomes, weights } = item.quadrature(parameters);
  const mass = overOutcomes((y) => item.distribution.logProbability(parameters, y))(outcomes)
    .exp()
    .mul(weights);
  const values = overOutcomes(f)(outcomes);
  return values.mul(mass.reshape([mass.shape[0]!, ...values.shape.slice(1).map(() => 1)])).sum(0) as Tensor;
}

// A sum of up to 220 terms whose parts were computed by a dozen operations, each within an ulp; the terms of the Fisher
// information are up to 50 times larger than it where the scores are. 1e-11 is 1e5 u.
const tolerance = 1e-11;

describe.each(cases.map((item) => [item.distribution.name, item] as const))("%s", (_, item) => {
  const { distribution, parameters } = item;
  const flat = (p: unknown) => {
    const { vector, unravel } = ravel(p);
    return {
      vector,
      log: (v: Tensor, y: Tensor) => distribution.logProbability(unravel(v), y) as Tensor<[]>,
    };
  };

  test.prop([parameters])("the probabilities add up to one", (p) => {
    expect(
      difference(
        expectation(item, p, () => t64([1], [])),
        t64([1], []),
      ),
    ).toBeLessThan(tolerance);
  });

  test.prop([parameters])("the expected score is zero", (p) => {
    const { vector, log } = flat(p);
    const mean = expectation(item, p, (y) => grad(log)(vector, y));
    expect(largest(mean)).toBeLessThan(tolerance * 10 * (1 + Math.sqrt(largest(distribution.fisher(p)))));
  });

  test.prop([parameters])("the closed-form Fisher matrix is the covariance of the score (Eq 7)", (p) => {
    const { vector, log } = flat(p);
    const covariance = expectation(item, p, (y) => {
      const score = grad(log)(vector, y);
      return score.outer(score);
    });
    expect(relativeDifference(covariance, distribution.fisher(p))).toBeLessThan(tolerance * 10);
  });

  test.prop([parameters])("the closed-form Fisher matrix is the expected Hessian of -log P (Eq 8)", (p) => {
    const { vector, log } = flat(p);
    const curvature = expectation(item, p, (y) => hessian(log)(vector, y) as Tensor).neg();
    expect(relativeDifference(curvature, distribution.fisher(p))).toBeLessThan(tolerance * 10);
  });

  test.prop([parameters, parameters])("the closed-form divergence is E_p[log p - log q]", (p, q) => {
    const gap = expectation(item, p, (y) =>
      distribution.logProbability(p, y).sub(distribution.logProbability(q, y)),
    );
    const size = 1 + largest(distribution.kl(p, q));
    expect(difference(distribution.kl(p, q), gap)).toBeLessThan(tolerance * 10 * size);
  });

  test.prop([parameters])(
    "the second derivative of the divergence is the Fisher matrix (Eq 40 to 46)",
    (p) => {
      const { vector, unravel } = ravel(p);
      const curvature = hessian((v: Tensor) => distribution.kl(p, unravel(v)) as Tensor<[]>)(
        vector,
      ) as Tensor;
      expect(relativeDifference(curvature, distribution.fisher(p))).toBeLessThan(200 * u);
    },
  );

  const { entropy } = distribution;
  if (entropy) {
    test.prop([parameters])("the entropy is E[-log P]", (p) => {
      const expected = expectation(item, p, (y) => distribution.logProbability(p, y).neg());
      expect(difference(entropy(p), expected)).toBeLessThan(tolerance * 10);
    });
  }

  if (distribution.toNatural) {
    const family = distribution as Distribution<unknown> & ExponentialFamily<unknown>;
    // Through logarithms and back: the condition number of the maps is below 1e3 on these domains.
    const roundTrip = 1e4 * u;

    test.prop([parameters])("natural and mean parameters lead back to the same distribution", (p) => {
      for (const other of [family.fromNatural(family.toNatural(p)), family.fromMean(family.toMean(p))]) {
        expect(Math.abs(family.kl(p, other).itemSync())).toBeLessThan(roundTrip);
        expect(difference(family.toNatural(other), family.toNatural(p))).toBeLessThan(
          roundTrip * (1 + largest(family.toNatural(p))),
        );
      }
    });

    test.prop([parameters])("mean parameters are E[T(y)] and the gradient of the log-partition", (p) => {
      const mean = family.toMean(p);
      const expected = expectation(item, p, (y) => family.sufficientStatistic(p, y));
      expect(difference(mean, expected)).toBeLessThan(tolerance * 10 * (1 + largest(mean)));
      const gradient = grad((v: Tensor) => family.logPartition(v) as Tensor<[]>)(family.toNatural(p));
      expect(difference(gradient, mean)).toBeLessThan(roundTrip * (1 + largest(mean)));
    });

    test.prop([parameters])(
      "log P(y) = theta . T(y) - A(theta) + log h(y), with h free of the parameters",
      (p) => {
        const { outcomes } = item.quadrature(p);
        const y = outcomes.slice(outcomes.shape[0]! >> 1);
        const base = (theta: Tensor): Tensor<[]> =>
          family
            .logProbability(family.fromNatural(theta), y)
            .sub(theta.mul(family.sufficientStatistic(p, y)).sum())
            .add(family.logPartition(theta)) as Tensor<[]>;
        const theta = family.toNatural(p);
        const size = 1 + largest(family.toMean(p)) + largest(family.sufficientStatistic(p, y));
        expect(largest(grad(base)(theta))).toBeLessThan(roundTrip * size);
      },
    );

    test.prop([parameters])(
      "the Fisher matrix is Hess A in natural coordinates and its inverse in mean ones",
      (p) => {
        const theta = family.toNatural(p);
        const natural = hessian((v: Tensor) => family.logPartition(v) as Tensor<[]>)(theta) as Tensor;
        const { vector, unravel } = ravel(p);
        // F_parameters = J' (Hess A) J with J = d theta / d parameters
        const jacobian = jacfwd((v: Tensor) => family.toNatural(unravel(v)))(vector) as Tensor;
        const pulled = jacobian.matrixTranspose().matmul(natural).matmul(jacobian) as Tensor;
        expect(relativeDifference(pulled, family.fisher(p))).toBeLessThan(roundTrip);
        const toMean = jacfwd((v: Tensor) => family.toMean(family.fromNatural(v)))(theta) as Tensor;
        expect(relativeDifference(toMean, natural)).toBeLessThan(roundTrip);
      },
    );

    test.prop([parameters, parameters])(
      "the divergence is the Bregman divergence of the log-partition",
      (p, q) => {
        const [a, b] = [family.toNatural(p), family.toNatural(q)];
        const bregman = family
          .logPartition(b)
          .sub(family.logPartition(a))
          .sub(family.toMean(p).mul(b.sub(a)).sum());
        const terms =
          largest(family.logPartition(b)) +
          largest(family.logPartition(a)) +
          largest(family.toMean(p).mul(b.sub(a)));
        expect(difference(family.kl(p, q), bregman)).toBeLessThan(roundTrip * (1 + terms));
      },
    );
  }

  test(`draws have the moments of the family, within four standard errors (key 1, 4000 draws)`, () => {
    if (!distribution.toMean || !distribution.sufficientStatistic) return expect.unreachable();
    const [p] = fc.sample(parameters, { numRuns: 1, seed: 7 });
    const n = 4000;
    const draws = distribution.sample(random.key(1) as Tensor, p, [n]);
    const statistics = overOutcomes((y) => distribution.sufficientStatistic!(p, y))(draws);
    const mean = statistics.mean(0);
    const error = statistics.variance(0).div(n).sqrt();
    const deviations = mean.sub(distribution.toMean(p)).div(error);
    expect(largest(deviations)).toBeLessThan(4);
  });
});

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

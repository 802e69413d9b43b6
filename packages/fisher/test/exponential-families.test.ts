import { grad, hessian, jacfwd, type Tensor } from "@amari/core";
import { test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { type Distribution, type ExponentialFamily, ravel } from "../src/index.ts";
import { cases, compiled, expectation, tolerance } from "./distribution-cases.ts";
import { difference, largest, relativeDifference, u } from "./support.ts";

// Through logarithms and back: the condition number of the maps is below 1e3 on the domains of the cases.
const roundTrip = 1e4 * u;

describe.each(cases.map((item) => [item.distribution.name, item] as const))("%s", (_, item) => {
  const { parameters } = item;
  const family = item.distribution as Distribution<unknown> & ExponentialFamily<unknown>;
  const partition = (theta: Tensor): Tensor<[]> => family.logPartition(theta) as Tensor<[]>;
  const naturalOf = compiled(item, family.toNatural);
  const meanOf = compiled(item, family.toMean);

  const there = compiled(item, (p) =>
    [family.fromNatural(family.toNatural(p)), family.fromMean(family.toMean(p))].map((other) => ({
      kl: family.kl(p, other),
      natural: family.toNatural(other),
    })),
  );
  test.prop([parameters])("natural and mean parameters lead back to the same distribution", (p) => {
    const theta = naturalOf(p);
    for (const { kl, natural } of there(p)) {
      expect(largest(kl)).toBeLessThan(roundTrip);
      expect(difference(natural, theta)).toBeLessThan(roundTrip * (1 + largest(theta)));
    }
  });

  const means = compiled(item, (p, _q, rule) => ({
    expected: expectation(family, p, rule, (y) => family.sufficientStatistic(p, y)),
    gradient: grad(partition)(family.toNatural(p)),
  }));
  test.prop([parameters])("mean parameters are E[T(y)] and the gradient of the log-partition", (p) => {
    const mean = meanOf(p);
    const { expected, gradient } = means(p);
    expect(difference(mean, expected)).toBeLessThan(tolerance * (1 + largest(mean)));
    expect(difference(gradient, mean)).toBeLessThan(roundTrip * (1 + largest(mean)));
  });

  const baseMeasure = compiled(item, (p, _q, { outcomes }) => {
    const y = outcomes.slice(outcomes.shape[0]! >> 1);
    const statistic = family.sufficientStatistic(p, y);
    const base = (theta: Tensor): Tensor<[]> =>
      family
        .logProbability(family.fromNatural(theta), y)
        .sub(theta.mul(statistic).sum())
        .add(partition(theta)) as Tensor<[]>;
    return { gradient: grad(base)(family.toNatural(p)), statistic };
  });
  test.prop([parameters])(
    "log P(y) = theta . T(y) - A(theta) + log h(y), with h free of the parameters",
    (p) => {
      const { gradient, statistic } = baseMeasure(p);
      expect(largest(gradient)).toBeLessThan(roundTrip * (1 + largest(meanOf(p)) + largest(statistic)));
    },
  );

  const matrices = compiled(item, (p) => {
    const theta = family.toNatural(p);
    const natural = hessian(partition)(theta) as Tensor;
    const { vector, unravel } = ravel(p);
    // F_parameters = J' (Hess A) J with J = d theta / d parameters
    const jacobian = jacfwd((v: Tensor) => family.toNatural(unravel(v)))(vector) as Tensor;
    return {
      natural,
      fisher: family.fisher(p),
      pulled: jacobian.matrixTranspose().matmul(natural).matmul(jacobian) as Tensor,
      toMean: jacfwd((v: Tensor) => family.toMean(family.fromNatural(v)))(theta) as Tensor,
    };
  });
  test.prop([parameters])(
    "the Fisher matrix is Hess A in natural coordinates and its inverse in mean ones",
    (p) => {
      const { natural, fisher, pulled, toMean } = matrices(p);
      expect(relativeDifference(pulled, fisher)).toBeLessThan(roundTrip);
      expect(relativeDifference(toMean, natural)).toBeLessThan(roundTrip);
    },
  );

  const bregman = compiled(item, (p, q) => {
    const [a, b] = [family.toNatural(p), family.toNatural(q)];
    const linear = family.toMean(p).mul(b.sub(a));
    return {
      kl: family.kl(p, q),
      divergence: partition(b).sub(partition(a)).sub(linear.sum()),
      terms: [partition(a), partition(b), linear],
    };
  });
  test.prop([parameters, parameters])(
    "the divergence is the Bregman divergence of the log-partition",
    (p, q) => {
      const { kl, divergence, terms } = bregman(p, q);
      expect(difference(kl, divergence)).toBeLessThan(roundTrip * (1 + largest(terms)));
    },
  );
});

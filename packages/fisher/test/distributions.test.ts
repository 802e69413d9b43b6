import { grad, hessian, random, type Tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { overInputs } from "../src/batch.ts";
import { ravel } from "../src/index.ts";
import { cases, compiled, expectation, tolerance } from "./distribution-cases.ts";
import { difference, largest, relativeDifference, t64, u } from "./support.ts";

describe.each(cases.map((item) => [item.distribution.name, item] as const))("%s", (_, item) => {
  const { distribution, parameters } = item;
  /** log P as a function of the parameters laid out as a vector, and that vector. */
  const flat = (p: unknown) => {
    const { vector, unravel } = ravel(p);
    const log = (v: Tensor, y: Tensor): Tensor<[]> =>
      distribution.logProbability(unravel(v), y) as Tensor<[]>;
    return { vector, log };
  };
  const fisherOf = compiled(item, (p) => distribution.fisher(p));
  const klOf = compiled(item, (p, q) => distribution.kl(p, q));

  const total = compiled(item, (p, _q, rule) => expectation(distribution, p, rule, () => t64([1], [])));
  test.prop([parameters])("the probabilities add up to one", (p) => {
    expect(Math.abs(total(p).itemSync() - 1)).toBeLessThan(tolerance);
  });

  const meanScore = compiled(item, (p, _q, rule) => {
    const { vector, log } = flat(p);
    return expectation(distribution, p, rule, (y) => grad(log)(vector, y));
  });
  test.prop([parameters])("the expected score is zero", (p) => {
    expect(largest(meanScore(p))).toBeLessThan(tolerance * (1 + Math.sqrt(largest(fisherOf(p)))));
  });

  const covariance = compiled(item, (p, _q, rule) => {
    const { vector, log } = flat(p);
    return expectation(distribution, p, rule, (y) => {
      const score = grad(log)(vector, y);
      return score.outer(score);
    });
  });
  test.prop([parameters])("the closed-form Fisher matrix is the covariance of the score (Eq 7)", (p) => {
    expect(relativeDifference(covariance(p), fisherOf(p))).toBeLessThan(tolerance);
  });

  const curvature = compiled(item, (p, _q, rule) => {
    const { vector, log } = flat(p);
    return expectation(distribution, p, rule, (y) => hessian(log)(vector, y) as Tensor).neg();
  });
  test.prop([parameters])("the closed-form Fisher matrix is the expected Hessian of -log P (Eq 8)", (p) => {
    expect(relativeDifference(curvature(p), fisherOf(p))).toBeLessThan(tolerance);
  });

  const meanGap = compiled(item, (p, q, rule) =>
    expectation(distribution, p, rule, (y) =>
      distribution.logProbability(p, y).sub(distribution.logProbability(q, y)),
    ),
  );
  test.prop([parameters, parameters])("the closed-form divergence is E_p[log p - log q]", (p, q) => {
    const kl = klOf(p, q);
    expect(difference(kl, meanGap(p, q))).toBeLessThan(tolerance * (1 + largest(kl)));
  });

  const divergenceHessian = compiled(item, (p) => {
    const { vector, unravel } = ravel(p);
    return hessian((v: Tensor) => distribution.kl(p, unravel(v)) as Tensor<[]>)(vector) as Tensor;
  });
  test.prop([parameters])(
    "the second derivative of the divergence is the Fisher matrix (Eq 40 to 46)",
    (p) => {
      expect(relativeDifference(divergenceHessian(p), fisherOf(p))).toBeLessThan(200 * u);
    },
  );

  const { entropy } = distribution;
  if (entropy) {
    const both = compiled(item, (p, _q, rule) => [
      entropy(p),
      expectation(distribution, p, rule, (y) => distribution.logProbability(p, y).neg()),
    ]);
    test.prop([parameters])("the entropy is E[-log P]", (p) => {
      const [closed, expected] = both(p);
      expect(difference(closed, expected)).toBeLessThan(tolerance);
    });
  }

  test(`draws have the moments of the family, within four standard errors (key 1, 1000 draws)`, () => {
    const { toMean, sufficientStatistic } = distribution;
    if (!toMean || !sufficientStatistic) return expect.unreachable();
    const [p] = fc.sample(parameters, { numRuns: 1, seed: 7 });
    const n = 1000;
    const draws = distribution.sample(random.key(1) as Tensor, p, [n]);
    const statistics = overInputs((y) => sufficientStatistic(p, y))(draws);
    const error = statistics.variance(0).div(n).sqrt();
    expect(largest(statistics.mean(0).sub(toMean(p)).div(error))).toBeLessThan(4);
  });
});

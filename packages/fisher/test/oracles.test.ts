import { grad, jit, oneHot, stack, type Tensor, tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  bernoulli,
  categorical,
  christoffelSymbols,
  exactFisher,
  fisherCosine,
  fisherInnerProduct,
  fisherNorm,
  gaussianScale,
  type Model,
  naturalGradient,
  negativeLogLikelihood,
} from "../src/index.ts";
import { difference, largest, t64, tensors, u } from "./support.ts";

// Small models whose Fisher matrix or natural gradient is known in closed form.

const here = t64([0], [1, 1]);
const probability = fc.double({ min: 0.05, max: 0.95, noNaN: true });

describe("the natural gradient of cross-entropy", () => {
  test.prop([fc.double({ min: -4, max: 4, noNaN: true }), probability])(
    "of a Bernoulli logit is (p - y) / (p (1 - p))",
    (logit, y) => {
      const coin: Model<Tensor> = { apply: (z) => z, distribution: bernoulli };
      const z = t64([logit], []);
      const gradient = grad((at: Tensor) => negativeLogLikelihood(coin, at, here, t64([y])) as Tensor<[]>)(z);
      const p = z.sigmoid().itemSync();
      const expected = (p - y) / (p * (1 - p));
      expect(
        Math.abs(naturalGradient(exactFisher(coin, z, here), gradient).itemSync() - expected),
      ).toBeLessThan((20 * u * (1 + Math.abs(expected))) / (p * (1 - p)));
    },
  );

  test.prop([tensors([4], 1.5), tensors([4], 1.5)])(
    "of categorical logits with target q is c - mean(c), c = 1 - q / p, the solution of least norm",
    (logits, target) => {
      const [p, q] = [logits.softmax(), target.softmax()];
      const loss = (z: Tensor) => q.mul(z.logSoftmax()).sum().neg() as Tensor as Tensor<[]>;
      const direction = naturalGradient(categorical.fisher(logits), grad(loss)(logits), {
        method: "pseudoInverse",
      });
      const c = q.div(p).neg().add(1);
      // F has a condition number of at most max p / min p^2-like 400 on its range here.
      expect(difference(direction, c.sub(c.mean()))).toBeLessThan(1e5 * u * (1 + largest(c)));
    },
  );

  test.prop([tensors([4], 2)])("in K - 1 minimal coordinates F^-1 = diag(1 / p_i) + 1 1' / p_K", (logits) => {
    const minimal: Model<Tensor> = { apply: categorical.fromNatural, distribution: categorical };
    const theta = categorical.toNatural(logits);
    const p = logits.softmax();
    const identity = t64([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    const inverse = identity.div(p.slice([0, 3])).add(p.slice(3).reciprocal());
    expect(difference(exactFisher(minimal, theta, here).matmul(inverse), identity)).toBeLessThan(1e4 * u);
  });
});

describe("sequences", () => {
  test.prop([tensors([3, 3])])(
    "a bigram model has a block-diagonal F, pi_c (diag q_c - q_c q_c') for context c",
    (logits) => {
      const bigram: Model<Tensor> = {
        apply: (table, context) => oneHot(context.slice(0), 3, { dtype: "float64" }).matmul(table) as Tensor,
        distribution: categorical,
      };
      const contexts = tensor([[0], [0], [0], [1], [2], [2]], { dtype: "int32" }) as Tensor;
      const shares = [3 / 6, 1 / 6, 2 / 6];
      const fisher = exactFisher(bigram, logits, contexts);
      for (let a = 0; a < 3; a++) {
        for (let b = 0; b < 3; b++) {
          const block = fisher.slice([3 * a, 3 * a + 3], [3 * b, 3 * b + 3]);
          const expected = categorical.fisher(logits.slice(a)).mul(a === b ? shares[a]! : 0);
          expect(difference(block, expected)).toBeLessThan(20 * u);
        }
      }
    },
  );

  test.prop([tensors([3]), tensors([3, 3])])(
    "the chain rule: F of a two-token model adds up over positions",
    (first, second) => {
      type Params = { first: Tensor; second: Tensor };
      // All nine sequences as one categorical distribution, by log P(a) + log P(b | a).
      const joint: Model<Params> = {
        apply: (p) => p.first.logSoftmax().expandDims(1).add(p.second.logSoftmax(1)).reshape([9]) as Tensor,
        distribution: categorical,
      };
      const fisher = exactFisher(joint, { first, second }, here, { form: "enumeration" });
      const ofFirst = categorical.fisher(first);
      expect(difference(fisher.slice([0, 3], [0, 3]), ofFirst)).toBeLessThan(50 * u);
      expect(largest(fisher.slice([0, 3], [3, 12]))).toBeLessThan(50 * u);
      for (let a = 0; a < 3; a++) {
        const block = fisher.slice([3 + 3 * a, 6 + 3 * a], [3 + 3 * a, 6 + 3 * a]);
        const reached = first.softmax().slice(a);
        expect(difference(block, categorical.fisher(second.slice(a)).mul(reached))).toBeLessThan(50 * u);
      }
    },
  );
});

describe("the weight of a mixture of two Gaussians", () => {
  // P(y) = pi n(y; -1, 1) + (1 - pi) n(y; 1, 1), pi = sigmoid(a): F = int (pi (1 - pi) (n1 - n2))^2 / P, at most pi (1 - pi),
  // which it would be if the component were seen.
  const nodes = t64(Array.from({ length: 121 }, (_, i) => (i - 60) / 5));
  const density = (mean: number): Tensor =>
    nodes
      .sub(mean)
      .square()
      .div(-2)
      .exp()
      .div(Math.sqrt(2 * Math.PI));
  const information = (a: Tensor, gap: number): Tensor => {
    const log = (z: Tensor): Tensor =>
      z
        .sigmoid()
        .mul(density(-gap))
        .add(z.neg().sigmoid().mul(density(gap)));
    const p = log(a);
    const pi = a.sigmoid();
    const derivative = pi.mul(pi.neg().add(1)).mul(density(-gap).sub(density(gap)));
    return derivative.square().div(p).sum().div(5);
  };

  test.prop([fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: 0.1, max: 3, noNaN: true })])(
    "has less information than its hidden label, which is Bernoulli",
    (logit, gap) => {
      const a = t64([logit], []);
      expect(information(a, gap).itemSync()).toBeLessThan(bernoulli.fisher(a).itemSync() * (1 + 1e-12));
    },
  );

  test("and none at all where the components coincide: F is singular", () => {
    expect(information(t64([0.4], []), 0).itemSync()).toBe(0);
  });
});

describe("the geometry of the Fisher metric", () => {
  const definite = tensors([3, 3], 1).map(
    (a) => a.matmul(a.matrixTranspose()).add(t64([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3])) as Tensor,
  );

  const measures = jit(
    (fisher: Tensor, a: Tensor, b: Tensor): Tensor =>
      stack([
        fisherInnerProduct(fisher, a, b),
        fisherInnerProduct(fisher, b, a),
        fisherNorm(fisher, a).mul(fisherNorm(fisher, b)),
        fisherCosine(fisher, a, b),
      ]) as Tensor,
  );

  test.prop([definite, tensors([3]), tensors([3])])(
    "an inner product: symmetric, and bounded by the lengths (Cauchy and Schwarz)",
    (fisher, a, b) => {
      const [product, swapped, bound, cosine] = Array.from(measures(fisher, a, b).dataSync()) as [
        number,
        number,
        number,
        number,
      ];
      expect(Math.abs(product - swapped)).toBeLessThan(1000 * u);
      expect(Math.abs(product)).toBeLessThan(bound * (1 + 100 * u) + 1000 * u);
      if (bound > 1e-3) expect(Math.abs(cosine - product / bound)).toBeLessThan(1e-10);
    },
  );

  test.prop([definite, tensors([3])])(
    "the natural gradient represents the derivative: <F^-1 g, v> = g . v (Eq 2 and 3)",
    (fisher, g) => {
      const v = t64([1, -2, 0.5]);
      const product = fisherInnerProduct(fisher, naturalGradient(fisher, g), v);
      expect(difference(product, g.mul(v).sum())).toBeLessThan(1000 * u);
    },
  );

  const metric = (point: Tensor): Tensor =>
    gaussianScale.fisher({ mean: point.slice(0), scale: point.slice(1) });

  test.prop([fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: 0.3, max: 3, noNaN: true })])(
    "the Gaussian's Christoffel symbols in mean and scale: -1/s, 1/(2s), -1/s",
    (mean, s) => {
      const symbols = christoffelSymbols(metric, t64([mean, s]));
      const expected = t64([0, -1 / s, -1 / s, 0, 1 / (2 * s), 0, 0, -1 / s], [2, 2, 2]);
      expect(difference(symbols, expected)).toBeLessThan((20 * u) / s);
    },
  );

  test.prop([fc.double({ min: -1.5, max: 1.5, noNaN: true }), fc.double({ min: 0.5, max: 2, noNaN: true })])(
    "its geodesics are half ellipses over the axis of means: the half-plane of hyperbolic geometry",
    (t, r) => {
      // mean = sqrt(2) r tanh t, scale = r / cosh t, run through at constant speed
      const sech = 1 / Math.cosh(t);
      const point = t64([Math.SQRT2 * r * Math.tanh(t), r * sech]);
      const velocity = t64([Math.SQRT2 * r * sech ** 2, -r * sech * Math.tanh(t)]);
      const acceleration = t64([
        -2 * Math.SQRT2 * r * sech ** 2 * Math.tanh(t),
        r * sech * (Math.tanh(t) ** 2 - sech ** 2),
      ]);
      const transported = christoffelSymbols(metric, point).matmul(velocity).matmul(velocity) as Tensor;
      expect(largest(acceleration.add(transported))).toBeLessThan(200 * u);
      expect(fisherNorm(metric(point), velocity).itemSync()).toBeCloseTo(Math.SQRT2, 12);
    },
  );
});

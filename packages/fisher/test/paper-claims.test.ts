import { grad, mapTree, random, type Tensor, tensor } from "@amari/core";
import { fadam } from "@amari/optim";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  bernoulli,
  empiricalFisherDiagonal,
  exactFisher,
  exactFisherDiagonal,
  isotropicGaussian,
  logisticRegression,
  type Model,
  minibatchSquaredFisherDiagonal,
  modelDivergence,
  multilayerPerceptron,
  naturalGradient,
  negativeLogLikelihood,
  perceptronParameters,
  perExampleGradientMatrix,
  quadraticDivergence,
  ravel,
} from "../src/index.ts";
import { enumeratedScores } from "../src/information/exact.ts";
import { difference, largest, normals, perceptron, relativeDifference, t64, u } from "./support.ts";

// Statements of the FAdam paper (arXiv 2405.12807) that are wrong, or true only under a condition, as executable claims.

/** One Bernoulli logit; the input does not matter. */
const coin: Model<Tensor> = { apply: (logit) => logit, distribution: bernoulli };
const nowhere = t64([0], [1, 1]);
const logitOf = (p: number): Tensor => t64([Math.log(p / (1 - p))], []);
const coinFisher = (p: number): number => exactFisher(coin, logitOf(p), nowhere).itemSync();

describe("Section 2.2: 'FIM exhibits a close relationship with the inverse covariance matrix of the score function'", () => {
  test.prop([fc.double({ min: 0.01, max: 0.99, noNaN: true })])(
    "refuted: it is the covariance itself",
    (p) => {
      const { scores, probabilities } = enumeratedScores(coin, logitOf(p), nowhere);
      const [s, w] = [scores.reshape([2]), probabilities.reshape([2])];
      const mean = s.mul(w).sum();
      const covariance = s.sub(mean).square().mul(w).sum().itemSync();
      expect(Math.abs(coinFisher(p) - covariance)).toBeLessThan(10 * u);
      // and so far from the inverse, at most 1/4 against at least 4
      expect(1 / covariance / coinFisher(p)).toBeGreaterThan(15);
    },
  );
});

describe("Appendix B.1: 'Natural gradient descent guarantees convergence due to the positive semi-definiteness of FIM'", () => {
  test("refuted: for a Bernoulli logit and half of the labels 1, rate 1 from 5 goes to -69.2, then to 6e29", () => {
    let logit = t64([5], []);
    const path: number[] = [];
    for (let i = 0; i < 2; i++) {
      const gradient = grad(
        (z: Tensor) => negativeLogLikelihood(coin, z, t64([0, 0], [2, 1]), t64([0, 1])) as Tensor<[]>,
      )(logit);
      logit = logit.sub(naturalGradient(exactFisher(coin, logit, nowhere), gradient));
      path.push(logit.itemSync());
    }
    expect(path[0]).toBeCloseTo(
      5 - (1 / (1 + Math.exp(-5)) - 0.5) / (Math.exp(-5) / (1 + Math.exp(-5)) ** 2),
      8,
    );
    expect(path[0]).toBeLessThan(-69);
    expect(path[1]).toBeGreaterThan(1e29);
  });
});

describe("Section 3.2: off-diagonal elements are 'smaller than the diagonal elements by an order of 1/sqrt(n)'", () => {
  // Amari, Karakida and Oizumi (2019) speak of unit-wise blocks of random deep networks; the paper's paraphrase drops both.
  const correlation = (width: number): { rms: number; top: number; cosine: number } => {
    const model = multilayerPerceptron();
    const params = perceptronParameters(random.key(width) as Tensor, [2, width, 3], { dtype: "float64" });
    const x = normals([100, 2], 5);
    const fisher = exactFisher(model, params, x);
    const scale = fisher.diagonal().rsqrt();
    const correlations = fisher.mul(scale.outer(scale));
    const p = fisher.shape[0]!;
    const rms = Math.sqrt((correlations.square().sum().itemSync() - p) / (p * (p - 1)));
    // The largest eigenvalue is at least the Rayleigh quotient along any vector: here along A A 1.
    const image = correlations.matmul(correlations.matmul(correlations.sum(1)));
    const rayleigh = image.mul(correlations.matmul(image)).sum().div(image.square().sum()).itemSync();
    const y = model.apply(params, x).argmin(-1) as Tensor;
    const gradient = ravel(
      grad((q: typeof params) => negativeLogLikelihood(model, q, x, y) as Tensor<[]>)(params),
    ).vector;
    const exact = naturalGradient(fisher, gradient, { damping: 1e-8 });
    const diagonal = gradient.div(fisher.diagonal());
    const length = (v: Tensor): Tensor => v.square().sum().sqrt();
    const cosine = exact
      .mul(diagonal)
      .sum()
      .div(length(exact).mul(length(diagonal)))
      .itemSync();
    return { rms, top: rayleigh / p, cosine };
  };

  test("refuted for a hidden layer of tanh units: the correlations do not fall with the width", () => {
    const [narrow, wide] = [correlation(8), correlation(32)];
    expect(narrow.rms).toBeGreaterThan(0.15);
    expect(wide.rms / narrow.rms).toBeGreaterThan(0.8); // 1 / sqrt(4) would be 0.5
    // and the largest eigenvalue of the correlations grows with n, where a diagonally dominated matrix keeps it bounded
    expect(wide.top / narrow.top).toBeGreaterThan(0.6);
    expect(Math.abs(wide.cosine)).toBeLessThan(0.5);
  });
});

describe("Section 3.3.1: discrete distributions 'allow for relatively accurate empirical approximations'", () => {
  /** Var(s^2) / F^2 of one sample's squared score, by enumeration. */
  const relativeVariance = (p: number): number => {
    const { scores, probabilities } = enumeratedScores(coin, logitOf(p), nowhere);
    const fourth = scores
      .reshape([2])
      .pow(4)
      .mul(probabilities.reshape([2]))
      .sum()
      .itemSync();
    return fourth / coinFisher(p) ** 2 - 1;
  };

  test.each([
    [0.5, 0],
    [0.9, 7.1],
    [0.99, 97],
    [0.999, 997],
  ])(
    "refuted: at p = %s the relative variance of one squared score is %s, and a Gaussian mean has 2",
    (p, expected) => {
      expect(Math.abs(relativeVariance(p) - expected)).toBeLessThan(0.02 + 0.005 * expected);
      // s = (y - mean) / variance has E s^4 = 3 (E s^2)^2: read off the fourth moment by Gauss-Hermite quadrature of five nodes
      const nodes = t64(
        [-2.8569700138728056, -1.355626179974266, 0, 1.355626179974266, 2.8569700138728056],
        [5, 1],
      );
      const weights = t64([
        0.011257411327720689, 0.2220759220056126, 0.5333333333333333, 0.2220759220056126,
        0.011257411327720689,
      ]);
      const mean: Model<Tensor> = { apply: (m) => m, distribution: isotropicGaussian() };
      const scores = perExampleGradientMatrix(mean, t64([0]), nodes, nodes).reshape([5]);
      expect(
        scores.pow(4).mul(weights).sum().itemSync() / scores.square().mul(weights).sum().itemSync() ** 2 - 1,
      ).toBeCloseTo(2, 10);
    },
  );

  test("refuted: concentration makes it worse. With the likelier label, the empirical value is (1 - p) / p of the Fisher information", () => {
    for (const p of [0.6, 0.9, 0.99, 0.999]) {
      const empirical = empiricalFisherDiagonal(coin, logitOf(p), nowhere, t64([1])).itemSync();
      expect(empirical / coinFisher(p)).toBeCloseTo((1 - p) / p, 10);
    }
  });

  test("what matters is whether the labels are distributed as the model says: else a discrete model errs by as much as it likes", () => {
    const model = multilayerPerceptron();
    const [params, x] = [perceptron(1), normals([20, 2], 2)];
    const unlikely = model.apply(params, x).argmin(-1) as Tensor;
    const exact = ravel(exactFisherDiagonal(model, params, x)).vector;
    const empirical = ravel(empiricalFisherDiagonal(model, params, x, unlikely)).vector;
    expect(relativeDifference(empirical, exact)).toBeGreaterThan(0.8);
  });
});

describe("Section 3.3 (later version): label smoothing and distillation 'compute Eq 57 over all labels'", () => {
  test.prop([fc.double({ min: 0.05, max: 0.95, noNaN: true })])(
    "refuted: they square the mean. Where the model meets its soft target, Eq 57 is 0 and the Fisher information is p (1 - p)",
    (p) => {
      // The loss with a soft target q is that of the mean over labels, of which a share of q is 1.
      const squared = minibatchSquaredFisherDiagonal(coin, logitOf(p), nowhere, t64([p])).itemSync();
      expect(squared).toBeLessThan(1e-30);
      expect(coinFisher(p)).toBeCloseTo(p * (1 - p), 14);
    },
  );
});

describe("Appendix B.3: epsilon is raised to 2 rho 'to ensure invariance with respect to the FIM exponent'", () => {
  const gradient = t64([3e-4, -2e-3, 1e-5]);
  const step = (rho: number, options: { epsilon: number; epsilon2: number }, scale: number): Tensor => {
    const optimizer = fadam({ learningRate: 1, rho, clip: null, weightDecay: 0, ...options });
    const params = t64([0, 0, 0]);
    return optimizer.update(gradient.mul(scale), optimizer.init(params), params)[0];
  };
  const scale = 2 ** -20;
  const homogeneous = (rho: number, options: { epsilon: number; epsilon2: number }): number =>
    relativeDifference(step(rho, options, scale), step(rho, options, 1).mul(scale ** (1 - 2 * rho)));

  test.prop([fc.double({ min: 0.3, max: 1, noNaN: true })])(
    "confirmed where epsilon-hat = epsilon2 RMS(g): the step is homogeneous of degree 1 - 2 rho in the gradient",
    (rho) => {
      expect(homogeneous(rho, { epsilon: Infinity, epsilon2: 1e-2 })).toBeLessThan(1e-12);
    },
  );

  test("refuted where epsilon-hat = epsilon, which has a scale of its own", () => {
    for (const rho of [0.3, 0.5, 1]) {
      expect(homogeneous(rho, { epsilon: 1e-8, epsilon2: Infinity })).toBeGreaterThan(0.1);
    }
  });
});

describe("Section 3.4.3: 'EWC can directly utilize FIM from FAdam'", () => {
  test("only after multiplying by the batch size: over all labels of a batch of B = 8, the average is exactly F / 8", () => {
    // At parameters 0 all 256 label vectors are equally likely, so their plain mean, beta2 = 1, is the exact expectation.
    const b = 8;
    const x = normals([b, 2], 3);
    const params = { w: t64([0, 0]), b: t64([0], []) };
    const optimizer = fadam({ learningRate: 0, beta2: 1 });
    let state = optimizer.init(params);
    for (let code = 0; code < 2 ** b; code++) {
      const y = tensor(Array.from({ length: b }, (_, i) => (code >> i) & 1)) as Tensor;
      const loss = (p: typeof params) => negativeLogLikelihood(logisticRegression, p, x, y) as Tensor<[]>;
      state = optimizer.update(grad(loss)(params), state, params)[1];
    }
    const exact = exactFisherDiagonal(logisticRegression, params, x);
    expect(
      difference(
        mapTree(state.fisher, (leaf) => leaf.mul(b)),
        exact,
      ),
    ).toBeLessThan(1e-14);

    // EWC's penalty 1/2 sum_i F_i d_i^2 stands for the divergence from the old parameters: along one weight alone it is.
    const d = { w: t64([1e-3, 0]), b: t64([0], []) };
    const moved = { w: d.w, b: params.b };
    const divergence = modelDivergence(logisticRegression, params, moved, x).itemSync();
    const penalty = (fisher: Tensor): number => fisher.slice(0).itemSync() * 0.5e-6;
    expect(penalty(exact.w) / divergence).toBeCloseTo(1, 4);
    expect(penalty(state.fisher.w) / divergence).toBeCloseTo(1 / b, 4);
    expect(quadraticDivergence(logisticRegression, params, d, x).itemSync() / divergence).toBeCloseTo(1, 4);
    expect(largest(state.fisher.b)).toBeLessThan(largest(exact.b));
  });
});

import { einsum, grad, hessian, jit, mapTree, mapTrees, type Tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { overInputs, overPairs } from "../src/batch.ts";
import {
  bernoulli,
  categorical,
  type ExponentialFamily,
  empiricalFisherDiagonal,
  exactFisher,
  exactFisherDiagonal,
  gaussNewtonMatrix,
  isotropicGaussian,
  jeffreysDivergence,
  linearRegression,
  logisticRegression,
  lossHessian,
  type Model,
  minibatchSquaredFisher,
  minibatchSquaredFisherDiagonal,
  modelDivergence,
  multilayerPerceptron,
  naturalGradient,
  negativeLogLikelihood,
  type PerceptronParameters,
  perExampleGradientMatrix,
  poisson,
  quadraticDivergence,
  ravel,
} from "../src/index.ts";
import { enumeratedScores } from "../src/information/exact.ts";
import { cases, compiled } from "./distribution-cases.ts";
import {
  difference,
  labels,
  largest,
  median,
  normals,
  perceptron,
  perceptronOf,
  relativeDifference,
  t64,
  tensors,
  u,
} from "./support.ts";

const model = multilayerPerceptron();
const parameters = perceptronOf();
const inputs = tensors([4, 2]);

/** E_{y ~ model}[Hess of -log P(y | x)] by automatic differentiation, label by label. */
const expectedHessian = jit((params: PerceptronParameters, x: Tensor): Tensor => {
  const { vector, unravel } = ravel(params);
  const log = (theta: Tensor, input: Tensor, outcome: Tensor) =>
    categorical.logProbability(model.apply(unravel(theta), input), outcome) as Tensor<[]>;
  const hessians = overInputs((input) =>
    overInputs((outcome) => hessian(log)(vector, input, outcome) as Tensor)(
      categorical.support(t64([0, 0, 0])),
    ),
  )(x);
  const { probabilities } = enumeratedScores(model, params, x);
  return einsum("nmpq,nm->pq", hessians, probabilities).div(-x.shape[0]!);
});

const fisherOf = jit((params: PerceptronParameters, x: Tensor): Tensor => exactFisher(model, params, x));
const gradientOf = jit(
  (params: PerceptronParameters, x: Tensor, y: Tensor): Tensor =>
    ravel(grad((p: PerceptronParameters) => negativeLogLikelihood(model, p, x, y) as Tensor<[]>)(params))
      .vector,
);
const scoresOf = jit((params: PerceptronParameters, x: Tensor) => ({
  ...enumeratedScores(model, params, x),
}));

// A second derivative through two layers: some fifty operations on numbers up to 2 * 2 * 3, summed over 12 label-input
// pairs that partly cancel. 1e4 u = 1e-12, relative to the largest entry of F or to 1.
const tolerance = 1e4 * u;

describe("the exact Fisher matrix has two forms", () => {
  const forms = jit((params: PerceptronParameters, x: Tensor) => ({
    enumerated: exactFisher(model, params, x, { form: "enumeration" }),
    diagonals: (["jacobian", "enumeration"] as const).map(
      (form) => ravel(exactFisherDiagonal(model, params, x, { form })).vector,
    ),
  }));

  test.prop([parameters, inputs])(
    "the sum over all labels equals J' F_out J, and their diagonals are the diagonal",
    (params, x) => {
      const fisher = fisherOf(params, x);
      const { enumerated, diagonals } = forms(params, x);
      expect(difference(enumerated, fisher)).toBeLessThan(tolerance * 10);
      for (const diagonal of diagonals)
        expect(difference(diagonal, fisher.diagonal())).toBeLessThan(tolerance * 10);
    },
  );
});

describe("F1: the Fisher matrix is the expected Hessian of -log P under the model's own labels (Eq 8)", () => {
  test.prop([parameters, inputs])("for the perceptron, with exact Hessians", (params, x) => {
    expect(difference(expectedHessian(params, x), fisherOf(params, x))).toBeLessThan(tolerance * 10);
  });
});

describe("F2: the generalised Gauss-Newton matrix is the Fisher matrix, whatever the labels", () => {
  const gaussNewtonOf = jit((params: PerceptronParameters, x: Tensor, y: Tensor) =>
    gaussNewtonMatrix(model, params, x, y),
  );
  test.prop([parameters, inputs, labels(4, 3)])("for softmax outputs", (params, x, y) => {
    const fisher = fisherOf(params, x);
    expect(difference(gaussNewtonOf(params, x, y), fisher)).toBeLessThan(tolerance * (1 + largest(fisher)));
  });

  const regression = multilayerPerceptron({ distribution: isotropicGaussian(0.5) });
  const bothOf = jit((params: PerceptronParameters, x: Tensor, y: Tensor) => [
    gaussNewtonMatrix(regression, params, x, y),
    exactFisher(regression, params, x),
  ]);
  test.prop([parameters, inputs, tensors([4, 3])])("for Gaussian outputs", (params, x, y) => {
    const [gaussNewton, fisher] = bothOf(params, x, y);
    expect(difference(gaussNewton, fisher)).toBeLessThan(tolerance * (1 + largest(fisher)));
  });
});

describe("F3: the Fisher matrix is the covariance of the score (Eq 7)", () => {
  test.prop([parameters, inputs])("the score has mean zero at every input", (params, x) => {
    const { scores, probabilities } = scoresOf(params, x);
    expect(largest(einsum("nmp,nm->np", scores, probabilities))).toBeLessThan(tolerance);
  });

  test.prop([parameters, inputs])("F is positive semi-definite", (params, x) => {
    const fisher = fisherOf(params, x);
    const [values] = fisher.eigh();
    expect(values.min().itemSync()).toBeGreaterThan(-100 * 21 * u * largest(fisher));
  });

  test.prop([parameters, inputs])("E[(s - E s)(s - E s)'] = F", (params, x) => {
    const { scores, probabilities } = scoresOf(params, x);
    const mean = einsum("nmp,nm->np", scores, probabilities).expandDims(1);
    const centred = scores.sub(mean) as Tensor;
    const covariance = einsum("nmp,nm,nmq->pq", centred, probabilities, centred).div(x.shape[0]!);
    expect(difference(covariance, fisherOf(params, x))).toBeLessThan(tolerance * 10);
  });
});

describe("F4: the divergence is 1/2 d'Fd up to third order (Eq 9)", () => {
  const x = normals([4, 2], 3);
  const along = (params: PerceptronParameters, d: PerceptronParameters, h: number): PerceptronParameters =>
    mapTrees((p: Tensor, v: Tensor) => p.add(v.mul(h)), params, d);
  /** The slope of log |gap| against log h over h = 2^-4 .. 2^-8, where neither higher orders nor rounding count. */
  const slope = (gap: (h: number) => number): number => Math.log2(gap(2 ** -4) / gap(2 ** -8)) / 4;
  const slopes = (gap: (p: PerceptronParameters, d: PerceptronParameters, h: number) => number): number[] =>
    Array.from({ length: 20 }, (_, i) =>
      slope((h) => Math.abs(gap(perceptron(10 * i), perceptron(10 * i + 5), h))),
    );

  test("the gap falls as h^3: slope 3 for the perceptron (median of 20 directions)", () => {
    const measured = slopes((p, d, h) =>
      modelDivergence(model, p, along(p, d, h), x)
        .sub(
          quadraticDivergence(
            model,
            p,
            mapTree(d, (leaf) => leaf.mul(h)),
            x,
          ),
        )
        .itemSync(),
    );
    expect(Math.abs(median(measured) - 3)).toBeLessThan(0.1);
  });

  test("with Jeffreys' divergence and F at the midpoint it falls as h^4 (median of 20 directions)", () => {
    const measured = slopes((p, d, h) =>
      jeffreysDivergence(model, p, along(p, d, h), x)
        .sub(
          quadraticDivergence(
            model,
            along(p, d, h / 2),
            mapTree(d, (leaf) => leaf.mul(h)),
            x,
          ).mul(2),
        )
        .itemSync(),
    );
    expect(Math.abs(median(measured) - 4)).toBeLessThan(0.1);
  });

  // In natural parameters D(theta || theta + h d) = sum_k h^k kappa_k / k! with kappa_k the cumulants of d . T. With the
  // statistic in [-1, 1] the fourth is at most 16 in magnitude, so the cubic coefficient read off at h is off by at most
  // 16 h / 24, and rounding of the divergence adds a few u / h^3.
  const h = 2 ** -8;
  const allowed = (16 * h) / 24 + (50 * u) / h ** 3;

  test.prop([tensors([3], 3), tensors([3], 1)])(
    "the cubic coefficient is the third cumulant / 6 (categorical)",
    (logits, d) => {
      const p = logits.softmax();
      const centred = d.sub(p.mul(d).sum());
      const cumulant = p.mul(centred.pow(3)).sum();
      const quadratic = d
        .matmul(categorical.fisher(logits))
        .matmul(d)
        .mul(h * h)
        .div(2);
      const cubic = categorical
        .kl(logits, logits.add(d.mul(h)))
        .sub(quadratic)
        .div(h ** 3);
      expect(difference(cubic, cumulant.div(6))).toBeLessThan(allowed);
    },
  );

  test.prop([fc.double({ min: -2, max: 2, noNaN: true })])(
    "it is lambda / 6 for the Poisson log-rate",
    (logRate) => {
      const eta = t64([logRate], []);
      const rate = Math.exp(logRate);
      const cubic = (poisson.kl(eta, eta.add(h)).itemSync() - (rate * h * h) / 2) / h ** 3;
      // All cumulants are lambda: the rest is lambda h / 24 (1 + h / 5 + ...); e^h - 1 - h is computed to an ulp of h.
      expect(Math.abs(cubic - rate / 6)).toBeLessThan(rate * (h / 23 + (8 * u * h) / h ** 3));
    },
  );

  const affine = fc.record({ w: tensors([2, 2]), b: tensors([2]) });
  test.prop([affine, affine, inputs])("for a Gaussian mean the gap is exactly zero", (params, d, at) => {
    const gaussian = linearRegression();
    const shifted = mapTrees((p: Tensor, v: Tensor) => p.add(v), params, d);
    const divergence = modelDivergence(gaussian, params, shifted, at);
    const rounding = 100 * u * (1 + largest(divergence));
    expect(difference(quadraticDivergence(gaussian, params, d, at), divergence)).toBeLessThan(rounding);
  });
});

describe("F5: the Fisher matrix is singular along what does not change the distribution", () => {
  test.prop([tensors([5], 4)])("F 1 = 0 for softmax logits", (logits) => {
    expect(largest(categorical.fisher(logits).sum(1))).toBeLessThan(10 * u);
  });

  test("the perceptron at 4 inputs has rank 4 (3 - 1) = 8 of 21", () => {
    const [values] = exactFisher(model, perceptron(1), normals([4, 2], 2)).eigh();
    const relative = Array.from(values.dataSync(), (value) => value / values.dataSync().at(-1)!);
    expect(relative.filter((value) => value > 1e-9)).toHaveLength(8);
    expect(relative.filter((value) => Math.abs(value) < 1e-13)).toHaveLength(13);
  });

  // g = J'(p - y) / N with p - y orthogonal to 1, and F = J' F_out J / N with F_out zero along 1 only.
  const fixtures = [1, 2, 3, 4, 5].map((seed) => {
    const [params, x] = [perceptron(seed), normals([4, 2], seed + 7)];
    const [values, vectors] = fisherOf(params, x).eigh();
    return {
      params,
      x,
      gap: values.slice(13).itemSync() / largest(values),
      nullSpace: vectors.slice(null, [0, 13]),
    };
  });
  test.prop([fc.constantFrom(...fixtures), labels(4, 3)])(
    "the gradient of the loss lies in the range of F, for any labels",
    ({ params, x, gap, nullSpace }, y) => {
      const gradient = gradientOf(params, x, y);
      // Davis and Kahan: an error e of F turns its null space by e / gap; e is about 100 u here.
      expect(largest(nullSpace.matrixTranspose().matmul(gradient))).toBeLessThan(
        ((1000 * u) / gap) * largest(gradient),
      );
      expect(gap).toBeGreaterThan(1e-7);
    },
  );
});

describe("F8: the square of a mean is not the mean of squares (Eq 20 against Eq 21)", () => {
  const diagonals = jit((params: PerceptronParameters, x: Tensor, y: Tensor) => [
    ravel(minibatchSquaredFisherDiagonal(model, params, x, y)).vector,
    ravel(empiricalFisherDiagonal(model, params, x, y)).vector,
  ]);
  test.prop([parameters, inputs, labels(4, 3)])("(mean g)^2 <= mean g^2, elementwise", (params, x, y) => {
    const [squared, mean] = diagonals(params, x, y) as [Tensor, Tensor];
    expect(squared.sub(mean).max().itemSync()).toBeLessThan(10 * u * (1 + largest(mean)));
  });

  const b = 5;
  const logistic = fc.record({ w: tensors([2]), b: tensors([]) });
  const all = t64(
    Array.from({ length: 2 ** b * b }, (_, i) => (Math.floor(i / b) >> (i % b)) & 1),
    [2 ** b, b],
  );
  const averages = jit((params: { w: Tensor; b: Tensor }, x: Tensor) => {
    const logProbability = overPairs((input, outcome) =>
      bernoulli.logProbability(logisticRegression.apply(params, input), outcome),
    );
    const probabilities = overInputs((y) => logProbability(x, y).sum() as Tensor)(all).exp();
    const squares = overInputs((y) => minibatchSquaredFisher(logisticRegression, params, x, y))(all);
    return [einsum("l,lpq->pq", probabilities, squares), exactFisher(logisticRegression, params, x).div(b)];
  });
  test.prop([logistic, tensors([b, 2])])(
    "over all labels of the model, E[(mean g)^2] = F / B exactly",
    (params, x) => {
      const [expected, fisher] = averages(params, x);
      expect(difference(expected, fisher)).toBeLessThan(1000 * u);
    },
  );
});

describe("F9: the natural gradient in natural parameters is the gradient in mean parameters", () => {
  describe.each(cases.map((item) => [item.distribution.name, item] as const))("%s", (_, item) => {
    const family = item.distribution as ExponentialFamily<unknown>;
    const gradients = compiled(item, (at, data) => {
      const statistic = family.toMean(data); // the mean statistic of some data
      const loss = (natural: Tensor) =>
        family.logPartition(natural).sub(natural.mul(statistic).sum()) as Tensor as Tensor<[]>;
      const theta = family.toNatural(at);
      const ofMean = (mean: Tensor) => loss(family.toNatural(family.fromMean(mean)));
      return [
        naturalGradient(hessian(loss)(theta) as Tensor, grad(loss)(theta)),
        grad(ofMean)(family.toMean(at)),
      ];
    });
    test.prop([item.parameters, item.parameters])("F_theta^-1 grad_theta L = grad_mu L", (at, data) => {
      const [natural, ofMean] = gradients(at, data);
      // Solving with F costs its condition number (below 1e4 here), the map from mean parameters about as much.
      expect(difference(natural, ofMean)).toBeLessThan(1e5 * u * (1 + largest(ofMean)));
    });
  });
});

describe("F10: Kronecker products", () => {
  const kron = (a: Tensor, b: Tensor): Tensor => {
    const [m, n] = [a.shape[0]!, b.shape[0]!];
    return einsum("ij,ab->iajb", a, b).reshape([m * n, m * n]);
  };
  // Columns of one affine map without bias: exact Kronecker structure shows in the weights' block.
  const weights: Model<Tensor> = { apply: (w, x) => x.matmul(w) as Tensor, distribution: categorical };
  const linear: Model<Tensor> = { apply: (w, x) => x.matmul(w) as Tensor, distribution: isotropicGaussian() };

  const forOne = jit((w: Tensor, x: Tensor) => {
    const logits = x.slice(0).matmul(w) as Tensor;
    return [exactFisher(weights, w, x), kron(x.slice(0).outer(x.slice(0)), categorical.fisher(logits))];
  });
  test.prop([tensors([2, 3]), tensors([1, 2])])(
    "for one input, softmax regression has F = x x' (x) (diag p - p p')",
    (w, x) => {
      const [fisher, product] = forOne(w, x);
      expect(difference(fisher, product)).toBeLessThan(1000 * u);
    },
  );

  const forBatch = jit((w: Tensor, x: Tensor) => {
    const second = (x.matrixTranspose().matmul(x) as Tensor).div(4);
    return [exactFisher(linear, w, x), kron(second, isotropicGaussian().fisher(t64([0, 0, 0])))];
  });
  test.prop([tensors([2, 3]), inputs])("for a batch, linear regression has F = mean(x x') (x) I", (w, x) => {
    const [fisher, product] = forBatch(w, x);
    expect(difference(fisher, product)).toBeLessThan(1000 * u);
  });

  test("for a batch, softmax regression is no Kronecker product of means: K-FAC's approximation is one", () => {
    const [w, x] = [normals([2, 3], 4), normals([16, 2], 5)];
    const fisher = exactFisher(weights, w, x);
    const second = (x.matrixTranspose().matmul(x) as Tensor).div(16);
    const output = overInputs((input) => categorical.fisher(input.matmul(w) as Tensor))(x).mean(0) as Tensor;
    const error = fisher
      .sub(kron(second, output))
      .square()
      .sum()
      .sqrt()
      .div(fisher.square().sum().sqrt())
      .itemSync();
    expect(error).toBeGreaterThan(0.05);
  });

  const rows = jit((params: PerceptronParameters, x: Tensor, y: Tensor) => ({
    mean: perExampleGradientMatrix(model, params, x, y).mean(0) as Tensor,
    squared: minibatchSquaredFisher(model, params, x, y),
  }));
  test.prop([parameters, inputs, labels(4, 3)])(
    "the squared gradient of a minibatch is the outer product of its mean gradient",
    (params, x, y) => {
      const gradient = gradientOf(params, x, y);
      const { mean, squared } = rows(params, x, y);
      expect(difference(mean, gradient)).toBeLessThan(tolerance);
      expect(difference(squared, gradient.outer(gradient))).toBeLessThan(tolerance * 10);
    },
  );
});

describe("F11: the Hessian at the labels of data is not the Fisher matrix", () => {
  const [params, x] = [perceptron(1), normals([4, 2], 2)];
  const y = model.apply(params, x).argmin(-1) as Tensor; // the least likely labels

  test("it differs from F, and has negative eigenvalues", () => {
    const fisher = fisherOf(params, x);
    const curvature = lossHessian(model, params, x, y);
    expect(relativeDifference(curvature, fisher)).toBeGreaterThan(0.25);
    expect(curvature.eigh()[0].min().itemSync()).toBeLessThan(-0.05);
  });

  test("nor are the diagonals the same", () => {
    const diagonal = ravel(exactFisherDiagonal(model, params, x)).vector;
    expect(relativeDifference(lossHessian(model, params, x, y).diagonal(), diagonal)).toBeGreaterThan(0.1);
  });
});

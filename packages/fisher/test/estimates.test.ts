import { grad, jit, random, type Tensor } from "@amari/core";
import { type FAdamState, fadam } from "@amari/optim";
import { describe, expect, test } from "vitest";
import { overPairs } from "../src/batch.ts";
import {
  empiricalFisher,
  empiricalFisherDiagonal,
  exactFisher,
  exactFisherDiagonal,
  logisticRegression,
  type Model,
  multilayerPerceptron,
  negativeLogLikelihood,
  perExampleGradientMatrix,
  ravel,
  sampledFisher,
  sampledFisherDiagonal,
  softmaxRegression,
} from "../src/index.ts";
import { sampleOutcomes } from "../src/information/sampled.ts";
import { difference, largest, normals, perceptron, t64, u } from "./support.ts";

// FAdam's moving average of squared gradients as an estimator of the Fisher diagonal (FAdam paper, Section 3.3). The parameters
// stand still (learning rate 0), and with beta2 = 1 the average is the plain mean over all steps, so the law of large numbers
// says what it must be. Every statistical test states its number of samples, has one fixed key, and allows four standard errors,
// which a coordinate of a right estimator exceeds with probability 6e-5.

/** FAdam's Fisher estimate after one step for each row of a `[T, P]` matrix of gradients. */
function fisherEstimate<P>(params: P, gradients: Tensor, beta2 = 1): Tensor {
  const optimizer = fadam({ learningRate: 0, beta2 });
  const { unravel } = ravel(params);
  const step = jit((state: FAdamState<P>, gradient: Tensor): FAdamState<P> => {
    const [, next] = optimizer.update(unravel(gradient) as never, state as never, params);
    return next;
  });
  let state: FAdamState<P> = optimizer.init(params);
  for (let t = 0; t < gradients.shape[0]!; t++) state = step(state, gradients.slice(t));
  return ravel(state.fisher).vector;
}

/** The largest distance between an estimate and what it should be, in standard errors of the mean of squared gradients. */
function deviation(estimate: Tensor, expected: Tensor, gradients: Tensor): number {
  const error = (gradients.square() as Tensor).variance(0).div(gradients.shape[0]!).sqrt();
  return largest(estimate.sub(expected).div(error.maximum(1e-12)));
}

interface Setting {
  readonly model: Model<unknown>;
  readonly params: unknown;
}
const settings: readonly (readonly [string, Setting])[] = [
  [
    "logistic regression",
    { model: logisticRegression as Model<unknown>, params: { w: t64([1, -0.5]), b: t64([0.3], []) } },
  ],
  [
    "softmax regression",
    { model: softmaxRegression as Model<unknown>, params: { w: normals([2, 3], 1), b: normals([3], 2) } },
  ],
  [
    "a perceptron of 21 parameters",
    { model: multilayerPerceptron() as Model<unknown>, params: perceptron(4) },
  ],
];

const x = normals([8, 2], 5);
const steps = 800;

describe.each(settings)("F6, %s: the running mean of squared gradients", (_, { model, params }) => {
  const key = random.key(6) as Tensor;
  const diagonal = ravel(exactFisherDiagonal(model, params, x)).vector;

  test(`with one model-sampled label at a time is the Fisher diagonal (${steps} steps, key 6)`, () => {
    const inputs = cycle(x, steps);
    const gradients = perExampleGradientMatrix(
      model,
      params,
      inputs,
      sampleOutcomes(key, model, params, inputs),
    );
    expect(deviation(fisherEstimate(params, gradients), diagonal, gradients)).toBeLessThan(4);
  });

  test(`with a mean over B = 8 model-sampled labels is the Fisher diagonal / 8 (${steps} steps, key 6)`, () => {
    const inputs = cycle(x, 8 * steps);
    const single = perExampleGradientMatrix(
      model,
      params,
      inputs,
      sampleOutcomes(key, model, params, inputs),
    );
    const gradients = (single.reshape([steps, 8, single.shape[1]!]) as Tensor).mean(1) as Tensor;
    const estimate = fisherEstimate(params, gradients);
    expect(deviation(estimate, diagonal.div(8), gradients)).toBeLessThan(4);
    expect(deviation(estimate, diagonal, gradients)).toBeGreaterThan(20);
  });

  test("with the labels of the data, one pass, is exactly the conditional empirical Fisher diagonal (Eq 56)", () => {
    const y = t64(Array.from({ length: 8 }, (_, i) => (i * i) % 2));
    const gradients = perExampleGradientMatrix(model, params, x, y);
    const empirical = ravel(empiricalFisherDiagonal(model, params, x, y)).vector;
    expect(difference(fisherEstimate(params, gradients), empirical)).toBeLessThan(
      50 * u * largest(empirical),
    );
    expect(difference(empirical, diagonal)).toBeGreaterThan(0.05 * largest(diagonal));
  });
});

/** The inputs again and again, `n` in all. */
function cycle(inputs: Tensor, n: number): Tensor {
  const times = n / inputs.shape[0]!;
  return (inputs.expandDims(0).broadcastTo([times, ...inputs.shape]) as Tensor).reshape([
    n,
    ...inputs.shape.slice(1),
  ]);
}

test("F7: the exponential average has the relative standard deviation sqrt((1 - b)/(1 + b) (kurtosis - 1)) (2,000 coordinates, key 7)", () => {
  // Independent Bernoulli logits, all the same, so that the spread over coordinates is the spread of one estimate.
  const [logit, beta2, coordinates, steps] = [1.5, 0.9, 2000, 80];
  const p = 1 / (1 + Math.exp(-logit));
  const labels = (random.bernoulli(random.key(7), p, [steps, coordinates]) as Tensor).astype("float64");
  const estimate = fisherEstimate(
    t64(Array.from({ length: coordinates }, () => logit)),
    labels.neg().add(p),
    beta2,
  );
  const fisher = p * (1 - p);
  const kurtosis = (p * (1 - p) ** 4 + (1 - p) * p ** 4) / fisher ** 2;
  const predicted = Math.sqrt(((1 - beta2) / (1 + beta2)) * (kurtosis - 1));
  const spread = Math.sqrt((estimate.variance(0) as Tensor).itemSync()) / fisher;
  // The standard error of a standard deviation, sqrt((k - 1) / (4 n)) relative, with the sample's own fourth moment k.
  const centred = estimate.sub(estimate.mean(0));
  const fourth =
    (centred.square().square().mean(0) as Tensor).itemSync() /
    (estimate.variance(0) as Tensor).itemSync() ** 2;
  expect(Math.abs(spread / predicted - 1)).toBeLessThan(4 * Math.sqrt((fourth - 1) / (4 * coordinates)));
  const mean = (estimate.mean(0) as Tensor).itemSync();
  expect(Math.abs(mean / fisher - 1)).toBeLessThan((4 * predicted) / Math.sqrt(coordinates));
});

describe("sampledFisher", () => {
  const { model, params } = settings[2]![1];
  const fisher = exactFisher(model, params, x);

  test("is the exact Fisher matrix within five standard errors (8 inputs x 250 samples, key 8)", () => {
    const n = 8 * 250;
    const estimate = sampledFisher(random.key(8) as Tensor, model, params, x, { samples: 250 });
    // Var of g_p g_q, by a second, independent sample
    const inputs = cycle(x, n);
    const gradients = perExampleGradientMatrix(
      model,
      params,
      inputs,
      sampleOutcomes(random.key(9) as Tensor, model, params, inputs),
    );
    const products = gradients.expandDims(1).mul(gradients.expandDims(2)) as Tensor;
    const error = products.variance(0).div(n).sqrt();
    // 231 distinct entries: five standard errors, which one of them exceeds with probability 1e-4
    expect(largest(estimate.sub(fisher).div(error.maximum(1e-12)))).toBeLessThan(5);
  });

  test("its diagonal is the diagonal, and its error falls as 1 / sqrt(samples) (key 10)", () => {
    const key = random.key(10) as Tensor;
    const diagonal = ravel(sampledFisherDiagonal(key, model, params, x, { samples: 4 })).vector;
    expect(
      difference(diagonal, sampledFisher(key, model, params, x, { samples: 4 }).diagonal()),
    ).toBeLessThan(100 * u);
    const exact = ravel(exactFisherDiagonal(model, params, x)).vector;
    const meanSquare = (samples: number): number => {
      const errors = Array.from({ length: 30 }, (_, i) => {
        const estimate = sampledFisherDiagonal(random.foldIn(key, i) as Tensor, model, params, x, {
          samples,
        });
        return ravel(estimate).vector.sub(exact).square().sum().itemSync();
      });
      return errors.reduce((a, b) => a + b, 0) / errors.length;
    };
    // 16 times the samples divide the mean square error by 16. Each of the two means over 30 heavy-tailed draws is known to about
    // 20%, so their ratio to about 30%: between 5 and 50.
    const ratio = meanSquare(1) / meanSquare(16);
    expect(ratio).toBeGreaterThan(5);
    expect(ratio).toBeLessThan(50);
  });
});

describe("per-example gradients", () => {
  test("their mean is the gradient of the loss, their mean outer product the empirical Fisher matrix", () => {
    const { model, params } = settings[1]![1];
    const y = t64([0, 1, 2, 0, 1, 2, 0, 1]);
    const rows = perExampleGradientMatrix(model, params, x, y);
    const gradient = grad((p: unknown) => negativeLogLikelihood(model, p, x, y) as Tensor<[]>)(params);
    expect(difference(rows.mean(0), ravel(gradient).vector)).toBeLessThan(20 * u);
    const outer = overPairs((a, b) => a.outer(b))(rows, rows).mean(0);
    expect(difference(empiricalFisher(model, params, x, y), outer)).toBeLessThan(50 * u * largest(outer));
  });
});

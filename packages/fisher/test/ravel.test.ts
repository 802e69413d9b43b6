import { ArgumentError, jit, random, ShapeError, type Tensor, tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  bernoulli,
  categorical,
  exactFisher,
  exactFisherDiagonal,
  gaussianLogScale,
  isotropicGaussian,
  modelDivergence,
  multilayerPerceptron,
  naturalGradient,
  perceptronParameters,
  poisson,
  ravel,
  sampledFisher,
} from "../src/index.ts";
import { difference, largest, normals, t64, tensors, u } from "./support.ts";

describe("ravel", () => {
  test.prop([
    fc.record({ w: tensors([2, 3]), b: tensors([3]), rest: fc.tuple(tensors([]), tensors([1, 2])) }),
  ])("unravel gives the tree back", (tree) => {
    const { vector, unravel } = ravel(tree);
    expect(vector.shape).toEqual([12]);
    expect(difference(unravel(vector), tree)).toBe(0);
  });

  test("objects go by the names of their keys, lists by position, tensors row by row", () => {
    const tree = { w: t64([4, 5, 6, 7], [2, 2]), b: [t64([1]), t64([2, 3])] };
    expect(Array.from(ravel(tree).vector.dataSync())).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("a vector of another length is refused, with both lengths", () => {
    expect(() => ravel({ w: t64([1, 2]) }).unravel(t64([1, 2, 3]))).toThrow(ShapeError);
    expect(() => ravel({ w: t64([1, 2]) }).unravel(t64([1, 2, 3]))).toThrow(/2 elements, got shape \[3\]/);
    expect(() => ravel({})).toThrow(ArgumentError);
  });
});

describe("the dtype follows the parameters", () => {
  const model = multilayerPerceptron();
  const params = perceptronParameters(random.key(1) as Tensor, [2, 3, 3]);
  const x = normals([4, 2], 1).astype("float32");

  test("float32 parameters have float32 Fisher matrices, divergences and natural gradients", () => {
    const fisher = exactFisher(model, params, x);
    const results = [
      fisher,
      exactFisher(model, params, x, { form: "enumeration" }),
      ravel(exactFisherDiagonal(model, params, x)).vector,
      sampledFisher(random.key(2) as Tensor, model, params, x),
      modelDivergence(model, params, params, x),
      ravel(naturalGradient(fisher, params, { damping: 0.1 })).vector,
      ravel(naturalGradient(fisher, params, { method: "pseudoInverse" })).vector,
      ravel(naturalGradient(fisher, params, { method: "conjugateGradient", damping: 0.1 })).vector,
    ];
    for (const result of results) expect(result.dtype).toBe("float32");
    const exact = exactFisher(model, ravel(params).unravel(ravel(params).vector), x);
    expect(difference(exact, fisher)).toBe(0);
  });

  test("draws are int32 for classes, and of the parameters' dtype for numbers", () => {
    const key = random.key(3) as Tensor;
    const scalar = tensor(0.5) as Tensor;
    expect(bernoulli.sample(key, scalar, [2]).dtype).toBe("int32");
    expect(categorical.sample(key, tensor([0, 1]) as Tensor, [2]).dtype).toBe("int32");
    expect(poisson.sample(key, scalar, [2]).dtype).toBe("float32");
    expect(gaussianLogScale.sample(key, { mean: t64([0], []), logScale: t64([0], []) }, [2]).dtype).toBe(
      "float64",
    );
    expect(isotropicGaussian().sample(key, t64([0, 0]), [5]).shape).toEqual([5, 2]);
  });

  test("Poisson draws beyond the sampler's table are NaN, not wrong", () => {
    expect(poisson.sample(random.key(4) as Tensor, t64([6], []), []).itemSync()).toBeNaN();
  });
});

describe("inside jit", () => {
  const logits = t64([0.1, 0.2, 0.4]);

  test("no value can be looked at: a singular matrix gives no error, so the method must suit the model", () => {
    const solve = jit((z: Tensor) =>
      naturalGradient(categorical.fisher(z), z.sub(z.mean()), { method: "pseudoInverse" }),
    );
    const outside = naturalGradient(categorical.fisher(logits), logits.sub(logits.mean()), {
      method: "pseudoInverse",
    });
    expect(difference(solve(logits), outside)).toBeLessThan(100 * u);
    const unchecked = jit((z: Tensor) => naturalGradient(categorical.fisher(z), z));
    expect(() => unchecked(logits).realise()).not.toThrow();
  });

  test("a perceptron's pseudo-inverse reaches its gradient: F F^+ g = g for g in the range of F", () => {
    const model = multilayerPerceptron();
    const params = perceptronParameters(random.key(5) as Tensor, [2, 3, 3], { dtype: "float64" });
    const fisher = exactFisher(model, params, normals([4, 2], 2));
    const g = fisher.matmul(normals([21], 3)) as Tensor;
    const solution = naturalGradient(fisher, g, { method: "pseudoInverse" });
    // Eigenvalues above the cut-off of 8 P epsilon carry an error of about P u |F| each, so g itself is met well.
    expect(difference(fisher.matmul(solution), g)).toBeLessThan(1e-10 * largest(g));
    expect(largest(solution)).toBeLessThan(10);
  });
});

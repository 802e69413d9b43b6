import { ArgumentError, grad, jit, mapTree, type Tensor, tensor } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  conjugateGradient,
  exactFisher,
  fisherVectorProduct,
  gaussNewtonMatrix,
  gaussNewtonVectorProduct,
  logisticRegression,
  multilayerPerceptron,
  naturalGradient,
  naturalGradientDescent,
  negativeLogLikelihood,
  type PerceptronParameters,
  ravel,
  SingularFisherError,
  softmaxRegression,
} from "../src/index.ts";
import {
  difference,
  labels,
  largest,
  normals,
  perceptronOf,
  relativeDifference,
  t64,
  tensors,
  u,
} from "./support.ts";

const n = 5;
/** A symmetric positive definite matrix with eigenvalues between 0.5 and 0.5 + n bound^2. */
const definite = tensors([n, n], 1).map(
  (a) => a.matmul(a.matrixTranspose()).add(t64(identity(n, 0.5), [n, n])) as Tensor,
);
const vectors = tensors([n]);
function identity(size: number, scale: number): number[] {
  return Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? scale : 0));
}

// The condition number is below (0.5 + 25) / 0.5 = 51, and a solution loses that factor.
const tolerance = 51 * 100 * u;

describe("a positive definite Fisher matrix", () => {
  test.prop([definite, vectors])("all three solvers give F^-1 g", (fisher, g) => {
    const expected = fisher.solve(g);
    for (const method of ["cholesky", "pseudoInverse", "conjugateGradient"] as const) {
      const error = difference(naturalGradient(fisher, g, { method }), expected);
      expect(error, method).toBeLessThan(tolerance * (1 + largest(expected)));
    }
  });

  test.prop([definite, vectors])("conjugate gradients take at most P steps, up to rounding", (fisher, g) => {
    const { iterations, converged, residual } = conjugateGradient((v) => fisher.matmul(v) as Tensor, g);
    expect(converged).toBe(true);
    expect(residual).toBeLessThanOrEqual(128 * u);
    expect(iterations).toBeLessThanOrEqual(n + 3);
  });

  test.prop([definite, vectors, fc.double({ min: 1e-3, max: 10, noNaN: true })])(
    "damping solves F + damping I",
    (fisher, g, damping) => {
      const expected = fisher.add(t64(identity(n, damping), [n, n])).solve(g);
      for (const method of ["cholesky", "pseudoInverse", "conjugateGradient"] as const) {
        const error = difference(naturalGradient(fisher, g, { method, damping }), expected);
        expect(error, method).toBeLessThan(tolerance * (1 + largest(expected)));
      }
    },
  );

  test("units do not make it singular: Cholesky judges a pivot against its own diagonal entry", () => {
    const units = t64([1e-12, 1, 1e9]);
    const fisher = t64([2, 1, 0, 1, 2, 1, 0, 1, 2], [3, 3]).mul(units.outer(units));
    const x = t64([1, -2, 3]).div(units);
    expect(
      largest(
        naturalGradient(fisher, fisher.matmul(x) as Tensor)
          .sub(x)
          .mul(units),
      ),
    ).toBeLessThan(100 * u);
  });
});

describe("a singular Fisher matrix", () => {
  const affine = fc.record({ w: tensors([2, 3]), b: tensors([3]) });
  const inputs = tensors([4, 2]);
  const gradientOf = (params: { w: Tensor; b: Tensor }, x: Tensor, y: Tensor) =>
    grad((p: typeof params) => negativeLogLikelihood(softmaxRegression, p, x, y) as Tensor<[]>)(params);

  test.prop([affine, inputs, labels(4, 3)])(
    "Cholesky refuses it, and says what to write instead",
    (params, x, y) => {
      const fisher = exactFisher(softmaxRegression, params, x);
      const solve = () => naturalGradient(fisher, gradientOf(params, x, y));
      expect(solve).toThrow(SingularFisherError);
      expect(solve).toThrow(/pseudoInverse.*damping/);
    },
  );

  test.prop([tensors([4, 2], 1), tensors([4])])(
    "the pseudo-inverse gives the solution of least norm",
    (factor, direction) => {
      const fisher = factor.matmul(factor.matrixTranspose()) as Tensor; // rank 2 of 4
      const eigenvalues = fisher.eigh()[0];
      fc.pre(eigenvalues.slice(2).itemSync() > 1e-3);
      const g = fisher.matmul(direction) as Tensor;
      const solution = naturalGradient(fisher, g, { method: "pseudoInverse" });
      expect(difference(fisher.matmul(solution) as Tensor, g)).toBeLessThan(1e5 * u);
      // Least norm: nothing of it lies in the null space, so F^+ F x = x.
      const again = naturalGradient(fisher, fisher.matmul(solution) as Tensor, { method: "pseudoInverse" });
      expect(difference(again, solution)).toBeLessThan(1e6 * u);
      expect(solution.square().sum().sub(direction.square().sum()).itemSync()).toBeLessThan(1e6 * u);
    },
  );

  test("conjugate gradients find the solution of least norm too, since they never leave the range", () => {
    const params = { w: normals([2, 3], 1), b: normals([3], 2) };
    const [x, y] = [
      normals([12, 2], 3),
      tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 1], { dtype: "int32" }) as Tensor,
    ];
    const gradient = gradientOf(params, x, y);
    const exact = naturalGradient(exactFisher(softmaxRegression, params, x), gradient, {
      method: "pseudoInverse",
    });
    const result = conjugateGradient((v) => fisherVectorProduct(softmaxRegression, params, x, v), gradient, {
      tolerance: 1e-13,
    });
    expect(result.converged).toBe(true);
    expect(result.iterations).toBeLessThanOrEqual(9);
    expect(relativeDifference(result.solution, exact)).toBeLessThan(1e-10);
    // No step along the shift of all logits: each row of the weights, and the biases, add up to zero.
    expect(largest(mapTree(result.solution, (leaf) => leaf.sum(-1)))).toBeLessThan(1e-12);
  });

  test("a zero gradient has the zero step, by all of them", () => {
    const zero = t64([0, 0]);
    const fisher = t64([1, 0, 0, 0], [2, 2]);
    expect(largest(naturalGradient(fisher, zero, { method: "pseudoInverse" }))).toBe(0);
    expect(largest(naturalGradient(fisher, zero, { method: "conjugateGradient" }))).toBe(0);
    expect(largest(naturalGradient(t64([0, 0, 0, 0], [2, 2]), zero, { method: "pseudoInverse" }))).toBe(0);
  });
});

describe("products without the matrix", () => {
  const model = multilayerPerceptron();
  const directions = perceptronOf();

  test.prop([perceptronOf(), tensors([4, 2]), directions])("fisherVectorProduct is F v", (params, x, v) => {
    const product = fisherVectorProduct(model, params, x, v);
    const expected = exactFisher(model, params, x).matmul(ravel(v).vector);
    expect(difference(ravel(product).vector, expected)).toBeLessThan(1e4 * u);
  });

  test.prop([perceptronOf(), tensors([4, 2]), labels(4, 3), directions])(
    "gaussNewtonVectorProduct is G v",
    (params, x, y, v) => {
      const product = gaussNewtonVectorProduct(model, params, x, y, v);
      const expected = gaussNewtonMatrix(model, params, x, y).matmul(ravel(v).vector);
      expect(difference(ravel(product).vector, expected)).toBeLessThan(1e4 * u);
    },
  );

  test("they run inside jit", () => {
    const params = { w: normals([2], 1), b: normals([], 2) };
    const x = normals([6, 2], 3);
    const product = jit((v: typeof params) => fisherVectorProduct(logisticRegression, params, x, v));
    expect(
      difference(product(params), fisherVectorProduct(logisticRegression, params, x, params)),
    ).toBeLessThan(100 * u);
  });
});

describe("naturalGradientDescent", () => {
  const x = normals([20, 2], 5);
  const y = tensor(
    Array.from({ length: 20 }, (_, i) => i % 2),
    { dtype: "int32" },
  ) as Tensor;
  type Params = { w: Tensor; b: Tensor };
  const loss = (p: Params) => negativeLogLikelihood(logisticRegression, p, x, y) as Tensor<[]>;
  const initial: Params = { w: t64([0, 0]), b: t64([0], []) };

  test("reaches the optimum of logistic regression in a few steps, since it is Newton's method there", () => {
    const optimizer = naturalGradientDescent({
      learningRate: 1,
      fisher: (p: Params) => exactFisher(logisticRegression, p, x),
    });
    let [params, state] = [initial, optimizer.init(initial)];
    for (let i = 0; i < 6; i++) {
      const [updates, next] = optimizer.update(grad(loss)(params), state, params);
      params = { w: params.w.add(updates.w), b: params.b.add(updates.b) };
      state = next;
    }
    expect(state.count.itemSync()).toBe(6);
    expect(largest(grad(loss)(params))).toBeLessThan(1e-14);
  });

  test("takes a schedule, and runs inside jit", () => {
    const optimizer = naturalGradientDescent({
      learningRate: (count) => count.add(1).astype("float64").reciprocal(),
      fisher: (p: Params) => exactFisher(logisticRegression, p, x),
    });
    const step = jit((p: Params, s: { count: Tensor }) => optimizer.update(grad(loss)(p), s, p));
    const [first, state] = step(initial, optimizer.init(initial));
    const [second] = step(initial, state);
    expect(
      difference(
        second,
        mapTree(first, (leaf) => leaf.div(2)),
      ),
    ).toBeLessThan(10 * u);
  });

  test("rejects a learning rate that is no rate", () => {
    expect(() => naturalGradientDescent({ learningRate: -1, fisher: () => x })).toThrow(ArgumentError);
  });
});

describe("errors teach", () => {
  test("a matrix of another size names the size it should have", () => {
    expect(() => naturalGradient(t64([1, 0, 0, 1], [2, 2]), t64([1, 2, 3]))).toThrow(
      /shape \[3, 3\], got \[2, 2\]/,
    );
  });

  test("an operator cannot be factorised", () => {
    expect(() => naturalGradient((v: Tensor) => v, t64([1]), { method: "cholesky" })).toThrow(
      /conjugateGradient/,
    );
  });

  test("outcomes that cannot be listed cannot be enumerated", () => {
    const regression: PerceptronParameters = [{ w: t64([1], [1, 1]), b: t64([0]) }];
    const model = multilayerPerceptron({
      distribution: { ...softmaxRegression.distribution, name: "some density", support: undefined } as never,
    });
    expect(() => exactFisher(model, regression, t64([1], [1, 1]), { form: "enumeration" })).toThrow(
      /some density/,
    );
  });
});

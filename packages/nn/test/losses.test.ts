import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  DTypeError,
  grad,
  jit,
  oneHot,
  random,
  ShapeError,
  setDefaultBackend,
  type Tensor,
  tensor,
  vmap,
  zeros,
} from "@amari/core";
import { checkGrads } from "@amari/testing";
import { describe, expect, test } from "vitest";
import {
  accuracy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  meanSquaredError,
  squaredError,
} from "../src/index.ts";

setDefaultBackend(referenceBackend());

const f64 = { dtype: "float64" } as const;
const values = (x: Tensor): number[] => Array.from(x.dataSync());
const expectClose = (actual: Tensor, expected: readonly number[], digits = 12): void => {
  expect(actual.size).toBe(expected.length);
  for (const [i, x] of values(actual).entries()) expect(x).toBeCloseTo(expected[i]!, digits);
};

const rows = [
  [0.5, -1, 2],
  [3, 3, -2],
  [-0.25, 0.75, 0],
  [100, 0, -100],
];
const logits = tensor(rows.flat(), { dtype: "float64", shape: [4, 3] });
const classes = [2, 0, 1, 1];
const labels = tensor(Int32Array.from(classes), { shape: [4] });

/** Straight from the definition, one example at a time. */
const logSoftmaxOf = (row: readonly number[]): number[] => {
  const peak = Math.max(...row);
  const logTotal = peak + Math.log(row.reduce((sum, z) => sum + Math.exp(z - peak), 0));
  return row.map((z) => z - logTotal);
};

describe("crossEntropy", () => {
  test("of indices is minus the log probability of the class, for each example", () => {
    const expected = rows.map((row, i) => -logSoftmaxOf(row)[classes[i]!]!);
    expectClose(crossEntropy(logits, labels), expected);
    expectClose(crossEntropy(logits, labels.astype("uint32")), expected);
  });

  test("of probabilities is minus the expected log probability", () => {
    const p = [0.2, 0.3, 0.5];
    const expected = rows.map((row) => -logSoftmaxOf(row).reduce((sum, q, k) => sum + p[k]! * q, 0));
    expectClose(crossEntropy(logits, tensor([p, p, p, p], { dtype: "float64" })), expected);
  });

  test("of a one-hot encoding is that of the indices", () => {
    expectClose(crossEntropy(logits, oneHot(labels, 3, f64)), values(crossEntropy(logits, labels)));
  });

  test("smooths labels by mixing in the uniform distribution", () => {
    const targets = classes.map((c) => [0, 1, 2].map((k) => 0.7 * Number(k === c) + 0.1));
    const smoothed = crossEntropy(logits, tensor(targets, { dtype: "float64" }));
    expectClose(crossEntropy(logits, labels, { labelSmoothing: 0.3 }), values(smoothed));
    expectClose(crossEntropy(logits, oneHot(labels, 3, f64), { labelSmoothing: 0.3 }), values(smoothed));
  });

  test("takes any batch axes, and none", () => {
    const whole = crossEntropy(logits.reshape([2, 2, 3]), labels.reshape([2, 2]));
    expect(whole.shape).toEqual([2, 2]);
    expectClose(whole.reshape([4]), values(crossEntropy(logits, labels)));
    const each = vmap((row: Tensor<[3]>, label: Tensor<[]>) => crossEntropy(row, label))(logits, labels);
    expectClose(each, values(crossEntropy(logits, labels)));
  });

  test("has the gradient softmax - target", () => {
    const gradient = grad((z: Tensor<[4, 3]>) => crossEntropy(z, labels).sum())(logits);
    const expected = rows.flatMap((row, i) =>
      logSoftmaxOf(row).map((logP, k) => Math.exp(logP) - Number(k === classes[i]!)),
    );
    expectClose(gradient, expected);
  });

  test("has the derivatives of finite differences, to second order, in logits and probabilities", () => {
    const z = random.normal(random.key(1), [4, 3], f64);
    checkGrads((x: Tensor) => crossEntropy(x, labels, { labelSmoothing: 0.1 }), [z]);
    checkGrads((x: Tensor, p: Tensor) => crossEntropy(x, p), [z, random.uniform(random.key(2), [4, 3], f64)]);
  });

  test("stays finite for extreme logits in float32", () => {
    const extreme = tensor([[1e30, 0, -1e30]]);
    expectClose(crossEntropy(extreme, tensor(Int32Array.of(0))), [0]);
    expect(values(crossEntropy(extreme, tensor(Int32Array.of(1))))).toEqual([Math.fround(1e30)]);
  });
});

describe("labels that do not fit", () => {
  test("floats where indices are meant", () => {
    expect(() => crossEntropy(logits, tensor([2, 0, 1, 1]))).toThrow(DTypeError);
    expect(() => crossEntropy(logits, tensor([2, 0, 1, 1]))).toThrow(
      /expected class indices int32\[4\] or probabilities float64\[4, 3\].*got float32\[4\].*write labels\.astype\("int32"\)/,
    );
  });

  test("an integer one-hot encoding", () => {
    expect(() => crossEntropy(logits, oneHot(labels, 3, { dtype: "int32" }))).toThrow(
      /for a one-hot encoding write labels\.astype\("float64"\)/,
    );
  });

  test("a column of labels", () => {
    const column: Tensor = labels.reshape([4, 1]);
    expect(() => crossEntropy(logits, column)).toThrow(ShapeError);
    expect(() => crossEntropy(logits, column)).toThrow(/drop the last axis by labels\.squeeze\(-1\)/);
  });

  test("another number of examples", () => {
    const three: Tensor = tensor(Int32Array.of(0, 1, 2));
    expect(() => crossEntropy(logits, three)).toThrow(/got int32\[3\]/);
  });

  test.each([3, -1])("a class %i that there is not, where the values are at hand", (label) => {
    const wrong = tensor(Int32Array.of(0, label, 0, 0));
    expect(() => crossEntropy(logits, wrong)).toThrow(ArgumentError);
    expect(() => crossEntropy(logits, wrong)).toThrow(
      new RegExp(`expected labels from 0 to 2, since the logits have 3 classes; element 1 is ${label}`),
    );
  });

  test.each([3, -1])("a class %i inside jit gives NaN, never the loss of another class", (label) => {
    const compiled = jit((y: Tensor<[4]>) => crossEntropy(logits, y));
    const losses = values(compiled(tensor(Int32Array.of(2, label, 1, 1), { shape: [4] })));
    expect(losses.map(Number.isNaN)).toEqual([false, true, false, false]);
  });

  test("integer logits and scalar logits", () => {
    expect(() => crossEntropy(zeros([2, 3], { dtype: "int32" }), tensor(Int32Array.of(0, 1)))).toThrow(
      /expected float logits, got int32\[2, 3\]/,
    );
    expect(() => crossEntropy(tensor(1), tensor(Int32Array.of(0)) as Tensor)).toThrow(/got a scalar/);
  });

  test("smoothing out of range", () => {
    expect(() => crossEntropy(logits, labels, { labelSmoothing: 1 })).toThrow(/0 <= alpha < 1, got 1/);
  });
});

describe("accuracy", () => {
  test("is the share of examples whose largest logit is right", () => {
    expect(accuracy(logits, labels).itemSync()).toBe(0.75);
    expect(accuracy(logits, oneHot(labels, 3)).itemSync()).toBe(0.75);
  });

  test("compares no shapes that differ", () => {
    expect(() => accuracy(logits, labels.reshape([4, 1]) as Tensor)).toThrow(
      /accuracy: expected class indices/,
    );
  });
});

describe("binaryCrossEntropyWithLogits", () => {
  const z = [-3, -0.5, 0, 2, 40];
  const y = [0, 1, 0.25, 1, 0];

  test("is the cross entropy of sigmoid(logit)", () => {
    const expected = z.map((logit, i) => {
      const p = 1 / (1 + Math.exp(-logit));
      return -y[i]! * Math.log(p) - (1 - y[i]!) * Math.log(1 / (1 + Math.exp(logit)));
    });
    expectClose(binaryCrossEntropyWithLogits(tensor(z, f64), tensor(y, f64)), expected);
  });

  test("takes bools and integers as labels", () => {
    const flags = binaryCrossEntropyWithLogits(tensor([1, 1]), tensor([true, false]));
    const numbers = binaryCrossEntropyWithLogits(tensor([1, 1]), tensor(Int32Array.of(1, 0)));
    expect(values(flags)).toEqual(values(numbers));
    expect(flags.dtype).toBe("float32");
  });

  test("neither overflows nor loses a small loss", () => {
    const extreme = binaryCrossEntropyWithLogits(tensor([1000, -1000, 80], f64), tensor([0, 1, 1], f64));
    expect(values(extreme)).toEqual([1000, 1000, Math.log1p(Math.exp(-80))]);
  });

  test("has the derivatives of finite differences, to second order", () => {
    checkGrads(
      (logit: Tensor, label: Tensor) => binaryCrossEntropyWithLogits(logit, label),
      [tensor([-2, 0.5, 1], f64), tensor([0.25, 0.5, 1], f64)],
    );
  });

  test("refuses integer logits, which are labels in the wrong place", () => {
    expect(() => binaryCrossEntropyWithLogits(tensor(Int32Array.of(1, 0)), tensor([1, 2]))).toThrow(
      /the logits come first/,
    );
  });
});

describe("squared errors", () => {
  const a = tensor([1, 2, 4], f64);
  const b = tensor([0, 2, 7], f64);

  test("squaredError is elementwise, meanSquaredError its mean over all elements", () => {
    expect(values(squaredError(a, b))).toEqual([1, 0, 9]);
    expect(meanSquaredError(a, b).itemSync()).toBeCloseTo(10 / 3, 12);
    expect(meanSquaredError(a.reshape([3, 1]), b.reshape([3, 1])).shape).toEqual([]);
  });

  test.each([
    ["squaredError", squaredError],
    ["meanSquaredError", meanSquaredError],
    ["binaryCrossEntropyWithLogits", binaryCrossEntropyWithLogits],
  ] as const)("%s refuses to broadcast [3] against [3, 1]", (name, loss) => {
    const column: Tensor = b.reshape([3, 1]);
    expect(() => loss(a, column)).toThrow(ShapeError);
    expect(() => loss(a, column)).toThrow(
      `${name}: expected predictions and targets of one shape, got [3] and [3, 1]`,
    );
  });

  test("have the derivatives of finite differences, to second order", () => {
    checkGrads((x: Tensor, y: Tensor) => meanSquaredError(x, y), [a, b]);
  });
});

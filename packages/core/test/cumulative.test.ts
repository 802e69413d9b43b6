import { AxisError, grad, type Tensor, tensor, vmap, zeros } from "@amari/core";
import { checkGrads, expectClose, tensors } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

const runs = { numRuns: 50 };

/** The definition: each place of each row by itself, from the elements up to it. */
function byPrefix(x: Tensor, fold: (prefix: readonly number[]) => number): Tensor {
  const length = x.shape.at(-1)!;
  const data = [...x.dataSync()];
  const result = data.map((_, at) => fold(data.slice(at - (at % length), at + 1)));
  return tensor(Float64Array.from(result), { shape: x.shape }) as Tensor;
}

const product = (prefix: readonly number[]) => prefix.reduce((a, b) => a * b, 1);
const total = (prefix: readonly number[]) => prefix.reduce((a, b) => a + b, 0);

const definitions: readonly [
  string,
  (x: Tensor, axis?: number) => Tensor,
  (p: readonly number[]) => number,
][] = [
  ["cumsum", (x, axis) => x.cumsum(axis), total],
  ["cumprod", (x, axis) => x.cumprod(axis), product],
  ["cummax", (x, axis) => x.cummax(axis), (p) => Math.max(...p)],
  ["cummin", (x, axis) => x.cummin(axis), (p) => Math.min(...p)],
  ["cumLogSumExp", (x, axis) => x.cumLogSumExp(axis), (p) => Math.log(total(p.map(Math.exp)))],
];

describe.each(definitions)("%s", (_, call, fold) => {
  const matrices = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 }))
    .chain(([m, n]) => tensors({ shape: [m, n], min: -2, max: 2 }));

  it("folds the elements up to each place", () => {
    fc.assert(
      fc.property(matrices, (x) => {
        expectClose(call(x), byPrefix(x, fold), { absolute: 1e-12, relative: 1e-12 });
      }),
      runs,
    );
  });

  it("runs along any axis", () => {
    fc.assert(
      fc.property(matrices, (x) => {
        expectClose(call(x, 0), call(x.transpose()).transpose());
      }),
      runs,
    );
  });

  it("keeps shapes without elements", () => {
    expect(call(zeros([2, 0]) as Tensor).shape).toEqual([2, 0]);
    expect(call(zeros([0, 2]) as Tensor).shape).toEqual([0, 2]);
  });

  it("explains that a scalar has no axis", () => {
    expect(() => call(f64(1))).toThrow(AxisError);
  });
});

describe("the option reverse", () => {
  it("starts from the last element", () => {
    const x = f64([3, 1, 2]);
    expectClose(x.cumsum(0, { reverse: true }), f64([6, 3, 2]));
    expectClose(x.cumprod(0, { reverse: true }), f64([6, 2, 2]));
    expectClose(x.cummax(0, { reverse: true }), f64([3, 2, 2]));
    expectClose(x.cummin(0, { reverse: true }), f64([1, 1, 2]));
    expectClose(x.cumLogSumExp(0, { reverse: true }), x.exp().cumsum(0, { reverse: true }).log(), {
      relative: 1e-14,
    });
  });
});

describe("derivatives", () => {
  it("of cumprod are exact where elements are zero, to second order", () => {
    // y = [a, ab, abc]: the derivative of the sum is [1 + b + bc, a + ac, ab].
    const gradient = grad((x: Tensor) => x.cumprod().sum() as Tensor<[]>);
    expectClose(gradient(f64([2, 0, 3])), f64([1, 8, 0]));
    expectClose(gradient(f64([0, 0, 3])), f64([1, 0, 0]));
    checkGrads((x: Tensor) => x.cumprod(), [f64([2, 0, 3, 0, -1])]);
  });

  it("of cummax and cummin go to the first of equal elements", () => {
    const weights = f64([1, 2, 4, 8]);
    const gradient = (call: (x: Tensor) => Tensor, x: Tensor) =>
      grad((y: Tensor) => call(y).mul(weights).sum() as Tensor<[]>)(x);
    expectClose(
      gradient((x) => x.cummax(), f64([1, 3, 3, 2])),
      f64([1, 14, 0, 0]),
    );
    expectClose(
      gradient((x) => x.cummin(), f64([3, 1, 1, 2])),
      f64([1, 14, 0, 0]),
    );
  });

  it("of cumLogSumExp are softmaxes, also behind elements of -Infinity", () => {
    const last = grad((x: Tensor) => x.cumLogSumExp().slice(-1) as Tensor<[]>);
    expectClose(last(f64([-Infinity, -Infinity, 0, 1])), f64([-Infinity, -Infinity, 0, 1]).softmax(), {
      absolute: 1e-15,
    });
  });
});

describe("edges", () => {
  it("integers stay integers and wrap modulo 2^32", () => {
    expect(
      i32([2 ** 31 - 1, 1, 1])
        .cumsum()
        .arraySync(),
    ).toEqual([2 ** 31 - 1, -(2 ** 31), 1 - 2 ** 31]);
    expect(i32([65537, 65537]).cumprod().arraySync()).toEqual([65537, 131073]);
    expect(i32([1, 3, 2]).cummax().dtype).toBe("int32");
    expect(i32([1, 0, 1]).astype("bool").cumsum().arraySync()).toEqual([1, 1, 2]);
  });

  it("a NaN stays from where it stands on", () => {
    const x = f64([1, Number.NaN, 5, -5]);
    expectClose(x.cummax(), f64([1, Number.NaN, Number.NaN, Number.NaN]));
    expectClose(x.cummin(), f64([1, Number.NaN, Number.NaN, Number.NaN]));
    expectClose(x.cumsum(), f64([1, Number.NaN, Number.NaN, Number.NaN]));
  });

  it("cumLogSumExp overflows for neither large nor small numbers", () => {
    expectClose(f64([1000, 1000]).cumLogSumExp(), f64([1000, 1000 + Math.log(2)]));
    expectClose(f64([-Infinity, -Infinity, -1000]).cumLogSumExp(), f64([-Infinity, -Infinity, -1000]));
  });

  it("sums in float32 are rounded once, not at every step", () => {
    const x = tensor(new Float32Array(1000).fill(0.1)) as Tensor;
    expect(x.cumsum().slice(-1).itemSync()).toBe(Math.fround(1000 * Math.fround(0.1)));
  });

  it("vmap maps rows", () => {
    const x = f64([
      [1, 2],
      [3, 4],
    ]);
    expectClose(vmap((row: Tensor) => row.cumsum())(x), x.cumsum(1));
  });
});

import { ArgumentError, grad, ShapeError, type Tensor, tensor, vmap, zeros } from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

const runs = { numRuns: 50 };

/** Numbers that no symmetry makes equal. */
const numbers = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, (_, i) => 2 * Math.sin(1.7 * i + 1)),
    { shape },
  ) as Tensor;
};

interface Example {
  readonly x: Tensor;
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

const examples: fc.Arbitrary<Example> = fc
  .record({
    batch: fc.integer({ min: 0, max: 2 }),
    channels: fc.integer({ min: 1, max: 2 }),
    axes: fc.array(
      fc.integer({ min: 1, max: 3 }).chain((window) =>
        fc.record({
          window: fc.constant(window),
          stride: fc.integer({ min: 1, max: 4 }),
          before: fc.integer({ min: 0, max: window - 1 }),
          after: fc.integer({ min: 0, max: window - 1 }),
          size: fc.integer({ min: window, max: 5 }),
        }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ batch, channels, axes }) => ({
    x: numbers([batch, channels, ...axes.map(({ size }) => size)]),
    window: axes.map(({ window }) => window),
    strides: axes.map(({ stride }) => stride),
    padding: axes.map(({ before, after }) => [before, after] as const),
  }));

/** All indices of a shape, in row-major order. */
const indicesOf = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (rows, n) => rows.flatMap((row) => Array.from({ length: n }, (_, i) => [...row, i])),
    [[]],
  );

/** The definition: each window by itself, folded from those of its elements that are no padding. */
function byWindows(
  { x, window, strides, padding }: Example,
  fold: (elements: readonly number[]) => number,
): Tensor {
  const data = x.dataSync();
  const places = window.map((n, axis) => {
    const [before, after] = padding[axis]!;
    return Math.floor((x.shape[axis + 2]! + before + after - n) / strides[axis]!) + 1;
  });
  const shape = [x.shape[0]!, x.shape[1]!, ...places];
  const elements = indicesOf(shape).map(([n, c, ...place]) =>
    fold(
      indicesOf(window)
        .map((offset) => offset.map((i, axis) => place[axis]! * strides[axis]! + i - padding[axis]![0]))
        .filter((at) => at.every((i, axis) => i >= 0 && i < x.shape[axis + 2]!))
        .map((at) => data[[n!, c!, ...at].reduce((flat, i, axis) => flat * x.shape[axis]! + i, 0)]!),
    ),
  );
  return tensor(Float64Array.from(elements), { shape }) as Tensor;
}

const total = (elements: readonly number[]) => elements.reduce((a, b) => a + b, 0);
const close = { absolute: 1e-13, relative: 1e-13 };

describe("maxPool", () => {
  it("is the largest element of each window; padding never wins", () => {
    fc.assert(
      fc.property(examples, (example) => {
        const { x, window, ...options } = example;
        expectClose(
          x.maxPool(window, options),
          byWindows(example, (elements) => Math.max(...elements)),
        );
        expectClose(
          x.sub(10).maxPool(window, options),
          byWindows(example, (elements) => Math.max(...elements) - 10),
          close,
        );
      }),
      runs,
    );
  });

  it("moves by the window unless strides are given", () => {
    expectClose(f64([[[1, 3, 2, 5, 4]]]).maxPool(2), f64([[[3, 5]]]));
    expectClose(f64([[[1, 3, 2, 5, 4]]]).maxPool(2, { strides: 1 }), f64([[[3, 3, 5, 5]]]));
    expectClose(f64([[[1, 3, 2, 5, 4]]]).maxPool(2, { padding: "same" }), f64([[[3, 5, 4]]]));
  });

  it("sends the derivative to the maximum; equal elements share it evenly", () => {
    const gradient = (x: Tensor) => grad((y: Tensor) => y.maxPool(2).sum() as Tensor<[]>)(x);
    expectClose(gradient(f64([[[1, 3, 2, 5]]])), f64([[[0, 1, 0, 1]]]));
    const ties = f64([
      [
        [
          [7, 7],
          [1, 7],
        ],
      ],
    ]);
    const third = 1 / 3;
    expectClose(
      gradient(ties),
      f64([
        [
          [
            [third, third],
            [0, third],
          ],
        ],
      ]),
    );
  });

  it("keeps integers, and NaN wins", () => {
    const pooled = i32([[[-5, -7, -6]]]).maxPool(2, { padding: "same" });
    expect(pooled.dtype).toBe("int32");
    expect(pooled.arraySync()).toEqual([[[-5, -6]]]);
    expectClose(f64([[[1, Number.NaN, 2, 3]]]).maxPool(2), f64([[[Number.NaN, 3]]]));
  });
});

describe("averagePool", () => {
  it("is the mean of each window, padding counted or not", () => {
    fc.assert(
      fc.property(examples, (example) => {
        const { x, window, ...options } = example;
        const size = window.reduce((a, b) => a * b, 1);
        expectClose(
          x.averagePool(window, options),
          byWindows(example, (elements) => total(elements) / size),
          close,
        );
        expectClose(
          x.averagePool(window, { ...options, countIncludePadding: false }),
          byWindows(example, (elements) => total(elements) / elements.length),
          close,
        );
      }),
      runs,
    );
  });

  it("of the whole of each channel is its mean", () => {
    const x = numbers([2, 3, 4, 5]);
    expectClose(x.averagePool([4, 5]), x.mean([2, 3], { keepDims: true }), close);
  });

  it("makes floats of integers", () => {
    expectClose(
      i32([[[1, 2]]])
        .averagePool(2)
        .astype("float64"),
      f64([[[1.5]]]),
    );
  });
});

const calls: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  ["maxPool", (x) => x.maxPool([2, 3], { strides: [1, 2], padding: 1 })],
  ["averagePool", (x) => x.averagePool([2, 3], { strides: [1, 2], padding: 1, countIncludePadding: false })],
];

describe.each(calls)("%s", (_, pool) => {
  it("has derivatives that agree with finite differences to second order", () => {
    checkGrads((x: Tensor) => pool(x).square(), [numbers([1, 2, 3, 4])]);
  });

  it("maps over examples and keeps empty batches", () => {
    const xs = numbers([3, 1, 2, 3, 4]);
    const pooled = vmap(pool)(xs);
    for (const i of [0, 1, 2]) expectClose(pooled.slice(i), pool(xs.slice(i)), close);
    expect(pool(zeros([0, 2, 3, 4]) as Tensor).shape).toEqual([0, 2, 4, 2]);
  });
});

const x = numbers([1, 2, 5]);

describe("an option that does not fit is explained", () => {
  it.each<[string, () => Tensor, new (message: string) => Error, RegExp]>([
    ["no spatial axis", () => x.slice(0).maxPool(2), ShapeError, /expandDims/],
    ["a window too large", () => x.averagePool(6), ShapeError, /does not fit spatial axis 0 of size 5/],
    ["a window of zero", () => x.maxPool(0), ArgumentError, /the window/],
    ["a window of another rank", () => x.maxPool([2, 2]), ArgumentError, /each of the 1 spatial axes/],
    ["strides of a half", () => x.maxPool(2, { strides: 0.5 }), ArgumentError, /strides/],
    [
      "padding as large as the window",
      () => x.maxPool(2, { padding: 2 }),
      ArgumentError,
      /less than the window/,
    ],
  ])("%s", (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });
});

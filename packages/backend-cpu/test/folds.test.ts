import { cpuBackend } from "@amari/backend-cpu";
import { concat, random, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => setDefaultBackend(cpuBackend({ threads: 1 })));

type DType = "float32" | "float64";
const dtypes: readonly DType[] = ["float32", "float64"];

describe("strips of columns", () => {
  // Around the width of a strip, of a vector, and of the rows that are folded at a time.
  const shapes = [
    [8, 1024],
    [9, 1025],
    [11, 1023],
    [40, 2051],
    [13, 515],
    [2, 12, 700],
    [10, 3, 600],
  ];
  const normal = (shape: readonly number[], dtype: DType): Tensor =>
    random.normal(random.key(1), shape, { dtype }).realise() as Tensor;

  /** A fold of a few columns at a time, which stand next to each other: too few for strips. */
  const byPieces = (x: Tensor, f: (x: Tensor) => Tensor): Tensor => {
    const [others, width] = [x.shape.slice(0, -1).map(() => null), x.shape.at(-1)!];
    const pieces: Tensor[] = [];
    // None of the widths leaves a piece of one column, whose rows would be folded as a run.
    const piece = 15;
    for (let at = 0; at < width; at += piece)
      pieces.push(f(x.slice(...others, [at, Math.min(at + piece, width)]).realise() as Tensor));
    return concat(pieces, -1) as Tensor;
  };

  const folds: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
    ["a sum", (x) => x.sum(0)],
    ["a product", (x) => x.prod(0)],
    ["the greatest", (x) => x.max(0)],
    ["the least of a function", (x) => x.mul(x).add(1).min(0)],
    ["a mean and what is left without it", (x) => x.sub(x.mean(0, { keepDims: true }))],
    ["a variance", (x) => x.variance(0)],
    ["several at once", (x) => x.sum(0).mul(x.max(0)).sub(x.square().sum(0))],
    ["of rows from the last to the first", (x) => x.flip(0).sum(0)],
    ["whether all are positive", (x) => x.gt(-3).all(0).astype(x.dtype)],
    ["the inner of three axes", (x) => x.sum(-2)],
    ["all axes but the last", (x) => x.sum(x.shape.slice(1).map((_, i) => i) as number[])],
    [
      "weighted by rows",
      (x) => x.mul(random.normal(random.key(2), [x.shape[0]!, ...x.shape.slice(1).map(() => 1)])).sum(0),
    ],
  ];

  it.each(dtypes.flatMap((dtype) => folds.map(([name, f]) => [dtype, name, f] as const)))(
    "%s: %s",
    (dtype, _, f) => {
      for (const shape of shapes) {
        const x = normal(shape, dtype);
        expect(f(x).dataSync()).toEqual(byPieces(x, f).dataSync());
      }
    },
  );
});

describe("the least and the greatest of vectors", () => {
  const specials = [0, -0, 1, -1, Infinity, -Infinity, NaN];
  /** Rows that each hold one special number among others, at every place of a vector. */
  const rows = (filling: number, count: number): number[][] =>
    specials.flatMap((special) =>
      Array.from({ length: 9 }, (_, place) =>
        Array.from({ length: count }, (_, i) => (i === place * 4 + (place % 4) ? special : filling)),
      ),
    );

  it.each(
    dtypes.flatMap((dtype) =>
      [0, -0, 2, -2, Infinity, -Infinity, NaN].map((filling) => [dtype, filling] as const),
    ),
  )("%s, among %d", (dtype, filling) => {
    for (const count of [33, 40, 64]) {
      const data = rows(filling, count);
      const columns = data[0]!.map((_, i) => data.map((row) => row[i]!));
      for (const [axis, lists] of [columns, data].entries()) {
        const x = tensor(data, { dtype }) as Tensor;
        expect([...(x.max(axis).dataSync() as Float32Array)]).toEqual(lists.map((list) => Math.max(...list)));
        expect([...(x.min(axis).dataSync() as Float32Array)]).toEqual(lists.map((list) => Math.min(...list)));
      }
    }
  });
});

import { cpuBackend } from "@amari/backend-cpu";
import { jit, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => setDefaultBackend(cpuBackend({ threads: 1 })));

const dtypes = ["float32", "float64", "float16", "int32", "uint32", "bool"] as const;
type Numbers = readonly number[];

/** Distinct small numbers of a dtype, by rows. */
const matrix = (rows: number, columns: number, dtype: (typeof dtypes)[number]): [Numbers, Tensor] => {
  const values = Array.from({ length: rows * columns }, (_, i) =>
    dtype === "bool" ? Number((i * i) % 3 === 1) : (i * 37) % 2000,
  );
  return [values, tensor(values, { shape: [rows, columns], dtype }) as Tensor];
};

const run = (f: (x: Tensor) => Tensor, x: Tensor): number[] =>
  Array.from(jit(f)(x).dataSync() as ArrayLike<number>, Number);

const at = (values: Numbers, columns: number) => (i: number, j: number) => values[i * columns + j]!;

const table = (rows: number, columns: number, element: (i: number, j: number) => number): number[] =>
  Array.from({ length: rows * columns }, (_, i) => element(Math.floor(i / columns), i % columns));

describe.each(dtypes)("vectors of %s whose lanes do not lie side by side", (dtype) => {
  const plusOne = (x: Tensor): Tensor => (dtype === "bool" ? x.logicalNot() : x.add(1));
  const one = (x: number): number => (dtype === "bool" ? 1 - x : x + 1);

  it.each([
    [3, 5],
    [15, 17],
    [16, 16],
    [17, 33],
    [40, 18],
    [2, 100],
  ])("a transposition of %i by %i, in tiles where both are long", (rows, columns) => {
    const [values, x] = matrix(rows, columns, dtype);
    const element = at(values, columns);
    expect(run((x) => plusOne(x.transpose()), x)).toEqual(table(columns, rows, (i, j) => one(element(j, i))));
  });

  it("backwards, and every third", () => {
    const [values, x] = matrix(4, 23, dtype);
    const element = at(values, 23);
    expect(run((x) => plusOne(x.flip(1)), x)).toEqual(table(4, 23, (i, j) => one(element(i, 22 - j))));
    expect(run((x) => plusOne(x.slice(null, [1, 23, 3])), x)).toEqual(
      table(4, 8, (i, j) => one(element(i, 1 + 3 * j))),
    );
  });

  it("down columns that are joined in pairs", () => {
    const [values, x] = matrix(6, 2 * 13, dtype);
    const element = at(values, 26);
    const pairs = (x: Tensor) => plusOne(x.reshape([6, 13, 2]).permute([0, 2, 1]));
    expect(run(pairs, x)).toEqual(
      Array.from({ length: 6 }, (_, i) => table(2, 13, (k, j) => one(element(i, 2 * j + k)))).flat(),
    );
  });
});

describe("short folds", () => {
  const [values, x] = matrix(30, 7, "float32");
  const rows = Array.from({ length: 30 }, (_, i) => values.slice(7 * i, 7 * i + 7));

  it("are computed for several rows at a time", () => {
    expect(run((x) => x.sum(1), x)).toEqual(rows.map((row) => row.reduce((a, b) => a + b, 0)));
    expect(run((x) => x.max(1), x)).toEqual(rows.map((row) => Math.max(...row)));
  });

  it("keep NaN and the sign of zero in each row", () => {
    const special = tensor([0, -0, -0, -0, Number.NaN, 1, -0, 0, 2, -1, 5, -5].concat(Array(8).fill(-0)), {
      shape: [10, 2],
    }) as Tensor;
    const expected = [0, -0, Number.NaN, 0, 2, 5, -0, -0, -0, -0];
    expect(run((x) => x.max(1), special).map((value) => [value, Object.is(value, -0)])).toEqual(
      expected.map((value) => [value, Object.is(value, -0)]),
    );
  });

  it("of windows, whose own loops stand inside the long ones", () => {
    const image = tensor(
      Float32Array.from({ length: 2 * 3 * 8 * 10 }, (_, i) => (i * 53) % 97),
      {
        shape: [2, 3, 8, 10],
      },
    ) as Tensor;
    const pixels = image.dataSync() as ArrayLike<number>;
    const pooled: number[] = [];
    for (let n = 0; n < 6; n++)
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 5; j++) {
          const window = [0, 1].flatMap((di) =>
            [0, 1].map((dj) => pixels[(n * 8 + 2 * i + di) * 10 + 2 * j + dj]!),
          );
          pooled.push(Math.max(...window));
        }
    expect(run((x) => x.maxPool([2, 2]), image)).toEqual(pooled);
  });
});

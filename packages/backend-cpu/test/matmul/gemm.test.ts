import { describe, expect, it } from "vitest";
import { defaultBlocking } from "../../src/matmul/blocking.ts";
import { wasmFeatures } from "../../src/wasm/compile.ts";
import { element, expected, layouts, Product, tinyBlocking, unpackedBlocking, type View } from "./harness.ts";

const dtypes = ["float32", "float64"] as const;
const { relaxedSimd } = wasmFeatures();

/** 1 to 17 in each dimension, where the others stand on and beside the edges of tiles and blocks. */
const edges = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17];
const shapes = [
  ...edges.flatMap((m) => [1, 5, 17].flatMap((n) => [1, 7, 15].map((k) => [m, n, k] as const))),
  ...edges.flatMap((n) => [1, 6, 13].flatMap((m) => [1, 7, 15].map((k) => [m, n, k] as const))),
  ...edges.flatMap((k) => [1, 6, 13].flatMap((m) => [1, 8, 17].map((n) => [m, n, k] as const))),
  [31, 37, 29] as const,
];

function operands(
  [m, n, k]: readonly [number, number, number],
  a: keyof typeof layouts = "rows",
  b: keyof typeof layouts = "rows",
): [View, View] {
  return [layouts[a](m, k, 3), layouts[b](k, n, 5)];
}

describe.each(dtypes)("a product of %s without fused arithmetic", (dtype) => {
  const packed = new Product({ dtype, fma: false, blocking: tinyBlocking });
  const unpacked = new Product({ dtype, fma: false, blocking: unpackedBlocking });

  it("is the definition to the last bit for every shape, packed or not", () => {
    for (const shape of shapes) {
      const [a, b] = operands(shape);
      const reference = expected(dtype, tinyBlocking.depth, a, b);
      expect(packed.multiply(a, b), `packed ${shape}`).toEqual(reference);
      expect(unpacked.multiply(a, b), `unpacked ${shape}`).toEqual(reference);
    }
  });

  it.each(Object.keys(layouts) as (keyof typeof layouts)[])(
    "takes a by %s with b of every layout",
    (layoutOfA) => {
      for (const layoutOfB of Object.keys(layouts) as (keyof typeof layouts)[]) {
        for (const shape of [
          [1, 9, 15],
          [7, 1, 9],
          [13, 19, 17],
          [12, 16, 14],
        ] as const) {
          const [a, b] = operands(shape, layoutOfA, layoutOfB);
          const reference = expected(dtype, tinyBlocking.depth, a, b);
          expect(packed.multiply(a, b), `packed ${shape} with ${layoutOfB}`).toEqual(reference);
          expect(unpacked.multiply(a, b), `unpacked ${shape} with ${layoutOfB}`).toEqual(reference);
        }
      }
    },
  );

  it("takes a vector by columns of every layout where c is dense too", () => {
    for (const layout of Object.keys(layouts) as (keyof typeof layouts)[]) {
      for (const m of [1, 3, 8, 25, 42]) {
        const [a, b] = operands([m, 1, 17], layout, "strided");
        const reference = expected(dtype, tinyBlocking.depth, a, b);
        for (const product of [packed, unpacked]) {
          expect(product.multiply(a, b, { gap: 0 }), `${m} ${layout}`).toEqual(reference);
          expect(product.multiply(a, b, { gap: 0, split: 5 }), `${m} ${layout}, split`).toEqual(reference);
        }
      }
    }
  });

  it("with the blocking that programs use is the definition too", () => {
    const product = new Product({ dtype, fma: false });
    for (const shape of [
      [3, 70, 600],
      [70, 3, 600],
      [197, 70, 520],
      [14, 2051, 3],
    ] as const) {
      const [a, b] = operands(shape, "rows", "columns");
      expect(product.multiply(a, b), `${shape}`).toEqual(expected(dtype, defaultBlocking.depth, a, b));
    }
  });
});

describe.each(dtypes)("a product of %s", (dtype) => {
  const kinds = [false, ...(relaxedSimd ? [true] : [])].map((fma) => ({ dtype, fma }));
  const unit = dtype === "float32" ? 2 ** -24 : 2 ** -53;

  it.each(kinds)("has an error of at most k units of rounding of |a| |b| (fma: $fma)", (kind) => {
    const product = new Product(kind);
    for (const shape of [
      [5, 7, 1],
      [13, 9, 100],
      [20, 80, 700],
      [2, 3, 3000],
    ] as const) {
      const [a, b] = operands(shape);
      const actual = product.multiply(a, b);
      actual.forEach((value, index) => {
        const [i, j] = [Math.floor(index / b.columns), index % b.columns];
        let [sum, magnitude] = [0, 0];
        for (let k = 0; k < a.columns; k++) {
          sum += element(a, i, k) * element(b, k, j);
          magnitude += Math.abs(element(a, i, k) * element(b, k, j));
        }
        // The sum above is rounded as well, k times in float64.
        const bound = a.columns * (unit + 2 ** -53) * magnitude;
        expect(Math.abs(value - sum), `${shape} at ${i}, ${j}`).toBeLessThanOrEqual(bound);
      });
    }
  });

  it.each(kinds)("has the same bits packed or not, whole or split by rows (fma: $fma)", (kind) => {
    const packed = new Product({ ...kind, blocking: tinyBlocking });
    const unpacked = new Product({ ...kind, blocking: unpackedBlocking });
    for (const layout of Object.keys(layouts) as (keyof typeof layouts)[]) {
      const [a, b] = operands([29, 19, 23], layout, layout);
      const whole = packed.multiply(a, b);
      expect(unpacked.multiply(a, b)).toEqual(whole);
      for (const split of [1, 2, 5, 6, 7, 16]) {
        expect(packed.multiply(a, b, { split })).toEqual(whole);
        expect(unpacked.multiply(a, b, { split })).toEqual(whole);
      }
    }
  });

  it.each(kinds)("takes infinities and NaN to where mathematics has them (fma: $fma)", (kind) => {
    for (const blocking of [tinyBlocking, unpackedBlocking]) {
      const product = new Product({ ...kind, blocking });
      const [a, b] = operands([7, 9, 8]);
      (a.data as number[])[2 * 8 + 3] = Number.NaN;
      (b.data as number[])[4 * 9 + 5] = Number.POSITIVE_INFINITY;
      (b.data as number[])[8] = Number.NaN;
      product.multiply(a, b).forEach((value, index) => {
        const [i, j] = [Math.floor(index / 9), index % 9];
        if (i === 2 || j === 8) expect(value).toBeNaN();
        else if (j === 5) expect(value).toBe(element(a, i, 4) * Number.POSITIVE_INFINITY);
        else expect(value).toSatisfy(Number.isFinite);
      });
    }
  });

  it.each(kinds)("is zero where k is, and nothing where m or n is (fma: $fma)", (kind) => {
    for (const blocking of [tinyBlocking, unpackedBlocking]) {
      const product = new Product({ ...kind, blocking });
      expect(product.multiply(...operands([7, 9, 0]))).toEqual(Array(63).fill(0));
      expect(product.multiply(...operands([0, 9, 5]))).toEqual([]);
      expect(product.multiply(...operands([9, 0, 5]))).toEqual([]);
    }
  });

  it.each(kinds)("repeats a row or column of stride zero (fma: $fma)", (kind) => {
    for (const blocking of [tinyBlocking, unpackedBlocking]) {
      const product = new Product({ ...kind, blocking });
      const [a, b] = operands([7, 9, 8]);
      const [row, column] = [
        { ...a, rowStride: 0 },
        { ...b, columnStride: 0 },
      ];
      const full = (view: View): View => ({
        ...view,
        data: Array.from({ length: view.rows * view.columns }, (_, index) =>
          element(view, Math.floor(index / view.columns), index % view.columns),
        ),
        rowStride: view.columns,
        columnStride: 1,
      });
      expect(product.multiply(row, column)).toEqual(product.multiply(full(row), full(column)));
    }
  });
});

import { describe, expect, it } from "vitest";
import type { Epilogue } from "../../src/matmul/epilogue.ts";
import { layouts, Product, tinyBlocking, unpackedBlocking } from "./harness.ts";

/** relu(value + bias[column]), the address of the bias being a parameter of the product. */
const biasAndRelu: Epilogue = {
  parameters: ["i32"],
  emit(f, value, _row, column, [bias]) {
    f.get(value)
      .get(bias!)
      .get(column)
      .i32(4)
      .op("i32.mul")
      .op("i32.add")
      .memory("v128.load")
      .op("f32x4.add");
    f.v128(new Uint8Array(16)).op("f32x4.max").set(value);
  },
};

/** value + 1000 row + column of the first lane. */
const position: Epilogue = {
  parameters: [],
  emit(f, value, row, column) {
    f.get(row).i32(1000).op("i32.mul").get(column).op("i32.add");
    f.op("f32.convert_i32_s").op("f32x4.splat").get(value).op("f32x4.add").set(value);
  },
};

describe.each([
  ["packed", tinyBlocking],
  ["unpacked", unpackedBlocking],
])("the epilogue of a %s product", (_, blocking) => {
  const kind = { dtype: "float32", fma: false, blocking } as const;
  const shapes = [
    [1, 1, 1],
    [6, 8, 7],
    [14, 33, 15],
    [3, 30, 8],
    [5, 9, 0],
    [2, 35, 20],
  ] as const;

  it("transforms every element once, after the last block of k", () => {
    const product = new Product(kind, biasAndRelu);
    const plain = new Product(kind);
    for (const [m, n, k] of shapes) {
      const [a, b] = [layouts.rows(m, k, 3), layouts.rows(k, n, 5)];
      const bias = Array.from({ length: n }, (_, column) => (column % 7) / 4 - 0.75);
      const reference = plain
        .multiply(a, b)
        .map((value, index) => Math.max(0, Math.fround(value + bias[index % n]!)));
      expect(product.multiply(a, b, { extra: bias }), `${m} ${n} ${k}`).toEqual(reference);
    }
  });

  it("is told the row and the column of the first lane", () => {
    const product = new Product(kind, position);
    for (const [m, n] of shapes) {
      const column = (index: number) => (index % n) - ((index % n) % 4);
      const reference = Array.from(
        { length: m * n },
        (_, index) => 1000 * Math.floor(index / n) + column(index),
      );
      expect(product.multiply(layouts.rows(m, 0), layouts.rows(0, n)), `${m} ${n}`).toEqual(reference);
    }
  });
});

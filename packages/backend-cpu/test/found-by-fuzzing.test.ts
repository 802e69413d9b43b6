import { cpuBackend } from "@amari/backend-cpu";
import {
  eq,
  flip,
  ge,
  gt,
  le,
  lt,
  matrixTranspose,
  setDefaultBackend,
  softmax,
  sum,
  type Tensor,
  tensor,
} from "@amari/core";
import { describe, expect, it } from "vitest";

setDefaultBackend(cpuBackend());

const sines = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Array.from({ length: size }, (_, i) => Math.sin(i)),
    { shape },
  ) as Tensor;
};

// What random programs (pnpm fuzz) found, each made small by hand.
describe("the CPU backend", () => {
  it.each([8, 17, 37])("sums %i elements backwards", (n) => {
    const x = sines([n]);
    expect(sum(flip(x)).itemSync()).toBe(sum(flip(x).realise()).itemSync());
  });

  it("orders bools in vectors of four and of two lanes", () => {
    const bits = [0, 0, 1, 1, 0, 0, 1, 1];
    const others = [0, 1, 0, 1, 0, 1, 0, 1];
    for (const dtype of ["float32", "float64"] as const) {
      const [x, y] = [bits, others].map((list) => tensor(list, { dtype }).gt(0.5)) as [Tensor, Tensor];
      const found = [lt, le, gt, ge, eq].map((compare) => [...compare(x, y).dataSync()]);
      const expected = [
        (a: number, b: number) => a < b,
        (a: number, b: number) => a <= b,
        (a: number, b: number) => a > b,
        (a: number, b: number) => a >= b,
        (a: number, b: number) => a === b,
      ].map((compare) => bits.map((a, i) => Number(compare(a, others[i]!))));
      expect(found).toEqual(expected);
    }
  });

  it("takes the softmax along an axis of size 1 between longer ones", () => {
    expect([...softmax(sines([3, 1, 9]), 1).dataSync()]).toEqual(new Array(27).fill(1));
  });

  it("sums a transposed matrix in the order of its own shape, whether it is stored or not", () => {
    const x = sines([2, 18]);
    expect(sum(matrixTranspose(x)).itemSync()).toBe(sum(matrixTranspose(x).realise()).itemSync());
  });
});

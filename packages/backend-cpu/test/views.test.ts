import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  arange,
  explain,
  iota,
  setDefaultBackend,
  type Tensor,
  take,
  takeAlongAxis,
  tensor,
} from "@amari/core";
import { describe, expect, it } from "vitest";

const backends = [cpuBackend(), cpuBackend({ tier: "js" }), referenceBackend()];

const whole = (shape: readonly number[], dtype: "float32" | "float64" | "int32" = "float32"): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return arange(size).mod(17).sub(8).astype(dtype).reshape(shape) as Tensor;
};

const indices = (...values: number[]): Tensor => tensor(values, { dtype: "int32" }) as Tensor;

/** The result on each backend, whose numbers are small and whole, so that all agree in every bit. */
function expectSame(f: () => Tensor): void {
  const results = backends.map((backend) => {
    setDefaultBackend(backend);
    return f().arraySync();
  });
  for (const result of results.slice(0, -1)) expect(result).toEqual(results.at(-1));
}

describe("a product whose only reader puts its axes in another order", () => {
  it.each(["float32", "float64", "int32"] as const)("is written in that order: %s", (dtype) => {
    for (const [batch, m, k, n] of [
      [[3, 2], 8, 5, 7],
      [[2, 3], 1, 4, 33],
      [[4, 1], 50, 3, 40],
    ] as const) {
      const product = () => whole([...batch, m, k], dtype).matmul(whole([...batch, k, n], dtype)) as Tensor;
      expectSame(
        () =>
          product()
            .permute([0, 2, 1, 3])
            .reshape([-1, batch[1] * n]) as Tensor,
      );
      expectSame(() => product().permute([2, 1, 0, 3]));
      expectSame(() => product().permute([0, 1, 3, 2]));
    }
  });

  it("needs no copy, but for columns that would not be neighbours", () => {
    setDefaultBackend(backends[0]!);
    const kinds = (axes: readonly number[]) => {
      const f = (a: Tensor, b: Tensor) => (a.matmul(b) as Tensor).permute(axes);
      return explain(f)(whole([2, 3, 4, 5]), whole([2, 3, 5, 6])).schedule.stages.map(({ kind }) => kind);
    };
    expect(kinds([2, 0, 1, 3])).toEqual(["dot"]);
    expect(kinds([0, 1, 3, 2])).toEqual(["dot", "loops"]);
  });
});

describe("elements found by index", () => {
  const x = () => whole([6, 5, 4]).mul(3).add(1);

  it("are computed where they are read: few of a computed array", () => {
    expectSame(() => take(x(), indices(4, -1, 2), 1));
    expectSame(() => take(x().permute([2, 0, 1]), indices(3, 0), 0));
    expectSame(() => take(x().flip([1]).slice(null, [1, 5, 2]), indices(1), 1));
    expectSame(() => take(x().reshape([30, 4]), indices(29, 7, 0), 0));
    expectSame(() => take(x().reshape([2, 60]), indices(59, -60, 13), 1));
    expectSame(() => take(x().sum(0).broadcastTo([9, 5, 4]), indices(8, 2), 0));
    expectSame(() => take(iota([40, 3], 0).mul(2) as Tensor, indices(39, 5), 0));
  });

  it("of elements found by index, with two indices on one place", () => {
    expectSame(() => take(take(x(), indices(5, 1), 0), indices(3, 0), 2));
    expectSame(() => take(take(x(), indices(5, 1, 3), 0).mul(2), indices(2), 0));
  });

  it("are NaN, or 0 for integers, where no element is meant", () => {
    const at = indices(7, -8, 2).reshape([1, 3]) as Tensor;
    expectSame(() => takeAlongAxis(whole([4, 3]).exp().log().round(), at, 0));
    expectSame(() => takeAlongAxis(whole([4, 3], "int32").add(1), at, 0));
  });

  it("are folded with what is computed around them", () => {
    expectSame(() => take(x(), indices(1, 2), 1).add(1).sum() as Tensor);
    expectSame(() =>
      x()
        .sub(x().max(-1, { keepDims: true }))
        .takeAlongAxis(whole([6, 5, 1], "int32").mod(4), -1)
        .mul(2),
    );
  });
});

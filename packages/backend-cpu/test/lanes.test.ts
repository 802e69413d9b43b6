import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { describe, expect, it } from "vitest";
import { widestLanes } from "../src/emit/lanes.ts";

const cpu = cpuBackend();
const reference = referenceBackend();

/** Lengths around whole vectors of two and of four lanes. */
const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 31];

/** The result of a function of tensors on the CPU backend and on the reference. */
function expectSame(make: (n: number) => Tensor[], f: (...operands: Tensor[]) => Tensor): void {
  for (const n of lengths) {
    const [got, expected] = [cpu, reference].map((backend) => {
      setDefaultBackend(backend);
      return f(...make(n)).realise();
    }) as [Tensor, Tensor];
    expect(got.dtype).toBe(expected.dtype);
    expect(Array.from(got.dataSync()), `${n} elements`).toEqual(Array.from(expected.dataSync()));
  }
}

const values = (n: number, scale = 4): number[] => {
  const uniform = uniformFrom(n);
  return Array.from({ length: n }, () => Math.round((uniform() - 0.5) * scale * 256) / 256);
};
const floats =
  (dtype: "float32" | "float64", scale?: number) =>
  (n: number): Tensor =>
    tensor(values(n, scale), { dtype }) as Tensor;
const words =
  (dtype: "int32" | "uint32") =>
  (n: number): Tensor =>
    tensor(
      values(n, 2 ** 32).map((x) => Math.floor(dtype === "uint32" ? Math.abs(x) : x)),
      { dtype },
    ) as Tensor;

describe("vectors of masks", () => {
  it.each(["float32", "float64"] as const)("store, load and combine comparisons of %s", (dtype) => {
    const x = floats(dtype);
    expectSame(
      (n) => [x(n)],
      (a) => a.gt(0.25),
    );
    expectSame(
      (n) => [x(n), x(n).neg().gt(0.5).realise()],
      (a, mask) => mask.logicalOr(a.gt(1)).logicalNot().where(a, a.mul(2)),
    );
    expectSame(
      (n) => [x(n).gt(0).realise()],
      (mask) => mask.astype(dtype).add(1),
    );
    expectSame(
      (n) => [x(n), x(1).gt(-9).realise()],
      (a, one) => one.where(a, 0),
    );
  });

  it.each(["float32", "float64"] as const)("fold comparisons of %s", (dtype) => {
    const x = floats(dtype);
    for (const bound of [-9, 0, 9]) {
      expectSame(
        (n) => [x(n)],
        (a) => a.gt(bound).any(),
      );
      expectSame(
        (n) => [x(n)],
        (a) => a.gt(bound).all(),
      );
      expectSame(
        (n) => [x(3 * n).reshape([3, n])],
        (a) => a.gt(bound).any(0),
      );
    }
  });
});

describe("vectors of several types", () => {
  it("mix float32 and float64", () => {
    expectSame(
      (n) => [floats("float32")(n), floats("float64")(n)],
      (a, b) => a.mul(3).astype("float64").add(b).astype("float32").sub(a),
    );
    expectSame(
      (n) => [floats("float32")(n), floats("float64")(n)],
      (a, b) => a.gt(0.5).logicalXor(b.gt(0.5)).where(a, 7),
    );
  });

  it.each(["int32", "uint32"] as const)("turn %s into floats and back", (dtype) => {
    expectSame(
      (n) => [words(dtype)(n)],
      (a) => a.astype("float64").mul(0.5),
    );
    expectSame(
      (n) => [words(dtype)(n)],
      (a) => a.astype("float32").mul(0.5),
    );
    expectSame(
      (n) => [words(dtype)(n), floats("float64")(n)],
      (a, b) => a.gt(5).where(b, b.neg()).mul(a.astype("float64")),
    );
  });

  it.each(["float32", "float64"] as const)("wrap %s modulo 2^32 when they become integers", (from) => {
    const edges = [
      0,
      -0,
      0.9,
      -0.9,
      2 ** 31,
      2 ** 31 - 128,
      -(2 ** 31),
      -(2 ** 31) - 256,
      2 ** 32,
      -(2 ** 32),
    ];
    const far = [2 ** 33 + 2 ** 31, -(2 ** 40) - 2 ** 20, 2 ** 62, 2 ** 63, -(2 ** 63), 1e30, -1e30];
    const odd = [
      Number.NaN,
      Infinity,
      -Infinity,
      3 * 2 ** 31,
      -3 * 2 ** 31,
      4294967295,
      -4294967295,
      2 ** 31 - 1,
    ];
    for (const to of ["int32", "uint32"] as const) {
      expectSame(
        () => [tensor([...edges, ...far, ...odd], { dtype: from }) as Tensor],
        (x) => x.astype(to),
      );
      for (const scale of [4, 2 ** 33, 2 ** 50])
        expectSame(
          (n) => [floats(from, scale)(n)],
          (x) => x.astype(to),
        );
    }
  });

  it("shift by a number of places of each element's own", () => {
    const places = (n: number) => words("int32")(n).mod(40).astype("int32") as Tensor;
    expectSame(
      (n) => [words("int32")(n), places(n)],
      (x, y) => x.shiftLeft(y),
    );
    expectSame(
      (n) => [words("uint32")(n), places(n).astype("uint32")],
      (x, y) => x.shiftRightLogical(y),
    );
  });

  it("call the host for each lane", () => {
    for (const dtype of ["float32", "float64"] as const) {
      expectSame(
        (n) => [floats(dtype)(n).abs().add(1).realise()],
        (x) => x.polygamma(1),
      );
    }
  });
});

it("all kernels are written in vectors, however types and masks mix", () => {
  const load = (type: "f32" | "f64" | "bool") =>
    ({ kind: "load", type, buffer: 0, access: { offset: 0, strides: [1] } }) as const;
  const kernel = (...types: ("f32" | "f64" | "bool")[]) => ({
    loops: [8],
    phases: [
      {
        loops: [],
        accumulators: [],
        stores: types.map((type, buffer) => ({
          buffer,
          access: { offset: 0, strides: [1] },
          value: load(type),
        })),
      },
    ],
  });
  expect(widestLanes(kernel("f32", "bool"))).toBe(4);
  expect(widestLanes(kernel("f32", "f64", "bool"))).toBe(2);
});

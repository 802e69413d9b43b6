import { type CpuBackend, cpuBackend } from "@amari/backend-cpu";
import {
  BackendError,
  grad,
  jit,
  operations,
  random,
  setDefaultBackend,
  type Tensor,
  tensor,
} from "@amari/core";
import { evaluate, type RandomProgram, randomPrograms } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { whyNotRevectorised } from "../../src/revectorised/allowed.ts";
import { firstDifference } from "../../src/revectorised/self-test.ts";
import { operandsOf } from "../special-operands.ts";

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape).realise() as Tensor;

const programs: Readonly<Record<string, () => Tensor>> = {
  "a chain": () =>
    jit((x: Tensor) => x.mul(1.5).add(0.25).tanh().mul(x).add(x.neg().exp()) as Tensor)(normal(1, [1003])),
  softmax: () => normal(2, [37, 131]).softmax(),
  "a sum of columns": () => normal(3, [67, 131]).sum(0) as Tensor,
  "a product": () => normal(4, [131, 600]).matmul(normal(5, [600, 77]) as never) as Tensor,
  "a product in float64": () =>
    normal(4, [131, 600])
      .astype("float64")
      .matmul(normal(5, [77, 600]).astype("float64").transpose() as never) as Tensor,
  "a row of a product": () => normal(6, [1, 600]).matmul(normal(7, [77, 600]).transpose() as never) as Tensor,
  "a convolution": () => normal(8, [3, 5, 19, 23]).conv(normal(9, [7, 5, 3, 3]) as never) as Tensor,
  "a gradient": () =>
    grad(
      (w: Tensor) =>
        normal(10, [65, 40])
          .matmul(w as never)
          .sigmoid()
          .log()
          .mean() as Tensor<[]>,
    )(normal(11, [40, 33])),
};

const valuesOn = (backend: CpuBackend, f: () => Tensor): readonly number[] => {
  setDefaultBackend(backend);
  return Array.from(f().dataSync());
};

/** Where this is not null, the law is that asking is refused, and there are no such kernels to hold to any other. */
const reason = whyNotRevectorised();

const comparing = () => {
  const [plain, wide] = (["relaxed", "revectorised"] as const).map((tier) => () => cpuBackend({ tier }));
  const bothWays = (f: () => Tensor) => [valuesOn(wide!(), f), valuesOn(plain!(), f)];

  it.each(Object.entries(programs))("leaves the bits as they are: %s", (_, f) => {
    const [got, expected] = bothWays(f);
    expect(got).toEqual(expected);
  });

  const elementwise = [...operations.values()].filter(
    ({ primitive, cases }) => primitive?.kernel.kind === "elementwise" && cases.length > 0,
  );

  it.each(elementwise)("leaves the bits as they are: $name", (operation) => {
    for (const dtype of ["float32", "float64"] as const) {
      const apply = () => operation.cases[0]!.call(...operandsOf(operation, dtype, 67)) as Tensor;
      const [got, expected] = bothWays(apply);
      expect(got, dtype).toEqual(expected);
    }
  });

  it("leaves the bits as they are: random programs", { timeout: 300_000 }, () => {
    const [backend, other] = [wide!(), plain!()];
    const results = (on: CpuBackend, program: RandomProgram) => {
      setDefaultBackend(on);
      const inputs = program.inputs.map(
        ({ values, shape, dtype }) => tensor(values, { shape, dtype }) as Tensor,
      );
      return evaluate(program, inputs).map((y) => Array.from(y.dataSync()));
    };
    fc.assert(
      fc.property(randomPrograms(), (program) => {
        expect(results(backend, program)).toEqual(results(other, program));
      }),
      { numRuns: Number(process.env["RUNS"] ?? 1) * 100, seed: 1 },
    );
  });
};

const refusing = () => {
  it("is refused by a typed error where it has not been tested", () => {
    expect(() => cpuBackend({ tier: "revectorised" })).toThrow(BackendError);
    expect(() => cpuBackend({ tier: "revectorised" })).toThrow(reason!);
  });
};

describe("revectorising", reason === null ? comparing : refusing);

describe("the test at start", () => {
  const result = (...values: number[]) => [{ name: "a sample", values: Float64Array.from(values) }];

  it("finds a single element that differs, zeros by their sign", () => {
    expect(firstDifference(result(1, 2, 3), result(1, 2.5, 3))).toBe("a sample: element 1 is 2.5, not 2");
    expect(firstDifference(result(0), result(-0))).toMatch(/element 0/);
    expect(firstDifference(result(1), result(Number.NaN))).toMatch(/is NaN, not 1/);
  });

  it("takes any NaN for another", () => {
    expect(firstDifference(result(1, Number.NaN), result(1, Number.NaN))).toBeNull();
  });
});

import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  explain,
  grad,
  jit,
  PlaceholderError,
  scan,
  setDefaultBackend,
  type Tensor,
  zeros,
} from "@amari/core";
import { printProgram } from "@amari/core/backend";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => setDefaultBackend(cpuBackend()));

const vector = zeros([6]) as Tensor;
const energy = (x: Tensor) => x.mul(2).square().sum() as Tensor<[]>;

describe("explain", () => {
  it("shows graph, canonical graph, schedule, memory plan, code and cost, in this order", () => {
    const text = String(explain(energy)(vector));
    expect(text.match(/^== .* ==$/gm)).toEqual([
      "== graph ==",
      "== canonical graph ==",
      "== schedule ==",
      "== memory plan ==",
      "== code ==",
      "== cost ==",
    ]);
    expect(text).toContain("sum{axes: [0]}");
    expect(text).toContain("(func $segment0");
  });

  it("says once what is the same of several parameters in a row, on lines of a readable length", () => {
    const sum = (a: readonly Tensor[], b: Tensor, c: readonly Tensor[]) =>
      [...a, ...c].reduce((x, y) => x.mul(3).add(y.sum().mul(2))).add(b.sum().mul(5).mul(7).mul(9));
    const [vectors, matrices] = [
      [vector, vector, vector],
      [
        [2, 3],
        [3, 2],
        [4, 5],
        [12, 345],
        [67, 89],
      ].map((shape) => zeros(shape) as Tensor),
    ] as const;
    const text = printProgram(explain(sum)(vectors, zeros([1234, 5678]), matrices).program);
    expect(`\n${text.slice(0, text.indexOf("\n  %"))}`).toMatchInlineSnapshot(`
      "
      program(%0..%2: float32[6], %3: float32[2, 3], %4: float32[3, 2], %5: float32[4, 5],
              %6: float32[12, 345], %7: float32[67, 89], %8: float32[1234, 5678]; %9..%13: float32)"
    `);
  });

  it("says nothing of code where the backend has none to show", () => {
    const { code, ...rest } = explain(energy, { backend: referenceBackend() })(vector);
    expect(code).toBeNull();
    expect(String(explain(energy, { backend: referenceBackend() })(vector))).not.toContain("== code");
    expect(rest.program).toEqual(explain(energy)(vector).program);
  });

  it("looks into jitted functions and derivatives", () => {
    expect(String(explain(jit(energy))(vector))).toBe(String(explain(energy)(vector)));
    const gradient = explain(jit(grad(energy)))(vector).canonical;
    expect(gradient.outputs.map((slot) => gradient.slots[slot]!.shape)).toEqual([[6]]);
  });

  it("counts kernels, contractions, bytes and operations", () => {
    const product = (x: Tensor, y: Tensor) => x.matmul(y as never) as Tensor;
    const [x, y] = [zeros([2, 3]) as Tensor, zeros([3, 4]) as Tensor];
    expect(explain(product)(x, y).cost).toEqual({
      kernels: 0,
      contractions: 1,
      routines: 0,
      controls: 0,
      bytes: 4 * (6 + 12 + 8),
      operations: 2 * 2 * 3 * 4,
    });
    expect(explain((x: Tensor) => x.neg().square())(vector).cost).toMatchObject({
      kernels: 1,
      bytes: 2 * 4 * 6,
      operations: 2 * 6,
    });
  });

  it("counts the body of a scan as often as it runs", () => {
    const loop = (length: number) => (x: Tensor) =>
      scan((carry: Tensor) => [carry.neg(), null], x, null, { length })[0];
    const [one, ten] = [1, 10].map((length) => explain(loop(length))(vector as never).cost);
    expect(ten).toEqual({ ...one, bytes: 10 * one!.bytes, operations: 10 * one!.operations });
  });

  it("refuses what it cannot trace, in words", () => {
    expect(() => explain((x: Tensor) => x.dataSync())(vector)).toThrow(PlaceholderError);
    expect(() => explain((async () => vector) as never)()).toThrow(ArgumentError);
    const inside = (x: Tensor) => {
      explain((y: Tensor) => y.mul(x as never))(vector);
      return x.sum() as Tensor<[]>;
    };
    expect(() => grad(inside)(vector)).toThrow("call explain outside");
  });
});

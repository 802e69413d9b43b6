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

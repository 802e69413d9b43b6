import { webgpu } from "@amari/backend-webgpu";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { afterAll, describe, expect, it } from "vitest";
import { combineLanes, type LaneValue } from "../src/emit/lane-tree.ts";
import { backendOrNull } from "./support.ts";

const with_ = await backendOrNull("reductions by subgroups", { rows: "shared" });
const without = with_ === null ? null : await webgpu({ rows: "shared", subgroups: false });
const alone = with_ === null ? null : await webgpu({ rows: "alone" });

afterAll(async () => {
  for (const backend of [with_, without, alone]) await backend?.close();
});

function numbers(...shape: number[]): Tensor {
  const uniform = uniformFrom(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

const hasSubgroups = with_?.device.features.has("subgroups") === true;
if (with_ !== null && !hasSubgroups) console.warn("\n!!! NOT TESTED: this device has no subgroups\n");

describe.skipIf(with_ === null)("a reduction by a workgroup", () => {
  it("has the same bits by subgroups, through memory and in one invocation", {
    timeout: 120_000,
  }, async () => {
    const folds: readonly ((x: Tensor) => Tensor)[] = [
      (x) => x.sum(-1) as Tensor,
      (x) => x.max(-1) as Tensor,
      (x) => x.gt(0.99).any(-1).astype("float32") as Tensor,
      (x) => x.softmax(-1) as Tensor,
      (x) =>
        x
          .sub(x.mean(-1, { keepDims: true }))
          .square()
          .mean(-1) as Tensor,
      (x) => x.sum() as Tensor,
      (x) => x.mul(10).floor().argmax(-1).astype("float32") as Tensor,
      (x) => x.astype("float16").softmax(-1).sum(-1).astype("float32") as Tensor,
    ];
    for (const shape of [
      [9, 20],
      [3, 100],
      [2, 1030],
      [2, 9001],
    ]) {
      const results: unknown[] = [];
      for (const backend of [with_!, without!, alone!]) {
        setDefaultBackend(backend);
        // At once, so that their shaders are compiled side by side.
        results.push(await Promise.all(folds.map((fold) => fold(numbers(...shape)).data())));
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }
  });
});

describe("the tree over the invocations of a workgroup", () => {
  const value: LaneValue = {
    name: "a",
    combine: (x, y) => `(${x} + ${y})`,
    toWord: (x) => x,
    fromWord: (x) => x,
    isExchangeable: true,
  };

  it("needs few barriers, and fewer with subgroups", () => {
    const barriers = (together: number, subgroup: number) =>
      combineLanes([value], { together, workgroup: 256, subgroup }, true).filter(
        (line) => line === "workgroupBarrier();",
      ).length;
    expect([barriers(256, 1), barriers(64, 1), barriers(8, 1)]).toEqual([3, 2, 1]);
    expect([barriers(256, 4), barriers(256, 32), barriers(64, 64)]).toEqual([2, 1, 0]);
  });

  it("exchanges no bools in subgroups", () => {
    const lanes = { together: 64, workgroup: 64, subgroup: 32 };
    const lines = combineLanes([{ ...value, isExchangeable: false }], lanes, true);
    expect(lines.join("\n")).not.toContain("subgroup");
  });
});

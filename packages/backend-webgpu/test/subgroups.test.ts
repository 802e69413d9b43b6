import { webgpu } from "@amari/backend-webgpu";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { afterAll, describe, expect, it } from "vitest";
import { combineLanes, type LaneValue } from "../src/emit/lane-tree.ts";
import { backendOrNull } from "./support.ts";

const with_ = await backendOrNull("reductions by subgroups");
const without = with_ === null ? null : await webgpu({ subgroups: false });

afterAll(async () => {
  await with_?.close();
  await without?.close();
});

function numbers(...shape: number[]): Tensor {
  const uniform = uniformFrom(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

const hasSubgroups = with_?.device.features.has("subgroups") === true;
if (with_ !== null && !hasSubgroups) console.warn("\n!!! NOT TESTED: this device has no subgroups\n");

describe.skipIf(!hasSubgroups)("a reduction by subgroups", () => {
  it("has the bits of one through the workgroup's memory", { timeout: 120_000 }, async () => {
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
    ];
    for (const shape of [
      [3, 100],
      [2, 1030],
      [2, 9001],
    ]) {
      for (const fold of folds) {
        setDefaultBackend(with_!);
        const fast = (await fold(numbers(...shape)).data()) as Float32Array;
        setDefaultBackend(without!);
        expect(fast).toEqual(await fold(numbers(...shape)).data());
      }
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
    const barriers = (lanes: number, subgroup: number) =>
      combineLanes([value], lanes, subgroup).filter((line) => line === "workgroupBarrier();").length;
    expect([barriers(256, 1), barriers(64, 1)]).toEqual([4, 3]);
    expect([barriers(256, 4), barriers(256, 32), barriers(64, 64)]).toEqual([3, 2, 2]);
  });

  it("exchanges no bools in subgroups", () => {
    const lines = combineLanes([{ ...value, isExchangeable: false }], 64, 32);
    expect(lines.join("\n")).not.toContain("subgroup");
  });
});

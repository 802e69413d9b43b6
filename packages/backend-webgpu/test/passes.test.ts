import type { Accumulator, LoopKernel } from "@amari/core/backend";
import { describe, expect, it } from "vitest";
import { passesOf } from "../src/emit/passes.ts";

/** Sums over `elements` for each of `points`: of neighbours, or down columns. */
function sums(points: number, elements: number, ofNeighbours: boolean): LoopKernel {
  const accumulator: Accumulator = {
    index: 0,
    type: "f32",
    combine: "add",
    initial: 0,
    value: { kind: "constant", type: "f32", value: 1 },
    partials: ofNeighbours ? 4 : 1,
    run: 1,
  };
  return { loops: [points], phases: [{ loops: [elements], accumulators: [accumulator], stores: [] }] };
}

const cut = (...kernel: Parameters<typeof sums>) => {
  const [{ strands, chunks } = { strands: 0, chunks: 0 }] = passesOf(sums(...kernel));
  return { strands, chunks };
};

describe("the passes of folds", () => {
  it("give a device enough to do: few long columns, and few very long rows, are cut", () => {
    expect(cut(4096, 8192, false)).toEqual({ strands: 1, chunks: 16 });
    expect(cut(128, 1024, false)).toEqual({ strands: 1, chunks: 32 });
    expect(cut(32, 50_000, true)).toEqual({ strands: 1024, chunks: 13 });
    expect(cut(1, 2 ** 24, true)).toEqual({ strands: 1024, chunks: 1024 });
  });

  it("are one for short folds, and where there are many", () => {
    expect(cut(16, 64, false)).toEqual({ strands: 1, chunks: 1 });
    expect(cut(2 ** 17, 8192, false)).toEqual({ strands: 1, chunks: 1 });
    expect(cut(8192, 4096, true)).toEqual({ strands: 1024, chunks: 1 });
  });
});

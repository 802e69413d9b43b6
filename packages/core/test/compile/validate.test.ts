import { explain, type Tensor, zeros } from "@amari/core";
import {
  type Affine,
  type Buffer,
  type Expression,
  type LoopKernel,
  type Phase,
  type Schedule,
  type Store,
  validateKernel,
  validateSchedule,
} from "@amari/core/backend";
import { describe, expect, it } from "vitest";
import "../support.ts";

const at = (offset: number, ...strides: number[]): Affine => ({ offset, strides });
const load = (buffer: number, access: Affine, type: "f32" | "i32" = "f32"): Expression => ({
  kind: "load",
  type,
  buffer,
  access,
});
const buffers: readonly Buffer[] = [
  { type: { shape: [4, 3], dtype: "float32" }, role: { kind: "input", index: 0 } },
  { type: { shape: [4, 3], dtype: "float32" }, role: { kind: "output", index: 0 } },
  { type: { shape: [4], dtype: "float32" }, role: { kind: "output", index: 1 } },
];
const matrix = at(0, 3, 1);
const phase = (loops: readonly number[], stores: readonly Store[]): Phase => ({
  loops,
  accumulators: [],
  stores,
});
const copy: Store = { buffer: 1, access: matrix, value: load(0, matrix) };
const fold: Phase = {
  loops: [3],
  accumulators: [
    { index: 0, type: "f32", combine: "add", initial: 0, value: load(0, matrix), partials: 1, run: 0 },
  ],
  stores: [],
};
const accumulated: Expression = { kind: "accumulated", type: "f32", index: 0 };
const rowStore: Store = { buffer: 2, access: at(0, 1), value: accumulated };
const kernel = (...phases: Phase[]): LoopKernel => ({ loops: [4], phases });
const instruction = (
  name: "add" | "sqrt" | "lt" | "select",
  type: "f32" | "bool",
  ...operands: Expression[]
) => ({ kind: "instruction", instruction: name, type, operands }) as const;

describe("the rules of kernels", () => {
  it("admit a fold, a store of its result, and a sweep that reads both", () => {
    const sum = instruction("add", "f32", load(0, matrix), load(2, at(0, 1, 0)));
    const reads = phase([3], [{ ...copy, value: instruction("add", "f32", sum, accumulated) }]);
    expect(() => validateKernel(kernel(fold, phase([], [rowStore]), reads), buffers)).not.toThrow();
  });

  it.each<[string, LoopKernel, RegExp]>([
    [
      "a load beyond the end",
      kernel(phase([3], [{ ...copy, value: load(0, at(1, 3, 1)) }])),
      /accessed from 1 to 12/,
    ],
    [
      "a load before the start",
      kernel(phase([3], [{ ...copy, value: load(0, at(0, 3, -1)) }])),
      /from -2 to 9/,
    ],
    [
      "a load of another type",
      kernel(phase([3], [{ ...copy, value: load(0, matrix, "i32") }])),
      /holds float32, not i32/,
    ],
    [
      "a stride too many",
      kernel(phase([3], [{ ...copy, value: load(0, at(0, 3, 1, 0)) }])),
      /3 strides under 2 loops/,
    ],
    [
      "a store that leaves gaps",
      kernel(phase([2], [copy])),
      /b1 of 12 elements is not stored completely and once/,
    ],
    [
      "a store that overlaps itself",
      kernel(phase([3], [{ ...copy, access: at(0, 1, 1) }])),
      /completely and once/,
    ],
    ["two stores to one buffer", kernel(phase([3], [copy]), phase([3], [copy])), /b1 is stored twice/],
    [
      "a store of another type",
      kernel(phase([3], [{ ...copy, value: instruction("lt", "bool", copy.value, copy.value) }])),
      /holds float32, not bool/,
    ],
    [
      "an accumulator read in its own phase",
      kernel({ ...fold, stores: [{ ...copy, value: accumulated }] }),
      /a0 is read before its phase is over/,
    ],
    ["an accumulator that nobody folds", kernel(phase([], [rowStore])), /a0 is read before/],
    ["an accumulator folded twice", kernel(fold, fold), /a0 is folded twice/],
    [
      "a fold of another type",
      kernel({ ...fold, accumulators: [{ ...fold.accumulators[0]!, type: "f64" }] }),
      /a0 is f64 and folds f32/,
    ],
    [
      "a fold that its type lacks",
      kernel({ ...fold, accumulators: [{ ...fold.accumulators[0]!, combine: "and" }] }),
      /and folds no f32/,
    ],
    [
      "an instruction with too many operands",
      kernel(phase([3], [{ ...copy, value: instruction("sqrt", "f32", copy.value, copy.value) }])),
      /sqrt\(f32, f32\) gives no f32/,
    ],
    [
      "a condition that is no bool",
      kernel(
        phase([3], [{ ...copy, value: instruction("select", "f32", copy.value, copy.value, copy.value) }]),
      ),
      /select\(f32, f32, f32\)/,
    ],
    [
      "a result read before it is stored",
      kernel(phase([3], [{ ...copy, value: load(2, at(0, 1, 0)) }]), fold, phase([], [rowStore])),
      /b2 is read before it is stored/,
    ],
    [
      "a result read from another row",
      kernel(fold, phase([], [rowStore]), phase([3], [{ ...copy, value: load(2, at(0, 0, 1)) }])),
      /other points/,
    ],
    ["a loop of half a turn", { loops: [4], phases: [phase([1.5], [copy])] }, /a loop runs to 1.5/],
  ])("refuse %s", (_, wrong, message) => {
    expect(() => validateKernel(wrong, buffers)).toThrow(message);
  });
});

describe("the rules of schedules", () => {
  const { schedule } = explain((x: Tensor) => {
    const product = x.matmul(x.transpose() as never) as Tensor;
    return [product.softmax(), product.sum()];
  })(zeros([3, 5]) as Tensor);

  it("admit what fusion makes", () => {
    expect(() => validateSchedule(schedule)).not.toThrow();
  });

  it.each<[string, Schedule, RegExp]>([
    [
      "stages in another order",
      { ...schedule, stages: schedule.stages.toReversed() },
      /is read before it is written/,
    ],
    ["a stage left out", { ...schedule, stages: schedule.stages.slice(0, -1) }, /is never written/],
    [
      "a stage run twice",
      { ...schedule, stages: [...schedule.stages, ...schedule.stages] },
      /is written twice/,
    ],
  ])("refuse %s", (_, wrong, message) => {
    expect(() => validateSchedule(wrong)).toThrow(message);
  });
});

import type { Affine, Expression, LoopKernel, ScalarType, Stage } from "@amari/core/backend";
import { type DeviceKernel, emitLoops, gridOf, groupNumber } from "./loops.ts";
import { TableLayout } from "./table.ts";

type DotStage = Extract<Stage, { kind: "dot" }>;

/** Elements that an invocation computes along each side. */
const block = 4;

/** Invocations of a workgroup along each side. */
const side = 8;

/** A batched product of matrices. */
export function emitDot(stage: DotStage, type: ScalarType): DeviceKernel {
  const { m, n, k } = stage;
  return type === "f32" && m >= block && n >= block && k > 0
    ? emitBlocked(stage)
    : emitLoops(asLoops(stage, type));
}

/** A product as a fold for each element: what is left where an operand is a vector, and for integers. */
function asLoops({ left, right, result, batch, m, n, k }: DotStage, type: ScalarType): LoopKernel {
  const loops = [...batch, m, n];
  const load = (buffer: number, offset: number, strides: readonly number[]): Expression => ({
    kind: "load",
    type,
    buffer,
    access: { offset, strides },
  });
  const value: Expression = {
    kind: "instruction",
    type,
    instruction: "mul",
    operands: [
      load(left.buffer, left.offset, [...left.batchStrides, left.rowStride, 0, left.columnStride]),
      load(right.buffer, right.offset, [...right.batchStrides, 0, right.columnStride, right.rowStride]),
    ],
  };
  const access: Affine = {
    offset: result.offset,
    strides: [...result.batchStrides, result.rowStride, result.columnStride],
  };
  return {
    loops,
    phases: [
      {
        loops: [k],
        accumulators: [
          { index: 0, type, combine: "add", initial: 0, value, partials: k >= 8 ? 4 : 1, run: 1 },
        ],
        stores: [],
      },
      {
        loops: [],
        accumulators: [],
        stores: [{ buffer: result.buffer, access, value: { kind: "accumulated", type, index: 0 } }],
      },
    ],
  };
}

/** Each invocation keeps a block of the result in registers and goes along k. */
function emitBlocked({ left, right, result, batch, m, n, k }: DotStage): DeviceKernel {
  const table = new TableLayout();
  const [a, b, c] = [left, right, result].map(({ buffer }) => table.buffer(buffer));
  const rows = Math.ceil(m / (block * side));
  const columns = Math.ceil(n / (block * side));
  const places = batch.reduce((x, y) => x * y, 1);
  const groups = rows * columns * places;
  const lines: string[] = [];
  const line = (text: string) => lines.push(`  ${text}`);
  line(`let place = i32(${groupNumber});`);
  line(`if (place >= ${groups}) { return; }`);
  line(`let matrix = place / ${rows * columns};`);
  line(`let tile = place % ${rows * columns};`);
  line(`let row = (tile / ${columns} * ${side} + i32(lane) / ${side}) * ${block};`);
  line(`let column = (tile % ${columns} * ${side} + i32(lane) % ${side}) * ${block};`);
  line(`if (row >= ${m} || column >= ${n}) { return; }`);
  const batchPlace = (strides: readonly number[]) => {
    const terms = batch.flatMap((extent, axis) => {
      if (strides[axis] === 0 || extent === 1) return [];
      const inside = batch.slice(axis + 1).reduce((x, y) => x * y, 1);
      return [`matrix / ${inside} % ${extent} * ${strides[axis]}`];
    });
    return terms.length === 0 ? "0" : terms.join(" + ");
  };
  line(`let left = ${a} + ${left.offset} + ${batchPlace(left.batchStrides)};`);
  line(`let right = ${b} + ${right.offset} + ${batchPlace(right.batchStrides)};`);
  line(`let target_ = ${c} + ${result.offset} + ${batchPlace(result.batchStrides)};`);
  // Beyond the edges the last row and column are read again; what comes of them is not stored.
  for (let i = 0; i < block; i++) {
    line(`let l${i} = left + min(row + ${i}, ${m - 1}) * ${left.rowStride};`);
    line(`let r${i} = right + min(column + ${i}, ${n - 1}) * ${right.columnStride};`);
    line(`var sum${i} = vec4<f32>();`);
  }
  line(`for (var p = 0; p < ${k}; p++) {`);
  const word = (at: string) => `bitcast<f32>(heap[${at}])`;
  const along = (stride: number) => (stride === 0 ? "" : ` + p * ${stride}`);
  const y = [0, 1, 2, 3].map((i) => word(`r${i}${along(right.rowStride)}`));
  line(`  let y = vec4<f32>(${y.join(", ")});`);
  for (let i = 0; i < block; i++)
    line(`  sum${i} = fma(vec4<f32>(${word(`l${i}${along(left.columnStride)}`)}), y, sum${i});`);
  line("}");
  for (let i = 0; i < block; i++) {
    line(`if (row + ${i} < ${m}) {`);
    line(`  let at = target_ + (row + ${i}) * ${result.rowStride} + column;`);
    for (let j = 0; j < block; j++)
      line(`  if (column + ${j} < ${n}) { heap[at + ${j}] = bitcast<u32>(sum${i}[${j}]); }`);
    line("}");
  }
  const text = [
    "@group(0) @binding(0) var<storage, read_write> heap: array<u32>;",
    `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
    `@compute @workgroup_size(${side * side})`,
    "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
    ...lines,
    "}",
    "",
  ].join("\n");
  const shaders = groups === 0 ? [] : [{ text, groups: gridOf(groups) }];
  return { shaders, table, memory: 0 };
}

import { type Stage, scalarTypeOf, sizeOf, type TensorType } from "@amari/core/backend";
import { functionTexts } from "./functions.ts";
import type { ShaderType } from "./literal.ts";
import { fromWord, toWord } from "./scope.ts";
import { type DeviceKernel, gridOf, groupNumber, type KernelContext, type Shader } from "./shader.ts";
import { byBits } from "./shader-function.ts";
import { opaque, TableLayout } from "./table.ts";

type RoutineStage = Extract<Stage, { kind: "routine" }>;

/** What a routine's shaders are written from. */
interface RoutineCall {
  readonly attributes: unknown;
  readonly inputs: readonly TensorType[];
  readonly output: TensorType;
  /** The expressions of the addresses of its buffers. */
  readonly from: readonly string[];
  readonly to: string;
  /** How many invocations share a long row at most. */
  readonly lanes: number;
}

/** The routines that have shaders; the host runs the others. */
const routines: { readonly [name: string]: (call: RoutineCall) => RoutineShader[] } = {
  scatterAdd,
  cumsum,
  argExtreme,
};

/** The statements of a shader, run by so many invocations (or workgroups, of more than one lane). */
interface RoutineShader {
  readonly lines: readonly string[];
  readonly count: number;
  readonly lanes: number;
}

/** The shaders of a routine; null where the host runs it. */
export function emitRoutine(
  stage: RoutineStage,
  types: readonly TensorType[],
  { lanes }: Pick<KernelContext, "lanes">,
): DeviceKernel | null {
  const write = Object.hasOwn(routines, stage.step.operation.name)
    ? routines[stage.step.operation.name]
    : undefined;
  if (write === undefined) return null;
  const table = new TableLayout();
  const call: RoutineCall = {
    attributes: stage.step.attributes,
    inputs: stage.inputs.map((buffer) => types[buffer]!),
    output: types[stage.outputs[0]!]!,
    from: stage.inputs.map((buffer) => table.buffer(buffer)),
    to: table.buffer(stage.outputs[0]!),
    lanes,
  };
  const shaders = write(call)
    .filter(({ count }) => count > 0)
    .map((shader) => assemble(shader, table));
  return { shaders, table, memory: 0 };
}

const workgroup = 64;

function assemble({ lines, count, lanes }: RoutineShader, table: TableLayout): Shader {
  const place = lanes > 1 ? groupNumber : `${groupNumber} * ${workgroup}u + lane`;
  const text = [
    "@group(0) @binding(0) var<storage, read_write> heap: array<u32>;",
    `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
    ...(lanes > 1 ? [`var<workgroup> bests: array<i32, ${lanes}>;`] : []),
    functionTexts(["is_nan"], { cells: "u32", float16: byBits }),
    `@compute @workgroup_size(${lanes > 1 ? lanes : workgroup})`,
    "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
    `let place = i32(${place});`,
    `if (place >= ${count}) { return; }`,
    ...lines,
    "}",
    "",
  ].join("\n");
  return { text, groups: gridOf(lanes > 1 ? count : Math.ceil(count / workgroup)) };
}

interface AxisView {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

const alongAxis = (shape: readonly number[], axis: number): AxisView => ({
  outer: sizeOf(shape.slice(0, axis)),
  length: shape[axis]!,
  inner: sizeOf(shape.slice(axis + 1)),
});

const typeOf = ({ dtype }: TensorType): ShaderType => scalarTypeOf(dtype) as ShaderType;

/**
 * Each invocation has one column of the result to itself and goes through the updates in order, so that no two meet and
 * sums have the same bits every time.
 */
function scatterAdd({ attributes, inputs, output, from, to }: RoutineCall): RoutineShader[] {
  const { axis, length } = attributes as { readonly axis: number; readonly length: number };
  const { outer, length: count, inner } = alongAxis(inputs[0]!.shape, axis);
  const type = typeOf(output);
  const isSigned = inputs[1]!.dtype === "int32";
  const size = sizeOf(output.shape);
  const word = (at: string) => fromWord(`heap[${at}]`, type);
  return [
    { lines: [`heap[${to} + place] = 0u;`], count: size, lanes: 1 },
    {
      lines: [
        `let row = place / ${inner};`,
        `let column = place % ${inner};`,
        `for (var k = 0; k < ${count}; k++) {`,
        `  let at = (row * ${count} + k) * ${inner} + column;`,
        `  var index = bitcast<i32>(heap[${from[1]} + at]);`,
        ...(isSigned ? [`  if (index < 0) { index += ${length}; }`] : []),
        `  if (index >= 0 && index < ${length}) {`,
        `    let target_ = ${to} + (row * ${length} + index) * ${inner} + column;`,
        `    heap[target_] = ${toWord(`${word("target_")} + ${word(`${from[0]} + at`)}`, type)};`,
        "  }",
        "}",
      ],
      count: count === 0 ? 0 : outer * inner,
      lanes: 1,
    },
  ];
}

/** One invocation for each column, which keeps what rounding takes from a float's sum (Neumaier's summation). */
function cumsum({ attributes, output, from, to }: RoutineCall): RoutineShader[] {
  const { axis, reverse } = attributes as { readonly axis: number; readonly reverse: boolean };
  const { outer, length, inner } = alongAxis(output.shape, axis);
  const type = typeOf(output);
  const isFloat = type === "f32";
  const add = isFloat
    ? [
        "  let next = sum + x;",
        `  let larger = ${opaque("next")};`,
        "  let isLarger = abs(sum) >= abs(x);",
        "  let lost = select((x - larger) + sum, (sum - larger) + x, isLarger);",
        "  sum = next;",
        // An infinite sum has lost nothing that counts.
        "  if (abs(next) < bitcast<f32>(table[0].x)) { rest += lost; }",
      ]
    : ["  sum += x;"];
  return [
    {
      lines: [
        `let first = place / ${inner} * ${length * inner} + place % ${inner};`,
        `var sum = ${type}();`,
        ...(isFloat ? ["var rest = 0.0f;"] : []),
        `for (var k = 0; k < ${length}; k++) {`,
        `  let at = first + ${reverse ? `(${length - 1} - k)` : "k"} * ${inner};`,
        `  let x = ${fromWord(`heap[${from[0]} + at]`, type)};`,
        ...add,
        `  heap[${to} + at] = ${toWord(isFloat ? "(sum + rest)" : "sum", type)};`,
        "}",
      ],
      count: length === 0 ? 0 : outer * inner,
      lanes: 1,
    },
  ];
}

/** Rows shorter than this have an invocation each, and those shorter than the other a small workgroup. */
const shortRow = 64;
const longRow = 1024;

/** The first of the best elements of each row; the first NaN if there is one. Long rows are shared by a workgroup. */
function argExtreme({ attributes, inputs, from, to, lanes: most }: RoutineCall): RoutineShader[] {
  const { better } = attributes as { readonly better: 1 | -1 };
  const { shape } = inputs[0]!;
  const length = shape.at(-1)!;
  const lanes = length < shortRow ? 1 : Math.min(most, length < longRow ? 64 : 256);
  const type = typeOf(inputs[0]!) === "bool" ? "u32" : typeOf(inputs[0]!);
  const load = (index: string) => fromWord(`heap[row + ${index}]`, type);
  const order = better > 0 ? ">" : "<";
  // Puts the element at `other` in the place of that at `best`, whose value is x, if it is better.
  const take = (other: string): string[] => {
    const isEarlier = `(${other} < best)`;
    const ordinary = `((y ${order} x) | ((y == x) & ${isEarlier}))`;
    const isFloat = type === "f32";
    return [
      `  let y = ${load(other)};`,
      isFloat
        ? `  let wins = select(is_nan(y) | ${ordinary}, is_nan(y) & ${isEarlier}, is_nan(x));`
        : `  let wins = ${ordinary};`,
      `  best = select(best, ${other}, wins);`,
      "  x = select(x, y, wins);",
    ];
  };
  const start = lanes > 1 ? "i32(lane)" : "0";
  const lines = [
    `let row = ${from[0]} + place * ${length};`,
    `var best = ${start};`,
    `var x = ${load("best")};`,
    `for (var i = ${start} + ${lanes}; i < ${length}; i += ${lanes}) {`,
    ...take("i"),
    "}",
  ];
  const store = `heap[${to} + place] = bitcast<u32>(best);`;
  const shared = [
    "bests[lane] = best;",
    "workgroupBarrier();",
    `for (var apart = ${lanes / 2}u; apart > 0u; apart >>= 1u) {`,
    "  if (lane < apart) {",
    "  let other = bests[lane + apart];",
    ...take("other"),
    "  bests[lane] = best;",
    "  }",
    "  workgroupBarrier();",
    "}",
    `if (lane == 0u) { ${store} }`,
  ];
  return [
    {
      lines: [...lines, ...(lanes > 1 ? shared : [store])],
      count: length === 0 ? 0 : sizeOf(shape.slice(0, -1)),
      lanes,
    },
  ];
}

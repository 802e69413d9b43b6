import {
  type Expression,
  type LoopKernel,
  operandCount,
  type ScalarInstruction,
  type ScalarType,
} from "@amari/core/backend";

/** A kernel that the self-test runs: reads the buffers 0 and 1, and writes the others, all of one type. */
export interface Sample {
  readonly name: string;
  readonly type: "f32" | "f64" | "i32" | "u32";
  readonly kernel: LoopKernel;
  /** How many results there are, and of how many elements. */
  readonly results: number;
  readonly size: number;
}

/** More than two rounds of what a vector loop takes at a time, and a rest. */
const length = 37;
const rows = 5;

const arithmetic: readonly ScalarInstruction[] = ["add", "sub", "mul", "min", "max", "neg", "abs"];
const onFloats: readonly ScalarInstruction[] = ["div", "sqrt", "floor", "ceil", "trunc", "nearest", "fma"];
const onIntegers: readonly ScalarInstruction[] = ["and", "or", "xor", "not", "shl", "shr"];
const comparisons: readonly ScalarInstruction[] = ["eq", "ne", "lt", "le", "gt", "ge"];

const types = ["f32", "f64", "i32", "u32"] as const;
const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";

function applied(
  instruction: ScalarInstruction,
  type: ScalarType,
  ...operands: readonly Expression[]
): Expression {
  return { kind: "instruction", type, instruction, operands };
}

/** Every instruction that vectors have, alone and one after the other; sums by rows and by columns. */
export const samples: readonly Sample[] = types.flatMap((type): Sample[] => {
  const load = (buffer: number, strides: readonly number[]): Expression => ({
    kind: "load",
    type,
    buffer,
    access: { offset: 0, strides },
  });
  const [x, y] = [load(0, [1]), load(1, [1])];
  const three: Expression = { kind: "constant", type, value: 3 };
  const instructions = [...arithmetic, ...(isFloat(type) ? onFloats : onIntegers)];
  const shifts: readonly string[] = ["shl", "shr"];
  const apply = (instruction: ScalarInstruction, z: Expression) =>
    applied(
      instruction,
      type,
      ...[z, shifts.includes(instruction) ? three : y, x].slice(0, operandCount(instruction)),
    );
  const selected = (instruction: ScalarInstruction, z: Expression) =>
    applied("select", type, applied(instruction, "bool", z, y), x, z);
  const other = type === "f32" ? "i32" : "f32";
  const converted = (between: ScalarType) => applied("convert", type, applied("convert", between, x));
  const alone = [
    ...instructions.map((i) => apply(i, x)),
    ...comparisons.map((i) => selected(i, x)),
    converted(other),
    converted("f16"),
  ];
  const chain = comparisons.reduce<Expression>(
    (z, i) => selected(i, z),
    instructions.reduce<Expression>((z, i) => apply(i, z), x),
  );
  const flat = (values: readonly Expression[]): LoopKernel => ({
    loops: [length],
    phases: [
      {
        loops: [],
        accumulators: [],
        stores: values.map((value, i) => ({ buffer: i + 2, access: { offset: 0, strides: [1] }, value })),
      },
    ],
  });
  /** Sums over the second loop; elements stand side by side along the loop whose stride is 1. */
  const sums = (strides: readonly number[], partials: number): LoopKernel => ({
    loops: [strides[0] === 1 ? length : rows],
    phases: [
      {
        loops: [strides[0] === 1 ? rows : length],
        accumulators: [
          {
            index: 0,
            type,
            combine: "add",
            initial: 0,
            value: applied("mul", type, load(0, strides), load(1, strides)),
            partials,
            run: 1,
          },
        ],
        stores: [],
      },
      {
        loops: [],
        accumulators: [],
        stores: [
          {
            buffer: 2,
            access: { offset: 0, strides: [1] },
            value: { kind: "accumulated", type, index: 0 },
          },
        ],
      },
    ],
  });
  return [
    { name: "single instructions", type, kernel: flat(alone), results: alone.length, size: length },
    { name: "a chain of instructions", type, kernel: flat([chain]), results: 1, size: length },
    {
      name: "sums by rows",
      type,
      kernel: sums([length, 1], type === "f64" ? 8 : 16),
      results: 1,
      size: rows,
    },
    { name: "sums by columns", type, kernel: sums([1, length], 1), results: 1, size: length },
  ];
});

/** How many elements the operands of the samples have. */
export const operandSize: number = rows * length;

/** Operands: numbers of many sizes, and what is special among floats. */
export function operandOf(type: Sample["type"], seed: number): number[] {
  const special = isFloat(type)
    ? [0, -0, Infinity, -Infinity, Number.NaN, 1e-45, -3e-310, 0.5, -1.5, 2.5, 3e38]
    : [0, -1, 1, 2 ** 31 - 1, -(2 ** 31)];
  let state = seed;
  return Array.from({ length: operandSize }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    if (i % 7 === 3) return special[(state >>> 8) % special.length]!;
    return isFloat(type) ? (state / 2 ** 30) * 2 ** ((state >>> 3) % 21) : state >> (state & 15);
  });
}

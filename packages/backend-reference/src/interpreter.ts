import {
  type Body,
  type ControlForm,
  combineScalars,
  isFloat,
  type Kernel,
  type LoopAttributes,
  type Program,
  type ScalarFunction,
  type Step,
  type WhileAttributes,
} from "@amari/core/backend";
import { denseArray, emptyArray, isDense, offsetsOf, rounded, type StridedArray, toDense } from "./array.ts";

/**
 * What each kind of kernel means. An operation computes in float64 and its result is rounded once to the dtype (by
 * being stored in a typed array of it), so in float32 and float16 every operation is correctly rounded but for the error of its
 * float64 definition. Sums and products accumulate in float64 and round at the end.
 */
export const runStep = (step: Step, inputs: readonly StridedArray[]): readonly StridedArray[] =>
  resultsOf(step, inputs).map(rounded);

function resultsOf(step: Step, inputs: readonly StridedArray[]): readonly StridedArray[] {
  const { kernel } = step.operation;
  switch (kernel.kind) {
    case "elementwise":
      return [elementwise(kernel, step, inputs)];
    case "reduce":
      return [reduce(kernel, step, inputs[0]!)];
    case "view":
      return [view(kernel, step, inputs[0]!)];
    case "iota":
      return [iota(step)];
    case "gather":
      return [gather(step, inputs[0]!, inputs[1]!)];
    case "assemble":
      return [assemble(kernel, step, inputs)];
    case "dot":
      return [dot(step, inputs[0]!, inputs[1]!)];
    case "convolution":
    case "routine": {
      const outputs = step.outputs.map(emptyArray);
      kernel.run(inputs.map(toDense), step.attributes as never, outputs);
      return outputs;
    }
    case "control":
      return controlForms[kernel.form](step, inputs);
    case "constant":
    case "data":
    case "alias":
    case "pick":
    case "placeholder":
      throw new Error(`a ${kernel.kind} is no step of a program`);
  }
}

type KernelOf<K extends Kernel["kind"]> = Extract<Kernel, { kind: K }>;

/** One scalar function at every place. */
function elementwise(
  kernel: KernelOf<"elementwise">,
  step: Step,
  inputs: readonly StridedArray[],
): StridedArray {
  const result = emptyArray(step.outputs[0]!);
  const f: ScalarFunction = kernel.scalar(step.attributes as never, (inputs.at(-1) ?? result).dtype);
  const out = result.data;
  const [x, y, z, w] = inputs.map(reader);
  if (x === undefined) out.fill(f());
  else if (y === undefined) for (let i = 0; i < out.length; i++) out[i] = f(x(i));
  else if (z === undefined) for (let i = 0; i < out.length; i++) out[i] = f(x(i), y(i));
  else if (w === undefined) for (let i = 0; i < out.length; i++) out[i] = f(x(i), y(i), z(i));
  else for (let i = 0; i < out.length; i++) out[i] = f(x(i), y(i), z(i), w(i));
  return result;
}

/** Reads element i of a window, counted in row-major order. */
function reader(array: StridedArray): (i: number) => number {
  const { data, offset, strides } = array;
  if (isDense(array)) return (i) => data[i]!;
  if (strides.every((stride) => stride === 0)) return () => data[offset]!;
  const offsets = offsetsOf(array);
  return (i) => data[offsets[i]!]!;
}

/** A fold over some axes, in row-major order. */
function reduce(kernel: KernelOf<"reduce">, step: Step, input: StridedArray): StridedArray {
  const { axes } = step.attributes as { readonly axes: readonly number[] };
  const pick = (list: readonly number[], folded: boolean) =>
    list.filter((_, axis) => axes.includes(axis) === folded);
  const window = (folded: boolean, offset: number) =>
    offsetsOf({ shape: pick(input.shape, folded), strides: pick(input.strides, folded), offset });
  const [kept, folded] = [window(false, input.offset), window(true, 0)];
  const { data } = input;
  const isInteger = !isFloat(input.dtype);
  const combine = isInteger && kernel.combine === "mul" ? Math.imul : combineScalars[kernel.combine];
  const initial = kernel.initial(input.dtype);
  const result = emptyArray(step.outputs[0]!);
  // Integer folds wrap at each step, and multiply exactly: a product beyond 2^53 has no low bits in float64.
  const wrap = !isInteger ? null : emptyArray({ shape: [1], dtype: input.dtype }).data;
  kept.forEach((start, i) => {
    let accumulator = initial;
    if (input.dtype === "float64" && kernel.combine === "add")
      accumulator = sumOf(initial, data, start, folded);
    else if (wrap === null)
      for (let k = 0; k < folded.length; k++) accumulator = combine(accumulator, data[start + folded[k]!]!);
    else {
      for (let k = 0; k < folded.length; k++) {
        wrap[0] = combine(accumulator, data[start + folded[k]!]!);
        accumulator = wrap[0]!;
      }
    }
    result.data[i] = accumulator;
  });
  return result;
}

/**
 * A sum whose error does not grow with the number of its terms (Neumaier 1974). Those of narrower types are added in
 * float64, which is exact enough for them.
 */
function sumOf(
  initial: number,
  data: StridedArray["data"],
  start: number,
  offsets: ArrayLike<number>,
): number {
  let [sum, lost] = [initial, 0];
  for (let k = 0; k < offsets.length; k++) {
    const x = data[start + offsets[k]!]!;
    const next = sum + x;
    lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
    sum = next;
  }
  return Number.isFinite(sum) ? sum + lost : sum;
}

/** The same elements under other indices; copied only where strides cannot express it. */
function view(kernel: KernelOf<"view">, step: Step, input: StridedArray): StridedArray {
  const { shape } = step.outputs[0]!;
  const window = kernel.view(input, step.attributes as never, shape);
  if (window !== null) return { ...input, ...window };
  const dense = toDense(input);
  return {
    ...denseArray(dense.data, dense),
    ...kernel.view(denseArray(dense.data, dense), step.attributes as never, shape)!,
  };
}

/** The index along one axis. */
function iota(step: Step): StridedArray {
  const { axis } = step.attributes as { readonly axis: number };
  const result = emptyArray(step.outputs[0]!);
  const stride = result.strides[axis]!;
  const { data } = result;
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / stride) % result.shape[axis]!;
  return result;
}

/** One element along an axis for every index. */
function gather(step: Step, input: StridedArray, indices: StridedArray): StridedArray {
  const { axis } = step.attributes as { readonly axis: number };
  const result = emptyArray(step.outputs[0]!);
  const missing = isFloat(result.dtype) ? Number.NaN : 0;
  const [length, stride] = [input.shape[axis]!, input.strides[axis]!];
  const wanted = offsetsOf(indices);
  const strides = input.strides.with(axis, 0);
  offsetsOf({ shape: result.shape, strides, offset: input.offset }).forEach((offset, i) => {
    const index = indices.data[wanted[i]!]!;
    const at = index < 0 ? index + length : index;
    result.data[i] = at >= 0 && at < length ? input.data[offset + at * stride]! : missing;
  });
  return result;
}

/** Each operand written into its window of the result. */
function assemble(kernel: KernelOf<"assemble">, step: Step, inputs: readonly StridedArray[]): StridedArray {
  const result = emptyArray(step.outputs[0]!);
  const shapes = inputs.map(({ shape }) => shape);
  const { fill, windows } = kernel.assembly(shapes, step.attributes as never, result.shape);
  if (fill !== null) result.data.fill(fill);
  inputs.forEach((input, i) => {
    const read = reader(input);
    offsetsOf(windows[i]!).forEach((place, at) => {
      result.data[place] = read(at);
    });
  });
  return result;
}

/** `[...batch, m, k] x [...batch, k, n]`, each element one sum over k in order. */
function dot(step: Step, left: StridedArray, right: StridedArray): StridedArray {
  const result = emptyArray(step.outputs[0]!);
  const [m, n] = result.shape.slice(-2) as [number, number];
  const k = left.shape.at(-1)!;
  const batchOffsets = ({ shape, strides, offset }: StridedArray) =>
    offsetsOf({ shape: shape.slice(0, -2), strides: strides.slice(0, -2), offset });
  const [lefts, rights] = [batchOffsets(left), batchOffsets(right)];
  const [leftRow, leftColumn] = left.strides.slice(-2) as [number, number];
  const [rightRow, rightColumn] = right.strides.slice(-2) as [number, number];
  const [a, b] = [left.data, right.data];
  const times = isFloat(left.dtype) ? (x: number, y: number) => x * y : Math.imul;
  const row = new Float64Array(n);
  lefts.forEach((leftStart, batch) => {
    const rightStart = rights[batch]!;
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let p = 0; p < k; p++) {
        const x = a[leftStart + i * leftRow + p * leftColumn]!;
        const start = rightStart + p * rightRow;
        for (let j = 0; j < n; j++) row[j]! += times(x, b[start + j * rightColumn]!);
      }
      result.data.set(row, batch * m * n + i * n);
    }
  });
  return result;
}

const controlForms: {
  readonly [F in ControlForm]: (step: Step, inputs: readonly StridedArray[]) => readonly StridedArray[];
} = { scan, while: whileLoop, cond };

/** A loop over the first axis: the body's program once for each slice. */
function scan(step: Step, inputs: readonly StridedArray[]): readonly StridedArray[] {
  const { constants, carries, length, reverse } = step.attributes as LoopAttributes;
  const body = step.bodies![0]!;
  const fixed = inputs.slice(0, constants);
  const sequences = inputs.slice(constants + carries);
  let carry = inputs.slice(constants, constants + carries);
  const stacked = step.outputs.slice(carries).map(emptyArray);
  for (let turn = 0; turn < length; turn++) {
    const at = reverse ? length - 1 - turn : turn;
    const results = runBody(body, [...fixed, ...carry, ...sequences.map((x) => sliceOf(x, at))]);
    carry = results.slice(0, carries);
    stacked.forEach((whole, i) => {
      whole.data.set(results[carries + i]!.data, at * whole.strides[0]!);
    });
  }
  return [...carry, ...stacked];
}

/** The second body as long as the first one, the condition, holds. */
function whileLoop(step: Step, inputs: readonly StridedArray[]): readonly StridedArray[] {
  const { constants } = step.attributes as WhileAttributes;
  const [condition, body] = step.bodies as [Body, Body];
  const fixed = inputs.slice(0, constants);
  let carry = inputs.slice(constants);
  while (holds(runBody(condition, [...fixed, ...carry])[0]!)) carry = runBody(body, [...fixed, ...carry]);
  return carry;
}

/** The first body where the first operand holds, else the second. */
function cond(step: Step, [predicate, ...operands]: readonly StridedArray[]): readonly StridedArray[] {
  const [onTrue, onFalse] = step.bodies as [Body, Body];
  return runBody(holds(predicate!) ? onTrue : onFalse, operands);
}

const holds = ({ data, offset }: StridedArray): boolean => data[offset] !== 0;

/** Runs a body's program with the numbers in it. */
function runBody({ program, scalars }: Body, inputs: readonly StridedArray[]): StridedArray[] {
  const numbers = program.scalars.map((dtype, i) => {
    const number = emptyArray({ shape: [], dtype });
    number.data[0] = scalars[i]!;
    return number;
  });
  return runProgram(program, [...inputs, ...numbers]);
}

/** One slice along the first axis. */
const sliceOf = ({ data, dtype, shape, strides, offset }: StridedArray, at: number): StridedArray => ({
  data,
  dtype,
  shape: shape.slice(1),
  strides: strides.slice(1),
  offset: offset + at * strides[0]!,
});

/** Runs a whole program on dense inputs; returns its outputs, dense. */
export function runProgram(program: Program, inputs: readonly StridedArray[]): StridedArray[] {
  const slots: StridedArray[] = [...inputs];
  for (const step of program.steps) {
    const results = runStep(
      step,
      step.inputs.map((slot) => slots[slot]!),
    );
    results.forEach((result, i) => {
      slots[step.output + i] = result;
    });
  }
  return program.outputs.map((slot) => {
    const dense = toDense(slots[slot]!);
    return denseArray(dense.data, dense);
  });
}

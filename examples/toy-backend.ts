/**
 * A complete backend in one file, as small as it gets: every value is a dense array in JavaScript's own memory, every step
 * of a program runs by itself, and every kind of kernel has one function. docs/adding-a-backend.md is about it, and
 * toy-backend.test.ts holds it to the conformance suite.
 */

import {
  allocate,
  type Backend,
  type Block,
  type Body,
  type Capabilities,
  combineScalars,
  type DenseArray,
  dtypes,
  type Executable,
  isFloat,
  type Kernel,
  type LoopAttributes,
  type Program,
  type Step,
  type StridedView,
  sizeOf,
  stridesOf,
  type TensorType,
  viewBytes,
  type WhileAttributes,
} from "@amari/core/backend";
import { setDefaultBackend, tensor } from "amari";

interface ToyBlock extends Block {
  readonly memory: Uint8Array;
}

export class ToyBackend implements Backend {
  readonly name = "toy";
  readonly capabilities: Capabilities = {
    // There is no typed array of halves.
    dtypes: dtypes.filter((dtype) => dtype !== "float16"),
    synchronousReads: true,
  };

  alloc(bytes: number): ToyBlock {
    return { bytes, memory: new Uint8Array(bytes) };
  }
  free(): void {}
  write(block: Block, bytes: Uint8Array): void {
    (block as ToyBlock).memory.set(bytes);
  }
  async read(block: Block): Promise<Uint8Array> {
    return this.readSync(block);
  }
  readSync(block: Block): Uint8Array {
    return (block as ToyBlock).memory.slice();
  }
  compile(program: Program): Executable {
    return { program };
  }
  submit(
    { program }: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    const given = program.inputs.map((type, i) => ({
      ...type,
      data: viewBytes(type.dtype, (inputs[i] as ToyBlock).memory),
    }));
    runProgram(program, given, scalars).forEach(({ data }, i) => {
      (outputs[i] as ToyBlock).memory.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Slots hold the inputs, then the caller's numbers, then what the steps write. */
function runProgram(
  program: Program,
  inputs: readonly DenseArray[],
  scalars: readonly number[],
): DenseArray[] {
  const slots: DenseArray[] = [...inputs];
  program.scalars.forEach((dtype, i) => {
    const number = empty({ shape: [], dtype });
    number.data[0] = scalars[i]!;
    slots.push(number);
  });
  for (const step of program.steps) {
    const operands = step.inputs.map((slot) => slots[slot]!);
    const run = kinds[step.operation.kernel.kind] as Run<Kernel["kind"]> | undefined;
    if (run === undefined) throw new Error(`a ${step.operation.kernel.kind} is no step of a program`);
    run(step.operation.kernel as never, step, operands).forEach((result, i) => {
      slots[step.output + i] = result;
    });
  }
  return program.outputs.map((slot) => slots[slot]!);
}

type Run<K extends Kernel["kind"]> = (
  kernel: Extract<Kernel, { kind: K }>,
  step: Step,
  operands: readonly DenseArray[],
) => readonly DenseArray[];

/** What each kind of kernel means. The others are no steps of a program. */
const kinds: { readonly [K in Kernel["kind"]]?: Run<K> } = {
  elementwise: ({ scalar }, step, operands) => {
    const result = empty(step.outputs[0]!);
    const f = scalar(step.attributes as never, (operands.at(-1) ?? result).dtype);
    for (let i = 0; i < result.data.length; i++) result.data[i] = f(...operands.map(({ data }) => data[i]!));
    return [result];
  },
  reduce: ({ combine, initial }, step, [x]) => {
    const { axes } = step.attributes as { readonly axes: readonly number[] };
    const strides = stridesOf(x!.shape);
    const part = (folded: boolean): StridedView => {
      const chosen = x!.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === folded);
      return { shape: chosen.map((a) => x!.shape[a]!), strides: chosen.map((a) => strides[a]!), offset: 0 };
    };
    const fold = !isFloat(x!.dtype) && combine === "mul" ? Math.imul : combineScalars[combine];
    const result = empty(step.outputs[0]!);
    // An integer wraps at each step, as its array does; a float is rounded once, in the end.
    const wrapped = isFloat(x!.dtype) ? new Float64Array(1) : allocate(x!.dtype, 1);
    const inner = placesOf(part(true));
    placesOf(part(false)).forEach((start, i) => {
      wrapped[0] = initial(x!.dtype);
      for (const place of inner) wrapped[0] = fold(wrapped[0]!, x!.data[start + place]!);
      result.data[i] = wrapped[0]!;
    });
    return [result];
  },
  view: ({ view }, step, [x]) => {
    const window = view(denseView(x!.shape), step.attributes as never, step.outputs[0]!.shape)!;
    return [
      filled(
        step.outputs[0]!,
        placesOf(window).map((place) => x!.data[place]!),
      ),
    ];
  },
  iota: (_, step) => {
    const { axis } = step.attributes as { readonly axis: number };
    const { shape } = step.outputs[0]!;
    const stride = stridesOf(shape)[axis]!;
    return [
      filled(
        step.outputs[0]!,
        Array.from({ length: sizeOf(shape) }, (_, i) => Math.floor(i / stride) % shape[axis]!),
      ),
    ];
  },
  gather: (_, step, [x, indices]) => {
    const { axis } = step.attributes as { readonly axis: number };
    const { shape, dtype } = step.outputs[0]!;
    const [length, strides] = [x!.shape[axis]!, stridesOf(x!.shape)];
    const rows = placesOf({ shape, strides: strides.with(axis, 0), offset: 0 });
    const values = rows.map((row, i) => {
      const index = indices!.data[i]!;
      const at = index < 0 ? index + length : index;
      const missing = isFloat(dtype) ? Number.NaN : 0;
      return at >= 0 && at < length ? x!.data[row + at * strides[axis]!]! : missing;
    });
    return [filled(step.outputs[0]!, values)];
  },
  assemble: ({ assembly }, step, operands) => {
    const result = empty(step.outputs[0]!);
    const shapes = operands.map(({ shape }) => shape);
    const { fill, windows } = assembly(shapes, step.attributes as never, result.shape);
    if (fill !== null) result.data.fill(fill);
    operands.forEach(({ data }, i) => {
      placesOf(windows[i]!).forEach((place, at) => {
        result.data[place] = data[at]!;
      });
    });
    return [result];
  },
  dot: (_, step, [left, right]) => {
    const result = empty(step.outputs[0]!);
    const [m, n] = result.shape.slice(-2) as [number, number];
    const k = left!.shape.at(-1)!;
    const times = isFloat(left!.dtype) ? (x: number, y: number) => x * y : Math.imul;
    for (let i = 0; i < result.data.length; i++) {
      const [matrix, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      let sum = 0;
      for (let p = 0; p < k; p++)
        sum += times(left!.data[(matrix * m + row) * k + p]!, right!.data[(matrix * k + p) * n + column]!);
      result.data[i] = sum;
    }
    return [result];
  },
  convolution: (kernel, step, operands) => whole(kernel, step, operands),
  routine: (kernel, step, operands) => whole(kernel, step, operands),
  control: ({ form }, step, operands) => forms[form](step, operands),
};

const forms = { scan, while: whileLoop, cond };

function scan(step: Step, operands: readonly DenseArray[]): readonly DenseArray[] {
  const { constants, carries, length, reverse } = step.attributes as LoopAttributes;
  const stacked = step.outputs.slice(carries).map(empty);
  let carry = operands.slice(constants, constants + carries);
  for (let turn = 0; turn < length; turn++) {
    const at = reverse ? length - 1 - turn : turn;
    const slices = operands.slice(constants + carries).map(({ shape, dtype, data }) => {
      const size = sizeOf(shape.slice(1));
      return { shape: shape.slice(1), dtype, data: data.slice(at * size, (at + 1) * size) };
    });
    const results = runBody(step.bodies![0]!, [...operands.slice(0, constants), ...carry, ...slices]);
    carry = results.slice(0, carries);
    stacked.forEach(({ data }, i) => {
      const slice = results[carries + i]!.data;
      data.set(slice, at * slice.length);
    });
  }
  return [...carry, ...stacked];
}

function whileLoop(step: Step, operands: readonly DenseArray[]): readonly DenseArray[] {
  const { constants } = step.attributes as WhileAttributes;
  const [condition, body] = step.bodies as [Body, Body];
  const fixed = operands.slice(0, constants);
  let carry = operands.slice(constants);
  while (runBody(condition, [...fixed, ...carry])[0]!.data[0] !== 0)
    carry = runBody(body, [...fixed, ...carry]);
  return carry;
}

function cond(step: Step, [predicate, ...operands]: readonly DenseArray[]): readonly DenseArray[] {
  return runBody(step.bodies![predicate!.data[0] !== 0 ? 0 : 1]!, operands);
}

const runBody = ({ program, scalars }: Body, operands: readonly DenseArray[]): DenseArray[] =>
  runProgram(program, operands, scalars);

/** A whole-array algorithm is given by its reference implementation, which a backend may run as it is. */
const whole: Run<"convolution" | "routine"> = ({ run }, step, operands) => {
  const results = step.outputs.map(empty);
  run(operands, step.attributes as never, results);
  return results;
};

const empty = ({ shape, dtype }: TensorType): DenseArray => ({
  shape,
  dtype,
  data: allocate(dtype, sizeOf(shape)),
});

function filled(type: TensorType, values: readonly number[]): DenseArray {
  const result = empty(type);
  result.data.set(values);
  return result;
}

const denseView = (shape: readonly number[]): StridedView => ({
  shape,
  strides: stridesOf(shape),
  offset: 0,
});

/** The places of a window's elements, in row-major order. */
const placesOf = ({ shape, strides, offset }: StridedView): number[] =>
  shape.reduce<number[]>(
    (places, extent, axis) =>
      places.flatMap((place) => Array.from({ length: extent }, (_, i) => place + i * strides[axis]!)),
    [offset],
  );

if (import.meta.url === `file://${process.argv[1]}`) {
  setDefaultBackend(new ToyBackend());
  console.log("softmax on the toy backend:", tensor([1, 2, 3]).softmax().arraySync());
}

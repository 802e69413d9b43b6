import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { operations } from "@amari/core";
import {
  type Backend,
  bytesPerElement,
  type DType,
  type Geometry,
  type Program,
  sizeOf,
  type TensorType,
  type TypedArray,
  toTypedArray,
  viewBytes,
} from "@amari/core/backend";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const cpu = cpuBackend();
const reference = referenceBackend();
const primitive = operations.get("conv")!.primitive!;

interface Example {
  readonly input: readonly number[];
  readonly window: readonly number[];
  readonly geometry: Geometry;
}

const small = (max: number, min = 1) => fc.integer({ min, max });

const examples: fc.Arbitrary<Example> = fc
  .record({
    images: fc.constantFrom(0, 1, 2, 5, 8, 11),
    groups: small(3),
    channels: small(4, 0),
    outputs: small(8),
    axes: fc.array(
      fc.record({
        input: small(12),
        window: small(5),
        stride: small(3),
        before: small(3, -2),
        after: small(3, -2),
        inputDilation: small(3),
        kernelDilation: small(3),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ images, groups, channels, outputs, axes }) => ({
    input: [images, channels * groups, ...axes.map(({ input }) => input)],
    window: [outputs * groups, channels, ...axes.map(({ window }) => window)],
    geometry: {
      strides: axes.map(({ stride }) => stride),
      padding: axes.map(({ before, after }) => [before, after] as const),
      inputDilation: axes.map((axis) => axis.inputDilation),
      kernelDilation: axes.map((axis) => axis.kernelDilation),
      groups,
    },
  }));

const plain: Geometry = {
  strides: [1, 1],
  padding: [
    [1, 1],
    [1, 1],
  ],
  inputDilation: [1, 1],
  kernelDilation: [1, 1],
  groups: 1,
};

/** What random examples are too small for. */
const larger: readonly Example[] = [
  // More channels than a block holds, and a rest of them.
  { input: [2, 131, 9, 13], window: [13, 131, 3, 3], geometry: plain },
  // The gradient of a kernel: few places, more products of one channel than a block is deep.
  { input: [9, 3, 40, 30], window: [7, 3, 40, 30], geometry: plain },
  // The same of one image, whose places stand side by side.
  { input: [1, 3, 40, 30], window: [7, 3, 40, 30], geometry: plain },
];

/** Integers so small that sums of products are exact in every order. */
const integers = (shape: readonly number[], seed: number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => (((i + seed) * 7919) % 17) - 8);

/** The convolution as a program of one step. */
function programOf({ input, window, geometry }: Example, dtype: DType): Program {
  const slots: TensorType[] = [input, window].map((shape) => ({ shape, dtype }));
  const type = primitive.type(slots, geometry) as TensorType;
  const step = { operation: primitive, attributes: geometry, inputs: [0, 1], output: 2, outputs: [type] };
  return { inputs: slots, scalars: [], steps: [step], outputs: [2], slots: [...slots, type] };
}

function run(backend: Backend, program: Program, inputs: readonly TypedArray[]): TypedArray {
  const bytesOf = (array: TypedArray) => new Uint8Array(array.buffer);
  const blocks = inputs.map((array) => {
    const block = backend.alloc(array.byteLength);
    backend.write(block, bytesOf(array));
    return block;
  });
  const { shape, dtype } = program.slots.at(-1)!;
  const result = backend.alloc(sizeOf(shape) * bytesPerElement(dtype));
  backend.submit(backend.compile(program), blocks, [], [result]);
  const bytes = backend.readSync!(result);
  for (const block of [...blocks, result]) backend.free(block);
  return viewBytes(dtype, bytes);
}

describe.each(["float32", "float64", "int32"] as const)("a convolution of %s", (dtype) => {
  it("is what the reference backend computes, for any geometry", () => {
    fc.assert(
      fc.property(examples, (example) => {
        const program = programOf(example, dtype);
        const inputs = [example.input, example.window].map((shape, i) =>
          toTypedArray(dtype, integers(shape, i)),
        );
        const expected = run(reference, program, inputs);
        expect([...run(cpu, program, inputs)]).toEqual([...expected].map((x) => x + 0));
      }),
      { numRuns: 300, examples: larger.map((example) => [example]) },
    );
  });
});

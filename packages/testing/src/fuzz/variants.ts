import { type Tensor, vmap } from "@amari/core";
import { gradients } from "./gradients.ts";
import type { PrintOptions } from "./print-program.ts";
import type { Input, RandomProgram } from "./random-program.ts";
import { sampleValues } from "./sample-values.ts";

/** A function of tensors to a list of them. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor[];

/** A way to use a program: as it is, or under a transformation. */
export interface Variant {
  readonly name: "plain" | "gradients" | "vmap" | "gradients of vmap";
  /** The program with the data that the transformed function takes. */
  readonly inputs: (program: RandomProgram) => readonly Input[];
  readonly transform: (f: TensorFunction) => TensorFunction;
  /** The same as code. */
  readonly print: PrintOptions;
}

const batchSize = 3;

/** Each input with further examples of its type. */
const inBatches = ({ inputs }: RandomProgram): Input[] =>
  inputs.map(({ shape, dtype, values }, seed) => ({
    shape: [batchSize, ...shape],
    dtype,
    values: [...values, ...sampleValues(dtype, values.length * (batchSize - 1), seed, false)],
  }));

/** All ways; the first is the program itself. */
export const variants: readonly [Variant, ...Variant[]] = [
  { name: "plain", inputs: ({ inputs }) => inputs, transform: (f) => f, print: {} },
  {
    name: "gradients",
    inputs: ({ inputs }) => inputs,
    transform: gradients,
    print: { use: "gradients(f)(...inputs)", fromTesting: ["gradients"] },
  },
  {
    name: "vmap",
    inputs: inBatches,
    transform: (f) => vmap(f) as unknown as TensorFunction,
    print: { use: "vmap(f)(...inputs)", fromAmari: ["vmap"] },
  },
  {
    name: "gradients of vmap",
    inputs: inBatches,
    transform: (f) => gradients(vmap(f) as unknown as TensorFunction),
    print: { use: "gradients(vmap(f))(...inputs)", fromAmari: ["vmap"], fromTesting: ["gradients"] },
  },
];

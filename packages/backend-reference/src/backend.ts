import {
  allocate,
  type Backend,
  type Block,
  bytesOfElements,
  type Capabilities,
  dtypes,
  type Executable,
  elementsOfBytes,
  type Program,
  type TensorType,
} from "@amari/core/backend";
import { denseArray, type StridedArray } from "./array.ts";
import { runProgram } from "./interpreter.ts";

/** A block of the reference backend: ordinary memory, which the engine collects. */
class ReferenceBlock implements Block {
  readonly bytes: number;
  contents: Uint8Array;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.contents = empty;
  }
}

const empty = new Uint8Array(0);

/**
 * The backend that defines what every operation means: a slow interpreter that runs a program step by step, in
 * float64 and float32, on all dtypes. Every other backend is tested against it.
 */
export class ReferenceBackend implements Backend {
  readonly name: string = "reference";
  readonly capabilities: Capabilities = { dtypes, synchronousReads: true };

  alloc(bytes: number): Block {
    return new ReferenceBlock(bytes);
  }

  free(block: Block): void {
    (block as ReferenceBlock).contents = empty;
  }

  write(block: Block, bytes: Uint8Array): void {
    (block as ReferenceBlock).contents = bytes.slice();
  }

  async read(block: Block): Promise<Uint8Array> {
    return this.readSync(block);
  }

  readSync(block: Block): Uint8Array {
    return (block as ReferenceBlock).contents.slice();
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
    const arguments_: StridedArray[] = [
      ...program.inputs.map((type, i) => denseArray(elementsOf(inputs[i]!, type), type)),
      ...program.scalars.map((dtype, i) => denseArray(filled(scalars[i]!, dtype), { shape: [], dtype })),
    ];
    const taken = new Set<ArrayBufferLike>(arguments_.map(({ data }) => data.buffer));
    runProgram(program, arguments_).forEach(({ data }, i) => {
      // A result that shares memory with an input or an earlier output is copied, so that blocks never alias.
      const own = taken.has(data.buffer) ? data.slice() : data;
      taken.add(own.buffer);
      (outputs[i] as ReferenceBlock).contents = bytesOfElements(
        program.slots[program.outputs[i]!]!.dtype,
        own,
      );
    });
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

const elementsOf = (block: Block, { dtype }: TensorType) =>
  elementsOfBytes(dtype, (block as ReferenceBlock).contents);

function filled(value: number, dtype: TensorType["dtype"]) {
  const data = allocate(dtype, 1);
  data[0] = value;
  return data;
}

/** A fresh reference backend. */
export const referenceBackend = (): ReferenceBackend => new ReferenceBackend();

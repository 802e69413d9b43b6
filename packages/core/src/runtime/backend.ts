import type { Program } from "../compile/program.ts";
import type { Schedule } from "../compile/schedule.ts";
import { bytesPerElement, type DType } from "../dtype.ts";
import { BackendError } from "../errors/errors.ts";
import type { TensorType } from "../operation.ts";
import { sizeOf } from "../shape.ts";

/** Memory that a backend owns; opaque to everyone else. */
export interface Block {
  readonly bytes: number;
}

/** A program in the form that its backend runs. */
export interface Executable {
  readonly program: Program;
  /** The results that must be given the block of a donated input, by number, and of which input. */
  readonly donations?: ReadonlyMap<number, number>;
}

/** A program that its backend can stop the time of, stage by stage. */
export interface TimedExecutable extends Executable {
  readonly schedule: Schedule;
}

/** What a backend can do. */
export interface Capabilities {
  readonly dtypes: readonly DType[];
  /** Whether `readSync` exists, so that `dataSync` and `itemSync` work. */
  readonly synchronousReads: boolean;
  /**
   * Bytes of an element in the backend's memory, where that is not the element's own width: a machine without addresses
   * of bytes keeps a bool in a word, little end first. Blocks are sized, written and read in these. Default
   * {@link bytesPerElement}.
   */
  readonly elementBytes?: (dtype: DType) => number;
  /**
   * Whether floats below the smallest normal one are computed with; else operations may take them, as operands and as
   * results, for zeros. Default true.
   */
  readonly denormals?: boolean;
}

/** The size of a dense array in a backend's memory. */
export const bytesOn = ({ capabilities }: Backend, { shape, dtype }: TensorType): number =>
  sizeOf(shape) * (capabilities.elementBytes ?? bytesPerElement)(dtype);

/** Where programs run. A third party implements this interface and registers an instance by value. */
export interface Backend {
  readonly name: string;
  readonly capabilities: Capabilities;
  alloc(bytes: number): Block;
  free(block: Block): void;
  /** Copies `bytes` into the block. */
  write(block: Block, bytes: Uint8Array): void;
  /** The bytes of the block, as a copy. */
  read(block: Block): Promise<Uint8Array>;
  readSync?(block: Block): Uint8Array;
  /** Prepares a whole program. */
  compile(program: Program): Executable;
  /**
   * Runs a program: reads `inputs` and `scalars` in the order of the program's, writes `outputs`. Work may be queued;
   * a late error rejects the next read. The output blocks that `executable.donations` names are those of inputs.
   */
  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void;
  /** Prepares a program for {@link time}; its stages do not overlap then. */
  compileTimed?(program: Program): TimedExecutable;
  /** Runs a program like {@link submit}, and says how many milliseconds each stage of its schedule took. */
  time?(
    executable: TimedExecutable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): Promise<readonly number[]>;
  /** The code that was generated for a program, as text. */
  explain?(executable: Executable): string;
  /** Resolves when everything submitted has run. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

let defaultBackend: Backend | null = null;

/** Sets where nodes run whose inputs are not yet on any backend. The package `amari` sets it on import. */
export function setDefaultBackend(backend: Backend): void {
  defaultBackend = backend;
}

/** The backend that {@link setDefaultBackend} set. @throws BackendError when there is none. */
export function getDefaultBackend(): Backend {
  if (defaultBackend === null) {
    throw new BackendError(
      'no backend is set: import "amari", which sets one, or call setDefaultBackend(referenceBackend()) ' +
        'with a backend such as the one of "@amari/backend-reference"',
    );
  }
  return defaultBackend;
}

import type { Executable, MemoryPlan, Program } from "@amari/core/backend";
import type { Heap, LinearMemory } from "./heap.ts";
import type { CpuTier } from "./tier.ts";

/** A program that runs on a heap, by addresses. */
export interface Runnable extends Executable {
  readonly plan: MemoryPlan;
  /** The code of the kernels, for those who want to read it. */
  readonly text: string;
  /** Runs the program on memory at the given addresses; temporaries stand from `scratch` on. */
  run(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): void;
}

/** Makes programs runnable, in the code of one tier. */
export interface Engine {
  readonly tier: CpuTier;
  readonly heap: Heap<LinearMemory>;
  /** How many threads run large kernels, the calling one included. */
  readonly threads: number;
  /** The chunks of kernels that each thread has computed, the calling one first. */
  readonly chunksByThread: readonly number[];
  compile(program: Program): Runnable;
  /** Ends the workers. */
  close(): Promise<void>;
}

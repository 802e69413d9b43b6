import type { Executable, MemoryPlan, Program, Schedule } from "@amari/core/backend";
import type { Heap, LinearMemory } from "./heap.ts";
import type { CpuTier } from "./tier.ts";

/** A program that runs on a heap, by addresses. */
export interface Runnable extends Executable {
  readonly plan: MemoryPlan;
  /** The code of the kernels, for those who want to read it. */
  readonly text: string;
  readonly schedule: Schedule;
  /** Runs the program on memory at the given addresses; temporaries stand from `scratch` on. */
  run(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): void;
  /** Runs it likewise and returns the milliseconds of each stage; of a program that was compiled to be timed. */
  time(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): readonly number[];
}

/** Makes programs runnable, in the code of one tier. */
export interface Engine {
  readonly tier: CpuTier;
  readonly heap: Heap<LinearMemory>;
  /** How many threads run large kernels, the calling one included. */
  readonly threads: number;
  /** The chunks of kernels that each thread has computed, the calling one first. */
  readonly chunksByThread: readonly number[];
  /** @param timed - whether {@link Runnable.time} is to be called: then no stages are joined */
  compile(program: Program, timed: boolean): Runnable;
  /** Ends the workers. */
  close(): Promise<void>;
}

/** How long a function takes. */
export function millisecondsOf(f: () => void): number {
  const begin = performance.now();
  f();
  return performance.now() - begin;
}

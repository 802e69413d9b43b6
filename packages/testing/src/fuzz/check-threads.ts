import { AmariError, type Backend, jit } from "@amari/core";
import { type Agreement, attempt, checkBits, type Results, runOn } from "./check-program.ts";
import { evaluate, type RandomProgram } from "./random-program.ts";
import type { TensorFunction, Variant } from "./variants.ts";

/** Threads take a program in while others run it, so it runs several times, with some milliseconds between. */
const runs = 6;
const pause = 10;

/**
 * Runs a program on two backends that differ in the number of threads alone: the bits must be the same.
 *
 * @returns null where the backend declines the program with a typed error
 * @throws MismatchError which shows the program as code
 */
export function checkThreads(
  program: RandomProgram,
  variant: Variant,
  single: Backend,
  threaded: Backend,
): readonly Agreement[] | null {
  const inputs = variant.inputs(program);
  const f: TensorFunction = variant.transform((...given) => evaluate(program, given));
  let first: Results;
  try {
    first = runOn(single, f, inputs);
  } catch (error) {
    if (error instanceof AmariError) return null;
    throw error;
  }
  const jitted = jit(f) as TensorFunction;
  // Made here: a page that is not isolated can load this module, and has no threads to check.
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let run = 0; run < runs; run++) {
    const again = attempt("threads", () => runOn(threaded, jitted, inputs), program, variant);
    checkBits(again, first, "threads give other bits", program, variant);
    if (run < runs - 1) Atomics.wait(clock, 0, 0, pause);
  }
  return [];
}

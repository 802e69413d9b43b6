import type { DType } from "../dtype.ts";
import { computesArray, type Operation, type TensorType } from "../operation.ts";

/** One operation of a program: reads slots, writes the slots `output`, `output + 1`, ... */
export interface Step {
  readonly operation: Operation;
  readonly attributes: unknown;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly outputs: readonly TensorType[];
  /** What a control operation runs. */
  readonly bodies?: readonly Body[];
}

/** A program inside a program, with the numbers in it, which are fixed. */
export interface Body {
  readonly program: Program;
  readonly scalars: readonly number[];
}

/**
 * A straight-line program over numbered slots: what a backend compiles. The first slots are the inputs, then the
 * scalars (numbers that the caller hands over at each run), then what the steps write.
 */
export interface Program {
  readonly inputs: readonly TensorType[];
  readonly scalars: readonly DType[];
  readonly steps: readonly Step[];
  readonly outputs: readonly number[];
  /** The type of every slot. */
  readonly slots: readonly TensorType[];
  /** The inputs whose memory the program may overwrite. */
  readonly donated?: readonly number[];
}

/** What a program computes, in a few words: the first of its operations other than views, for messages. */
export function operationsOf({ steps }: Program): string {
  const shown = 8;
  const computing = steps.filter(({ operation }) => computesArray(operation.kernel));
  const names = [...new Set(computing.map(({ operation }) => operation.name))];
  if (names.length === 0) return "a program that copies";
  return `a program of ${names.slice(0, shown).join(", ")}${names.length > shown ? `, and ${names.length - shown} more` : ""}`;
}

import type { TensorType } from "../../operation.ts";
import type { Program, Step } from "../program.ts";

/** A program while it is written: the inputs and scalars have their slots, steps get theirs as they are added. */
export class ProgramWriter {
  readonly slots: TensorType[];
  readonly steps: Step[] = [];

  constructor({ inputs, scalars }: Program) {
    this.slots = [...inputs, ...scalars.map((dtype) => ({ shape: [], dtype }))];
  }

  /** Adds a step; returns its first slot. */
  add(step: Omit<Step, "output">): number {
    const output = this.slots.length;
    this.slots.push(...step.outputs);
    this.steps.push({ ...step, output });
    return output;
  }
}

/**
 * Writes a program anew. `visit` gets each step with its operands where they stand in the new program, and says in which
 * slot its first result stands there: that of a step it adds, or one that is there already. Inputs, scalars and the order
 * of the outputs are kept, so whoever runs the program need not know.
 */
export function rewrite(
  program: Program,
  visit: (step: Step, writer: ProgramWriter) => number,
  writer: ProgramWriter = new ProgramWriter(program),
): Program {
  const moved = writer.slots.map((_, slot) => slot);
  for (const step of program.steps) {
    const at = visit({ ...step, inputs: step.inputs.map((slot) => moved[slot]!) }, writer);
    step.outputs.forEach((_, i) => {
      moved[step.output + i] = at + i;
    });
  }
  return {
    inputs: program.inputs,
    scalars: program.scalars,
    steps: writer.steps,
    outputs: program.outputs.map((slot) => moved[slot]!),
    slots: writer.slots,
    ...(program.donated && { donated: program.donated }),
  };
}

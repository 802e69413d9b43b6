import type { Program } from "../program.ts";
import { rewrite } from "./rewrite.ts";

/** Leaves out steps whose results nobody reads. */
export function removeDeadSteps(program: Program): Program {
  const live = new Set(program.outputs);
  const steps = program.steps.toReversed().filter((step) => {
    if (!step.outputs.some((_, i) => live.has(step.output + i))) return false;
    for (const slot of step.inputs) live.add(slot);
    return true;
  });
  return steps.length === program.steps.length
    ? program
    : rewrite({ ...program, steps: steps.reverse() }, (step, writer) => writer.add(step));
}

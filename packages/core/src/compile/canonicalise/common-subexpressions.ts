import type { Step } from "../program.ts";
import { stepKey } from "../program-key.ts";
import { ProgramWriter } from "./rewrite.ts";

/**
 * Writes equal steps once: the same operation with the same attributes on the same values. Opaque operations stay apart,
 * and so does whatever rests on them; `checkpoint` recomputes behind one.
 */
export class SharingWriter extends ProgramWriter {
  private readonly known = new Map<string, number>();

  override add(step: Omit<Step, "output">): number {
    if (step.operation.opaque) return super.add(step);
    const key = stepKey(step);
    let at = this.known.get(key);
    if (at === undefined) this.known.set(key, (at = super.add(step)));
    return at;
  }
}

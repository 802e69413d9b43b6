import type { Program } from "../program.ts";
import { stepKey } from "../program-key.ts";
import { rewrite } from "./rewrite.ts";

/**
 * Computes equal steps once: the same operation with the same attributes on the same values. Opaque operations stay
 * apart, and so does whatever rests on them; `checkpoint` recomputes behind one.
 */
export function shareCommonSubexpressions(program: Program): Program {
  const known = new Map<string, number>();
  return rewrite(program, (step, writer) => {
    if (step.operation.opaque) return writer.add(step);
    const key = stepKey(step);
    let at = known.get(key);
    if (at === undefined) known.set(key, (at = writer.add(step)));
    return at;
  });
}

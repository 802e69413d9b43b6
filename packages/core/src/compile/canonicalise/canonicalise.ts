import type { Body, Program } from "../program.ts";
import { bodyKey } from "../program-key.ts";
import { removeDeadSteps } from "./dead-steps.ts";
import { rewrite } from "./rewrite.ts";
import { simplify } from "./simplify.ts";

/**
 * A program that gives the same bits with less to do: equal steps computed once, values simplified by the rules of their
 * operations, dead steps left out, in bodies too. Inputs, scalars and outputs stay as they are, in number and order.
 *
 * Runs when a program is compiled, not when it is looked up, so it need not be fast.
 */
export function canonicalise(program: Program, numbers: readonly number[] = []): Program {
  return removeDeadSteps(simplify(canonicaliseBodies(program), numbers));
}

/** Equal bodies become one object, which a backend compiles once. */
function canonicaliseBodies(program: Program): Program {
  if (program.steps.every(({ bodies }) => bodies === undefined)) return program;
  const known = new Map<string, Body>();
  const canonical = (body: Body): Body => {
    const key = bodyKey(body);
    const { program: inner, scalars } = body;
    let shared = known.get(key);
    if (shared === undefined) known.set(key, (shared = { program: canonicalise(inner, scalars), scalars }));
    return shared;
  };
  return rewrite(program, (step, writer) => {
    if (step.bodies === undefined) return writer.add(step);
    return writer.add({ ...step, bodies: step.bodies.map(canonical) });
  });
}

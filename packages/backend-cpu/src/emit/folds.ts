import type { Accumulator, Expression } from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";
import { emitInstruction } from "./instructions.ts";
import { type Lanes, registerOf, splatBytes } from "./lanes.ts";
import { extractLane } from "./values.ts";

/** The lanes that the order of a fold is defined by. */
export const lanesOfFold = ({ type }: Accumulator): Lanes => (type === "f64" ? 2 : 4);

/** No instruction that combines has a relaxed form. */
const anyTarget = { relaxed: false };

/** A local that holds the beginning of a fold, in every lane. */
export function startFold(f: FunctionBuilder, { type, initial }: Accumulator, lanes: Lanes): Local {
  const local = f.local(lanes > 1 ? "v128" : registerOf(type));
  if (lanes > 1) f.v128(splatBytes(initial, type));
  else if (type === "f32") f.f32(initial);
  else if (type === "f64") f.f64(initial);
  else f.i32(initial);
  f.set(local);
  return local;
}

/** `local = combine(local, element)`. */
export function combine(
  f: FunctionBuilder,
  { combine: instruction, type }: Accumulator,
  local: Local,
  pushElement: () => void,
  lanes: Lanes,
): void {
  f.get(local);
  pushElement();
  const operand: Expression = { kind: "constant", type, value: 0 };
  emitInstruction(
    f,
    { kind: "instruction", type, instruction, operands: [operand, operand] },
    lanes,
    anyTarget,
  );
  f.set(local);
}

/**
 * Folds the partial results into the tail, in the order that {@link Accumulator} defines: partials that are as many
 * lanes apart first, then lane by lane. They stand in vectors or, where the kernel has none, in scalars.
 */
export function foldPartials(
  f: FunctionBuilder,
  accumulator: Accumulator,
  partials: readonly Local[],
  tail: Local,
  lanes: Lanes,
): void {
  const apart = lanes > 1 ? 1 : lanesOfFold(accumulator);
  for (let i = apart; i < partials.length; i++)
    combine(f, accumulator, partials[i % apart]!, () => f.get(partials[i]!), lanes);
  for (let lane = 0; lane < lanesOfFold(accumulator); lane++) {
    const pushLane = () => {
      if (lanes > 1) extractLane(f.get(partials[0]!), accumulator.type, lanes, lane);
      else f.get(partials[lane]!);
    };
    combine(f, accumulator, tail, pushLane, 1);
  }
}

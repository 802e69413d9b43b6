import { type Combine, combineScalars, type ScalarType } from "@amari/core/backend";
import { rounded } from "./instructions.ts";

/**
 * One step of a fold. Floats are folded one after the other in float64 and rounded at the end, as in the reference;
 * integers wrap at each step.
 */
export function foldOf(combine: Combine, type: ScalarType): (accumulator: number, element: number) => number {
  if (type === "f32" || type === "f64") return combineScalars[combine];
  const round = rounded[type];
  const step = combine === "mul" ? Math.imul : combineScalars[combine];
  return (accumulator, element) => round(step(accumulator, element));
}

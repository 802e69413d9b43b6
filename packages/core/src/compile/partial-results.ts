import type { Shape } from "../shape-types.ts";
import { type Combine, type Expression, expressionsOf, type ScalarType } from "./kernel.ts";

/** Lanes that a fold's order is defined by, whatever the machine has. */
const lanesOf = (type: ScalarType): number => (type === "f64" ? 2 : 4);

/** How many vectors of partial results a long run keeps in flight, to hide the latency of an addition. */
const vectorsInFlight = 4;

/** Whether the order of combining shows in the result. */
const dependsOnOrder = (combine: Combine, type: ScalarType): boolean =>
  (combine === "add" || combine === "mul") && (type === "f32" || type === "f64");

/**
 * How many partial results a reduction keeps (see {@link Accumulator}). For sums of floats this is a function of the
 * operand's shape, its dtype and the axes alone. Elsewhere the order cannot be seen, and the reading of the operand
 * decides: several where the elements stand side by side.
 *
 * `null` where the innermost run is read in pieces whose ends do not fall on whole rounds: then the operand must be
 * stored first.
 */
export function partialResults(
  combine: Combine,
  type: ScalarType,
  shape: Shape,
  axes: readonly number[],
  value: Expression,
): { readonly partials: number; readonly run: number } | null {
  const run = innermostRun(shape, axes);
  const length = run.reduce((product, extent) => product * extent, 1);
  const lanes = lanesOf(type);
  const wanted = length < 2 * lanes ? 1 : length < vectorsInFlight * lanes ? lanes : vectorsInFlight * lanes;
  const sequence = { partials: 1, run: 0 };
  if (wanted === 1) return sequence;
  const rounds = { partials: wanted, run: run.length };
  const accesses = expressionsOf([value]).flatMap((e) =>
    e.kind === "load" || e.kind === "index" ? [e.access] : [],
  );
  if (!dependsOnOrder(combine, type)) {
    const sideBySide = accesses.every(({ strides }) => Math.abs(strides.at(-1)!) <= 1);
    return sideBySide && isWhole(accesses, run, wanted) ? rounds : sequence;
  }
  return isWhole(accesses, run, wanted) ? rounds : null;
}

/** The extents of the reduced axes that stand side by side at the end of the shape, those of 1 left out. */
function innermostRun(shape: Shape, axes: readonly number[]): readonly number[] {
  const run: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (!axes.includes(axis)) break;
    run.unshift(shape[axis]!);
  }
  return run;
}

/** Whether a run of several loops can be read as one, or falls into whole rounds anyway. */
function isWhole(
  accesses: readonly { readonly strides: readonly number[] }[],
  run: readonly number[],
  round: number,
): boolean {
  if (run.length < 2 || run.at(-1)! % round === 0) return true;
  return accesses.every(({ strides }) => {
    const last = strides.slice(strides.length - run.length);
    return run.every((_, i) => i === 0 || last[i - 1] === last[i]! * run[i]!);
  });
}

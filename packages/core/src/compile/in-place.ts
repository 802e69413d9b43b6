import { type Expression, type LoopKernel, phaseExpressions } from "./kernel.ts";
import { reachOf, sameAccess } from "./loop-shapes.ts";

/**
 * Whether a kernel may write a buffer into the memory of another one that it reads: each element must have been read
 * for the last time when its place is written. Points run in any order, so a point may only overwrite what it alone reads.
 */
export function canOverwrite({ loops, phases }: LoopKernel, read: number, written: number): boolean {
  const last = phases.findIndex(({ stores }) => stores.some(({ buffer }) => buffer === written));
  if (last < 0) return false;
  const target = phases[last]!.stores.find(({ buffer }) => buffer === written)!.access;
  const row = phases[last]!.loops.reduce((a, b) => a * b, 1);
  return phases.every((phase, at) => {
    if (at >= last && phase.stores.some(({ buffer }) => buffer === read)) return false;
    const loads = phaseExpressions(phase).filter(
      (e): e is Extract<Expression, { kind: "load" }> => e.kind === "load" && e.buffer === read,
    );
    return loads.every(({ access, shift }) => {
      if (shift !== undefined) return false;
      if (at >= last) return at === last && sameAccess(access, target);
      const inRow = { offset: access.offset, strides: access.strides.slice(loops.length) };
      const [first, end] = reachOf(inRow, phase.loops);
      const isOwnRow = loops.every((_, loop) => access.strides[loop] === target.strides[loop]);
      return isOwnRow && first >= 0 && end < row;
    });
  });
}

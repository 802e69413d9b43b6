import { type Affine, kernelExpressions, type LoopKernel, type Phase } from "@amari/core/backend";

/** Elements that an invocation computes side by side, loaded and stored four at a time. */
export const quad = 4;

/** Their numbers. */
export const neighbours = [0, 1, 2, 3] as const;

/** Smaller kernels have too few invocations for a device anyway, and four times the code to compile. */
const fewestPoints = 2 ** 16;

const isQuads = (x: number): boolean => x % quad === 0;

/** How an access goes through four neighbours of the innermost loop: on from one to the next, or standing still. */
export function stepOf({ strides }: Affine): "on" | "still" | null {
  const last = strides.at(-1);
  if (last === 0) return "still";
  return last === 1 ? "on" : null;
}

/** Whether four elements of a phase, counted from a multiple of four on, are neighbours of its innermost loop. */
export const hasQuads = ({ loops }: Phase): boolean => loops.length > 0 && isQuads(loops.at(-1)!);

/** Whether a buffer begins on a multiple of four words. */
export type IsAligned = (buffer: number) => boolean;

/** Whether an access goes through whole quads of memory in the innermost loop, whose extent is one of quads. */
export const isByQuads = ({ buffer, access }: Access, isAligned: IsAligned): boolean =>
  stepOf(access) === "on" &&
  isAligned(buffer) &&
  isQuads(access.offset) &&
  access.strides.slice(0, -1).every(isQuads);

type Access = { readonly buffer: number; readonly access: Affine };

/**
 * Whether a kernel without folds can compute four neighbours at a time: every access either stands still in the innermost
 * loop, or goes through whole quads of memory.
 *
 * @param isAligned - whether a buffer begins on a multiple of four words
 */
export function hasWholeQuads({ loops, phases }: LoopKernel, isAligned: IsAligned): boolean {
  const [phase] = phases;
  const points = loops.reduce((a, b) => a * b, 1);
  if (phases.length !== 1 || phase!.loops.length > 0 || phase!.accumulators.length > 0) return false;
  if (points < fewestPoints || !isQuads(loops.at(-1)!)) return false;
  return (
    phase!.stores.every((store) => isByQuads(store, isAligned)) &&
    kernelExpressions({ loops, phases }).every(
      (e) =>
        e.kind !== "load" ||
        (e.shift === undefined && (stepOf(e.access) === "still" || isByQuads(e, isAligned))),
    )
  );
}

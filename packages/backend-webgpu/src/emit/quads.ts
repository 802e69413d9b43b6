import { type Affine, kernelExpressions, type LoopKernel } from "@amari/core/backend";

/** Elements that an invocation computes side by side, loaded and stored four at a time. */
export const quad = 4;

/** Smaller kernels have too few invocations for a device anyway, and four times the code to compile. */
const fewestPoints = 2 ** 16;

const isQuads = (x: number): boolean => x % quad === 0;

/** How an access goes through four neighbours of the innermost loop: on from one to the next, or standing still. */
export function stepOf({ strides }: Affine): "on" | "still" | null {
  const last = strides.at(-1);
  if (last === 0) return "still";
  return last === 1 ? "on" : null;
}

/**
 * Whether a kernel without folds can compute four neighbours at a time: every access either stands still in the innermost
 * loop, or goes through whole quads of memory.
 *
 * @param isAligned - whether a buffer begins on a multiple of four words
 */
export function hasWholeQuads(
  { loops, phases }: LoopKernel,
  isAligned: (buffer: number) => boolean,
): boolean {
  const [phase] = phases;
  const points = loops.reduce((a, b) => a * b, 1);
  if (phases.length !== 1 || phase!.loops.length > 0 || phase!.accumulators.length > 0) return false;
  if (points < fewestPoints || !isQuads(loops.at(-1)!)) return false;
  const fits = (buffer: number, access: Affine): boolean =>
    stepOf(access) === "on" &&
    isAligned(buffer) &&
    isQuads(access.offset) &&
    access.strides.slice(0, -1).every(isQuads);
  return (
    phase!.stores.every(({ buffer, access }) => fits(buffer, access)) &&
    kernelExpressions({ loops, phases }).every(
      (e) =>
        e.kind !== "load" ||
        (e.shift === undefined && (stepOf(e.access) === "still" || fits(e.buffer, e.access))),
    )
  );
}

import type { Affine } from "./kernel.ts";

/**
 * Splits loops so that the shorter of two lists becomes the beginning of the longer: `[1024]` and `[16, 64, 128]`
 * become `[16, 64]` and `[16, 64, 128]`. `null` where their extents have no common factors.
 */
export function alignLoops(
  a: readonly number[],
  b: readonly number[],
): readonly [readonly number[], readonly number[]] | null {
  const [left, right]: [number[], number[]] = [[], []];
  let [i, j] = [0, 0];
  let [restA, restB] = [a[0], b[0]];
  while (restA !== undefined && restB !== undefined) {
    const extent = Math.min(restA, restB);
    if (extent < 2 || restA % extent !== 0 || restB % extent !== 0) return null;
    left.push(extent);
    right.push(extent);
    restA = restA === extent ? a[++i] : restA / extent;
    restB = restB === extent ? b[++j] : restB / extent;
  }
  if (restA !== undefined) left.push(restA, ...a.slice(i + 1));
  if (restB !== undefined) right.push(restB, ...b.slice(j + 1));
  return [left, right];
}

/** An access over loops that have been split into finer ones; the loops after them stay. */
export function splitAccess(
  { offset, strides }: Affine,
  loops: readonly number[],
  finer: readonly number[],
): Affine {
  if (loops.length === finer.length) return { offset, strides };
  const result: number[] = [];
  let at = finer.length;
  for (let loop = loops.length - 1; loop >= 0; loop--) {
    let [rest, stride] = [loops[loop]!, strides[loop]!];
    while (rest > 1) {
      result.unshift(stride);
      const extent = finer[--at]!;
      rest /= extent;
      stride *= extent;
    }
  }
  return { offset, strides: [...result, ...strides.slice(loops.length)] };
}

/** An access under further loops that it does not depend on. */
export const extendAccess = ({ offset, strides }: Affine, loops: number): Affine => ({
  offset,
  strides: [...strides, ...new Array<number>(Math.max(0, loops - strides.length)).fill(0)],
});

export const sameAccess = (a: Affine, b: Affine): boolean =>
  a.offset === b.offset &&
  a.strides.length === b.strides.length &&
  a.strides.every((s, i) => s === b.strides[i]);

/** The places that an access reaches over its loops: `[first, last]`. */
export function reachOf({ offset, strides }: Affine, extents: readonly number[]): readonly [number, number] {
  let [first, last] = [offset, offset];
  strides.forEach((stride, loop) => {
    const far = stride * (extents[loop]! - 1);
    if (far < 0) first += far;
    else last += far;
  });
  return [first, last];
}

import { AxisError, ShapeError } from "./errors/errors.ts";
import type { Shape } from "./shape-types.ts";

/** The largest number of elements of one tensor: element indices are int32 on every backend. */
export const maxElements: number = 2 ** 31 - 1;

/** Prints a shape as `[2, 3]`. */
export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** Throws unless `shape` is a list of non-negative integers with at most {@link maxElements} elements. */
export function checkShape(shape: Shape): Shape {
  let size = 1;
  for (const dimension of shape) {
    if (!Number.isInteger(dimension) || dimension < 0) {
      throw new ShapeError(`expected a shape of non-negative integers, got ${showShape(shape)}`);
    }
    size *= dimension;
  }
  if (size > maxElements) {
    throw new ShapeError(
      `shape ${showShape(shape)} has ${size} elements; a tensor holds at most ${maxElements}`,
    );
  }
  return shape;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** NumPy's broadcasting: align from the right; equal, or one of them 1. `what` names the operation in the error. */
export function broadcastShapes(a: Shape, b: Shape, what: string): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const result: number[] = new Array(rank);
  for (let i = 1; i <= rank; i++) {
    const m = i <= a.length ? a[a.length - i]! : 1;
    const n = i <= b.length ? b[b.length - i]! : 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `${what}: cannot broadcast ${showShape(a)} with ${showShape(b)}: dimension -${i} is ${m} and ${n}; ` +
          "dimensions must be equal or 1, counted from the right (use reshape or expandDims to line them up)",
      );
    }
    result[rank - i] = m === 1 ? n : m;
  }
  return result;
}

/** Resolves a possibly negative axis of a tensor of rank `rank`. */
export function resolveAxis(axis: number, rank: number, what: string): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    const range = rank === 0 ? "a scalar has no axes" : `expected an integer from ${-rank} to ${rank - 1}`;
    throw new AxisError(`${what}: axis ${axis} is out of range for rank ${rank}: ${range}`);
  }
  return resolved;
}

/** Resolves one axis, a list of axes or all of them (`undefined`) to a sorted list without repetition. */
export function resolveAxes(
  axes: number | readonly number[] | undefined,
  rank: number,
  what: string,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const resolved = (typeof axes === "number" ? [axes] : axes).map((axis) => resolveAxis(axis, rank, what));
  if (new Set(resolved).size !== resolved.length) {
    throw new AxisError(`${what}: axes [${String(axes)}] name the same axis twice`);
  }
  return resolved.sort((a, b) => a - b);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = new Array(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

/** The shape without the given sorted axes, or with 1 in their place. */
export function reduceShape(shape: Shape, axes: readonly number[], keepDims = false): Shape {
  return keepDims
    ? shape.map((n, i) => (axes.includes(i) ? 1 : n))
    : shape.filter((_, i) => !axes.includes(i));
}

/** The permutation that undoes `permutation`. */
export function invertPermutation(permutation: readonly number[]): number[] {
  const inverse: number[] = new Array(permutation.length);
  permutation.forEach((from, to) => {
    inverse[from] = to;
  });
  return inverse;
}

/** The integers from `start` up to but excluding `end`. */
export const range = (start: number, end: number): number[] =>
  Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);

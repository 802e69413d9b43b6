import type { Store } from "@amari/core/backend";

/** What is asked of the buffers that halves of words are stored in. */
export interface HalfBuffers {
  /** Whether a buffer begins on a multiple of four words. */
  readonly isAligned: (buffer: number) => boolean;
  /** How many elements it has. */
  readonly sizeOf: (buffer: number) => number;
}

const isEven = (x: number): boolean => x % 2 === 0;

/**
 * Whether neighbours 2 i and 2 i + 1 of some loops, counted through all of them, are the halves of one word where a store
 * leaves them, for each place of the loops around. The last one of an odd number may only be alone at the end of its buffer,
 * where nothing else is in its word.
 *
 * @param loops - the extents, which are those of the last strides of the store
 */
export function storesPairs(
  { buffer, access: { offset, strides } }: Store,
  loops: readonly number[],
  { isAligned, sizeOf }: HalfBuffers,
): boolean {
  const outer = strides.length - loops.length;
  const own = strides.slice(outer);
  if (!isAligned(buffer) || ![offset, ...strides.slice(0, outer)].every(isEven)) return false;
  const isInRows = own.at(-1) === 1 && isEven(loops.at(-1)!) && own.slice(0, -1).every(isEven);
  if (isInRows) return true;
  const inside = (i: number): number => loops.slice(i + 1).reduce((a, b) => a * b, 1);
  const isDense = own.every((stride, i) => stride === inside(i));
  const points = inside(-1);
  return isDense && (isEven(points) || (outer === 0 && points === sizeOf(buffer)));
}

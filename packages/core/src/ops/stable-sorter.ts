import type { TypedArray } from "../dtype.ts";

/** Runs of so many elements are sorted by insertion. */
const runLength = 16;

/** Merge sort of rows of one length: ascending, the order of equals kept, -0 and 0 equal, NaN last. */
export class StableSorter {
  private readonly length: number;
  private readonly keys: Float64Array;
  private order: Int32Array;
  private spare: Int32Array;

  constructor(length: number) {
    this.length = length;
    this.keys = new Float64Array(length);
    this.order = new Int32Array(length);
    this.spare = new Int32Array(length);
  }

  /** The indices that sort a row; valid until the next call. */
  orderOf(row: TypedArray): Int32Array {
    const { keys, order, length } = this;
    keys.set(row);
    let count = 0;
    let end = length;
    for (let i = 0; i < length; i++) if (!Number.isNaN(keys[i]!)) order[count++] = i;
    for (let i = length - 1; i >= 0; i--) if (Number.isNaN(keys[i]!)) order[--end] = i;
    for (let start = 0; start < count; start += runLength)
      sortRun(keys, order, start, Math.min(start + runLength, count));
    for (let width = runLength; width < count; width *= 2) {
      for (let start = 0; start < count; start += 2 * width)
        merge(
          keys,
          this.order,
          this.spare,
          start,
          Math.min(start + width, count),
          Math.min(start + 2 * width, count),
        );
      this.spare.set(this.order.subarray(count), count);
      [this.order, this.spare] = [this.spare, this.order];
    }
    return this.order;
  }
}

function sortRun(keys: Float64Array, order: Int32Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const moved = order[i]!;
    const key = keys[moved]!;
    let at = i;
    while (at > start && keys[order[at - 1]!]! > key) order[at] = order[--at]!;
    order[at] = moved;
  }
}

function merge(
  keys: Float64Array,
  from: Int32Array,
  to: Int32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let [left, right] = [start, middle];
  for (let at = start; at < end; at++) {
    const takesLeft = left < middle && (right >= end || keys[from[left]!]! <= keys[from[right]!]!);
    to[at] = takesLeft ? from[left++]! : from[right++]!;
  }
}

import type { TypedArray } from "@amari/core/backend";

/** A batch of matrices on an array, by strides in elements. */
export interface StridedMatrix {
  readonly data: TypedArray;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  readonly rowStride: number;
  readonly columnStride: number;
}

/** The batched product of integers in plain loops; it wraps modulo 2^32. */
export function multiplyIntegers(
  left: StridedMatrix,
  right: StridedMatrix,
  out: TypedArray,
  batch: readonly number[],
  m: number,
  n: number,
  k: number,
): void {
  const row = new Int32Array(n);
  let written = 0;
  const visit = (axis: number, leftAt: number, rightAt: number): void => {
    if (axis < batch.length) {
      for (let i = 0; i < batch[axis]!; i++) {
        visit(axis + 1, leftAt + i * left.batchStrides[axis]!, rightAt + i * right.batchStrides[axis]!);
      }
      return;
    }
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let p = 0; p < k; p++) {
        const x = left.data[leftAt + i * left.rowStride + p * left.columnStride]!;
        const start = rightAt + p * right.rowStride;
        for (let j = 0; j < n; j++) row[j]! += Math.imul(x, right.data[start + j * right.columnStride]!);
      }
      out.set(row, written);
      written += n;
    }
  };
  visit(0, left.offset, right.offset);
}

import type { TypedArray } from "@amari/core/backend";

/** A batch of matrices on an array, by strides in elements. */
export interface StridedMatrix {
  readonly data: TypedArray;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  readonly rowStride: number;
  readonly columnStride: number;
}

/**
 * The batched product in plain loops, into rows of neighbours, for integers, which wrap modulo 2^32, and for engines without SIMD. Sums of floats
 * are kept in float64 and rounded once.
 */
export function multiplyPlainly(
  left: StridedMatrix,
  right: StridedMatrix,
  out: StridedMatrix,
  batch: readonly number[],
  m: number,
  n: number,
  k: number,
): void {
  const isFloat = out.data instanceof Float32Array || out.data instanceof Float64Array;
  const addRow = isFloat ? addRowOfFloats : addRowOfIntegers;
  const make = (length: number) => (isFloat ? new Float64Array(length) : new Int32Array(length));
  // Rows of one type that stand densely: the engine compiles the innermost loop for that and nothing else.
  const [row, rows] = [make(n), make(k * n)];
  const visit = (axis: number, leftAt: number, rightAt: number, outAt: number): void => {
    if (axis < batch.length) {
      for (let i = 0; i < batch[axis]!; i++) {
        visit(
          axis + 1,
          leftAt + i * left.batchStrides[axis]!,
          rightAt + i * right.batchStrides[axis]!,
          outAt + i * out.batchStrides[axis]!,
        );
      }
      return;
    }
    for (let p = 0; p < k; p++) {
      const start = rightAt + p * right.rowStride;
      for (let j = 0; j < n; j++) rows[p * n + j] = right.data[start + j * right.columnStride]!;
    }
    for (let i = 0; i < m; i++) {
      row.fill(0);
      for (let p = 0; p < k; p++)
        addRow(
          row as never,
          left.data[leftAt + i * left.rowStride + p * left.columnStride]!,
          rows as never,
          p * n,
        );
      out.data.set(row, outAt + i * out.rowStride);
    }
  };
  visit(0, left.offset, right.offset, out.offset);
}

/** `row += x * rows[at...]` */
function addRowOfFloats(row: Float64Array, x: number, rows: Float64Array, at: number): void {
  for (let j = 0; j < row.length; j++) row[j]! += x * rows[at + j]!;
}

/** The same modulo 2^32. */
function addRowOfIntegers(row: Int32Array, x: number, rows: Int32Array, at: number): void {
  for (let j = 0; j < row.length; j++) row[j]! += Math.imul(x, rows[at + j]!);
}

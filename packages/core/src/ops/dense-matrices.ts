import type { TypedArray } from "../dtype.ts";

/** Algorithms on one dense row-major matrix, in float64 whatever the arrays hold. */

/** Writes the lower Cholesky factor of the symmetric part of `a`; NaN from the first pivot that is not positive. */
export function cholesky(a: TypedArray, l: TypedArray, n: number): void {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = (a[i * n + j]! + a[j * n + i]!) / 2;
      for (let k = 0; k < j; k++) sum -= factor[i * n + k]! * factor[j * n + k]!;
      if (i === j) factor[i * n + i] = sum > 0 ? Math.sqrt(sum) : Number.NaN;
      else factor[i * n + j] = sum / factor[j * n + j]!;
    }
  }
  l.set(factor);
}

/** Solves a triangular system in place for `columns` right-hand sides, by substitution. */
export function solveTriangular(
  a: TypedArray,
  x: TypedArray,
  n: number,
  columns: number,
  lower: boolean,
): void {
  const row = new Float64Array(columns);
  const solved = Float64Array.from(x);
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    const [from, to] = lower ? [0, i] : [i + 1, n];
    row.set(solved.subarray(i * columns, (i + 1) * columns));
    for (let k = from; k < to; k++) {
      for (let c = 0; c < columns; c++) row[c]! -= a[i * n + k]! * solved[k * columns + c]!;
    }
    for (let c = 0; c < columns; c++) solved[i * columns + c] = row[c]! / a[i * n + i]!;
  }
  x.set(solved);
}

/** Solves a system in place for `columns` right-hand sides, by Gaussian elimination with partial pivoting. */
export function solve(matrix: TypedArray, x: TypedArray, n: number, columns: number): void {
  const a = Float64Array.from(matrix);
  const b = Float64Array.from(x);
  const swap = (array: Float64Array, width: number, i: number, j: number) => {
    const row = array.slice(i * width, (i + 1) * width);
    array.copyWithin(i * width, j * width, (j + 1) * width);
    array.set(row, j * width);
  };
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[pivot * n + k]!)) pivot = i;
    if (pivot !== k) {
      swap(a, n, k, pivot);
      swap(b, columns, k, pivot);
    }
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k]! / a[k * n + k]!;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!;
      for (let c = 0; c < columns; c++) b[i * columns + c]! -= factor * b[k * columns + c]!;
    }
  }
  solveTriangular(a, b, n, columns, false);
  x.set(b);
}

/** Eigenvalues (ascending) and eigenvectors (columns) of the symmetric part of `a`, by cyclic Jacobi rotations. */
export function eigh(matrix: TypedArray, values: TypedArray, vectors: TypedArray, n: number): void {
  const a = new Float64Array(n * n);
  // Eigenvectors by rows, along which they are rotated.
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    v[i * n + i] = 1;
    for (let j = 0; j < n; j++) a[i * n + j] = (matrix[i * n + j]! + matrix[j * n + i]!) / 2;
  }
  const mostSweeps = 60;
  for (let sweep = 0; sweep < mostSweeps && rotateAll(a, v, n); sweep++);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[i * n + i]! - a[j * n + j]!);
  order.forEach((from, to) => {
    values[to] = a[from * n + from]!;
    let peak = 0;
    for (const x of v.subarray(from * n, (from + 1) * n))
      if (Math.abs(x) > Math.abs(peak) * (1 + 1e-9)) peak = x;
    const sign = peak < 0 ? -1 : 1;
    for (let i = 0; i < n; i++) vectors[i * n + to] = sign * v[from * n + i]!;
  });
}

/** One sweep of rotations over all pairs; returns whether any was needed. */
function rotateAll(a: Float64Array, v: Float64Array, n: number): boolean {
  let rotated = false;
  for (let p = 0; p < n; p++) {
    for (let q = p + 1; q < n; q++) {
      const [app, apq, aqq] = [a[p * n + p]!, a[p * n + q]!, a[q * n + q]!];
      if (Math.abs(apq) <= 1e-17 * Math.sqrt(Math.abs(app * aqq)) || apq === 0) continue;
      rotated = true;
      const theta = (aqq - app) / (2 * apq);
      const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      rotateRows(a, p * n, q * n, n, c, s);
      rotateRows(v, p * n, q * n, n, c, s);
      // The columns are the rows; where they cross, the rotation has made a diagonal.
      for (let k = 0; k < n; k++) {
        a[k * n + p] = a[p * n + k]!;
        a[k * n + q] = a[q * n + k]!;
      }
      a[p * n + p] = app - t * apq;
      a[q * n + q] = aqq + t * apq;
      a[p * n + q] = 0;
      a[q * n + p] = 0;
    }
  }
  return rotated;
}

function rotateRows(array: Float64Array, p: number, q: number, n: number, c: number, s: number): void {
  for (let k = 0; k < n; k++) {
    const x = array[p + k]!;
    const y = array[q + k]!;
    array[p + k] = c * x - s * y;
    array[q + k] = s * x + c * y;
  }
}

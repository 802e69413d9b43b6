import { allocate, type DType, viewBytes } from "../dtype.ts";

/** The number of a float dtype that is nearest to `value`. */
export function roundTo(value: number, dtype: DType): number {
  return dtype === "float32" ? Math.fround(value) : value;
}

/** The neighbour of `value` among the numbers of a float dtype, in the direction of `towards`. */
export function nextAfter(value: number, towards: number, dtype: DType): number {
  const start = roundTo(value, dtype);
  if (Number.isNaN(start) || start === towards) return start;
  if (start === 0) return Math.sign(towards) * smallestSubnormal(dtype);
  // The bits of positive floats, read as integers, are in the order of the floats; of negative ones in reverse.
  const step = towards > start === start > 0 ? 1 : -1;
  const float = allocate(dtype, 1);
  float[0] = start;
  const bytes = new Uint8Array(float.buffer);
  if (dtype === "float32") viewBytes("int32", bytes)[0]! += step;
  else new BigInt64Array(float.buffer)[0]! += BigInt(step);
  return float[0]!;
}

const smallestSubnormal = (dtype: DType): number => (dtype === "float32" ? 2 ** -149 : Number.MIN_VALUE);

/** The smallest positive number of a float dtype with full precision. */
export const smallestNormal = (dtype: DType): number => (dtype === "float32" ? 2 ** -126 : 2 ** -1022);

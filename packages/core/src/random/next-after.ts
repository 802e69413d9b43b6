import { bytesOfElements, type DType, elementsOfBytes, toTypedArray } from "../dtype.ts";

/** The number of a float dtype that is nearest to `value`. */
export const roundTo = (value: number, dtype: DType): number => toTypedArray(dtype, [value])[0]!;

/** The neighbour of `value` among the numbers of a float dtype, in the direction of `towards`. */
export function nextAfter(value: number, towards: number, dtype: DType): number {
  const start = roundTo(value, dtype);
  if (Number.isNaN(start) || start === towards) return start;
  if (start === 0) return Math.sign(towards) * smallestSubnormal(dtype);
  // The bits of positive floats, read as integers, are in the order of the floats; of negative ones in reverse.
  const step = towards > start === start > 0 ? 1 : -1;
  const bytes = bytesOfElements(dtype, toTypedArray(dtype, [start]));
  const { buffer, byteLength } = bytes;
  if (byteLength === 8) new BigInt64Array(buffer)[0]! += BigInt(step);
  else (byteLength === 4 ? new Int32Array(buffer) : new Int16Array(buffer))[0]! += step;
  return elementsOfBytes(dtype, bytes)[0]!;
}

const smallestSubnormals: { readonly [D in DType]?: number } = { float32: 2 ** -149, float16: 2 ** -24 };

const smallestSubnormal = (dtype: DType): number => smallestSubnormals[dtype] ?? Number.MIN_VALUE;

const smallestNormals: { readonly [D in DType]?: number } = { float32: 2 ** -126, float16: 2 ** -14 };

/** The smallest positive number of a float dtype with full precision. */
export const smallestNormal = (dtype: DType): number => smallestNormals[dtype] ?? 2 ** -1022;

import type { DType } from "./dtype.ts";
import { ArgumentError } from "./errors/errors.ts";
import { float16Bits } from "./float16.ts";

const float64 = new Float64Array(1);
const bits64 = new BigInt64Array(float64.buffer);
const float32 = new Float32Array(1);
const bits32 = new Int32Array(float32.buffer);

/** The place of a float among all floats of its width: neighbours differ by 1, and -0 stands where 0 does. */
function place(x: number, dtype: "float64" | "float32" | "float16"): bigint {
  let bits: bigint;
  if (dtype === "float16") {
    bits = BigInt(float16Bits(x));
    return bits < 0x8000n ? bits : 0x8000n - bits;
  }
  if (dtype === "float64") {
    float64[0] = x;
    bits = bits64[0]!;
    return bits >= 0n ? bits : -(2n ** 63n) - bits;
  }
  float32[0] = x;
  bits = BigInt(bits32[0]!);
  return bits >= 0n ? bits : -(2n ** 31n) - bits;
}

/**
 * How many floats of `dtype` lie between two numbers: 0 for equal ones, 1 for neighbours. Infinity is the neighbour of
 * the largest finite float; two NaNs are equal, a NaN and a number are infinitely far apart.
 *
 * @example ulpDistance(1, 1 + Number.EPSILON) // 1
 * @throws ArgumentError for a dtype that is no float
 */
export function ulpDistance(a: number, b: number, dtype: DType = "float64"): number {
  if (dtype !== "float64" && dtype !== "float32" && dtype !== "float16") {
    throw new ArgumentError(
      `ulpDistance: expected float64, float32 or float16, got ${dtype}; compare integers by ===`,
    );
  }
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) === Number.isNaN(b) ? 0 : Infinity;
  const distance = place(a, dtype) - place(b, dtype);
  return Number(distance < 0n ? -distance : distance);
}

/** The gap between 1 and the next float: 2^-52, 2^-23 or 2^-10; that of float64 for what is no float. */
export const epsilonOf = (dtype: DType): number => epsilons[dtype] ?? Number.EPSILON;

/**
 * The error that an operation may have in a dtype, in ulp, given its error in float32 and float64: float16 has the float32
 * result, rounded once more.
 */
export const ulpIn = (dtype: DType, ulp: number): number =>
  dtype === "float16" && ulp > 0.5 ? 0.5 + ulp * 2 ** -13 : ulp;

const epsilons: { readonly [D in DType]?: number } = { float32: 2 ** -23, float16: 2 ** -10 };

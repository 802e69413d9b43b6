import type { Expression, ScalarType } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";

/** What functions need to know of a floating-point format, so that they are written once for both. */
export interface Format {
  readonly type: "f32" | "f64";
  /** The integers that are its bits. */
  readonly integer: ScalarType;
  /** Bits of the fraction, without the leading one. */
  readonly fraction: number;
  readonly bias: number;
  /** Adding and subtracting this rounds to an integer, which then stands in the low bits of the sum. */
  readonly rounding: number;
  readonly smallestNormal: number;
  /** So small that x stands for any function with a series x + a x^3 or x + a x^2. */
  readonly tiny: number;
}

/** One thing for each format. */
export interface PerFormat<T> {
  readonly f32: T;
  readonly f64: T;
}

const formats: PerFormat<Format> = {
  f32: {
    type: "f32",
    integer: "i32",
    fraction: 23,
    bias: 127,
    rounding: 1.5 * 2 ** 23,
    smallestNormal: 2 ** -126,
    tiny: 2 ** -26,
  },
  f64: {
    type: "f64",
    integer: "i64",
    fraction: 52,
    bias: 1023,
    rounding: 1.5 * 2 ** 52,
    smallestNormal: 2 ** -1022,
    tiny: 2 ** -55,
  },
};

/** The format of a float. */
export function formatOf({ type }: Expression): Format {
  if (type === "f32" || type === "f64") return formats[type];
  throw new Error(`expected an f32 or f64, got ${type}`);
}

/** The bits of a float, as an integer of its width. */
export const bitsOf = (k: KernelBuilder, x: Expression): Expression => k.bits(x, formatOf(x).integer);

/** An integer of a float's width. */
export const word = (k: KernelBuilder, like: Expression, value: number): Expression =>
  k.constant(value, formatOf(like).integer);

/**
 * 2^n, where `shifted` is n + rounding + bias in a format whose exponents n is within: the sum's low bits are the biased
 * exponent, which is moved to its place.
 */
export function powerOfTwo(k: KernelBuilder, shifted: Expression): Expression {
  const { type, fraction } = formatOf(shifted);
  return k.bits(k.shl(bitsOf(k, shifted), word(k, shifted, fraction)), type);
}

/** The sign bit of a float alone, as an integer. */
export function signOf(k: KernelBuilder, x: Expression): Expression {
  return k.and(bitsOf(k, x), word(k, x, -(2 ** (x.type === "f32" ? 31 : 63))));
}

/** A float with its sign turned where another one's sign bit (from {@link signOf}) is set. */
export const turnSign = (k: KernelBuilder, x: Expression, sign: Expression): Expression =>
  k.bits(k.xor(bitsOf(k, x), sign), formatOf(x).type);

/** A float with the last bits of its fraction cleared, so that the product of two has no rounding error. */
export function upperHalf(k: KernelBuilder, x: Expression): Expression {
  const { fraction, type } = formatOf(x);
  return k.bits(k.and(bitsOf(k, x), word(k, x, -(2 ** Math.ceil((fraction + 1) / 2)))), type);
}

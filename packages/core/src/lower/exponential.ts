import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { formatOf, type PerFormat, powerOfTwo } from "./format.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/**
 * Exponentials, for compiling backends: x = n ln 2 + r with |r| <= ln(2) / 2, a polynomial for e^r - 1, and 2^n by the
 * bits of an exponent.
 */

/** ln 2 in two parts; the product of the first with an exponent is exact. */
export const ln2Parts: PerFormat<readonly [high: number, low: number]> = {
  f32: [0.693359375, Math.LN2 - 0.693359375],
  f64: [0.6931471803691238, 1.9082149292705877e-10],
};

/** (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2, minimax: off e^r by 2^-28 and 2^-58. */
const exponentialSeries: PerFormat<readonly number[]> = {
  f32: [0.5, 0.16666518, 0.041666202, 0.008368952, 0.0013950699],
  f64: [
    0.5000000000000013, 0.166666666666667, 0.041666666666514356, 0.008333333333306964, 0.0013888888947322534,
    0.0001984126991791129, 2.480148959954472e-5, 2.755721583128753e-6, 2.763141053333473e-7,
    2.511800866073909e-8,
  ],
};

interface Reduced {
  /** What is left of the argument: it is n ln 2 + r. */
  readonly r: Expression;
  /** n plus the rounding constant plus `offset`. */
  readonly shifted: Expression;
}

/** Takes n ln 2 from an argument; a second one, much smaller, adds to it what it cannot hold. */
export function reduce(k: KernelBuilder, x: Expression, offset: number, low?: Expression): Reduced {
  const c = constantsLike(k, x);
  const { rounding, type } = formatOf(x);
  const [high, rest] = ln2Parts[type];
  const whole = low === undefined ? x : k.add(x, low);
  const shifted = k.fma(whole, c(Math.LOG2E), c(rounding + offset));
  const n = k.sub(shifted, c(rounding + offset));
  const upper = k.fma(n, c(-high), x);
  const r = k.fma(n, c(-rest), low === undefined ? upper : k.add(upper, low));
  return { r, shifted };
}

/** e^r - 1 for a reduced r. */
export const expm1OfReduced = (k: KernelBuilder, r: Expression): Expression =>
  k.fma(k.mul(r, r), polynomial(k, r, exponentialSeries), r);

/** e^r for a reduced r: more accurate than 1 + (e^r - 1). */
export function expOfReduced(k: KernelBuilder, r: Expression): Expression {
  const one = k.constant(1, r);
  return k.fma(k.fma(polynomial(k, r, exponentialSeries), r, one), r, one);
}

/** Beyond these exponents a power of 2 is 0 or infinite; see {@link timesPowerOfTwo} for the first. */
export const exponentRange: PerFormat<readonly [low: number, high: number]> = {
  f32: [-152, 130],
  f64: [-1080, 1030],
};

/** Of -152 this leaves -127, and of -1080 -1023. */
const shareOfFirst: PerFormat<number> = { f32: 25 / 152, f64: 57 / 1080 };

/**
 * value * 2^n, where n, from {@link exponentRange}, is `exponent` rounded and `shifted` n + rounding + 2 bias.
 *
 * At both ends n is beyond the exponents of a format, so that 2^n comes as a product, whose first factor takes a share of
 * n. What is left at the lowest n is one less than the lowest exponent, whose bits are those of 0: the result is 0 without
 * an underflow, which processors take a hundred cycles for, and a mask of -Infinity before a softmax makes many.
 */
export function timesPowerOfTwo(
  k: KernelBuilder,
  value: Expression,
  shifted: Expression,
  exponent: readonly [x: Expression, factor: number],
): Expression {
  const { rounding, bias, integer, type } = formatOf(value);
  const [x, factor] = exponent;
  const first = k.fma(x, k.constant(factor * shareOfFirst[type], x), k.constant(rounding + bias, x));
  const rest = k.sub(k.bits(shifted, integer), k.bits(first, integer));
  return k.mul(k.mul(value, powerOfTwo(k, first)), powerOfTwo(k, k.bits(rest, type)));
}

/** A number moved into an interval; NaN stays. */
export const clamp = (k: KernelBuilder, x: Expression, [low, high]: readonly [number, number]): Expression =>
  k.min(k.max(x, k.constant(low, x)), k.constant(high, x));

/**
 * e^x, or e^(x + low), where low is less than 0.2 if not x is in the range of the format. Beyond it the result is 0 or
 * infinite, in between denormals are right.
 */
export function lowerExp(k: KernelBuilder, x: Expression, low?: Expression): Expression {
  const { bias, type } = formatOf(x);
  const [least, most] = exponentRange[type];
  const inside = clamp(k, x, [least * Math.LN2, most * Math.LN2]);
  const { r, shifted } = reduce(k, inside, 2 * bias, low);
  return timesPowerOfTwo(k, expOfReduced(k, r), shifted, [inside, Math.LOG2E]);
}

/** (e^x - 1) / 2^places, which does not overflow as early as e^x does. */
export function scaledExpm1(k: KernelBuilder, x: Expression, places: number): Expression {
  const { r, shifted } = reduce(k, x, formatOf(x).bias - places);
  const scale = powerOfTwo(k, shifted);
  return k.fma(expm1OfReduced(k, r), scale, k.sub(scale, k.constant(2 ** -places, x)));
}

/** Where e^x - 1 is -1, and where it is infinite. */
const expm1Range: PerFormat<readonly [low: number, high: number]> = { f32: [-18, 89], f64: [-38, 710] };

/** e^x - 1, without cancellation near 0. */
export function lowerExpm1(k: KernelBuilder, x: Expression): Expression {
  const { type, tiny } = formatOf(x);
  const half = scaledExpm1(k, clamp(k, x, expm1Range[type]), 1);
  return k.select(k.lt(k.abs(x), k.constant(tiny, x)), x, k.add(half, half));
}

/** 1 / (1 + e^-x), by the exponential of -|x|, which cannot overflow. */
export function lowerSigmoid(k: KernelBuilder, x: Expression): Expression {
  const e = lowerExp(k, k.neg(k.abs(x)));
  const one = k.constant(1, x);
  return k.div(k.select(k.lt(x, k.constant(0, x)), e, one), k.add(e, one));
}

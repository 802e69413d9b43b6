import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { ln2Parts, lowerExp } from "./exponential.ts";
import { bitsOf, formatOf, type PerFormat, upperHalf, word } from "./format.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/**
 * Logarithms, for compiling backends: x = m 2^e with m from sqrt(1/2) to sqrt(2), and
 * log m = 2 atanh(s) = 2 s + s R(s^2) with s = f / (2 + f), f = m - 1.
 */

/** (2 atanh(s) - 2 s) / s^3 in z = s^2, minimax: off log m by 2^-30 and 2^-59. */
const atanhSeries: PerFormat<readonly number[]> = {
  f32: [0.66666776, 0.39977497, 0.29873028],
  f64: [
    0.6666666666666735, 0.39999999999411195, 0.2857142874323867, 0.22222198478513513, 0.18183569605195907,
    0.1531390677149162, 0.14797471634117296,
  ],
};

/** The bits of sqrt(1/2), those of the fraction that matter. */
const rootOfHalf: PerFormat<number> = { f32: 0x3f3504f3, f64: 0x3fe6a09e * 2 ** 32 };

/** log2 e in two parts; the first has so few bits that its product with the upper half of a float is exact. */
const log2eParts: PerFormat<readonly [high: number, low: number]> = {
  f32: [1.4423828125, 0.00031222838896340733],
  f64: [1.4426946640014648, 3.768874985636099e-7],
};

interface Split {
  /** The exponent, as a float. */
  readonly exponent: Expression;
  /** m, from sqrt(1/2) to sqrt(2). */
  readonly mantissa: Expression;
}

/** Takes a positive normal float apart. */
export function split(k: KernelBuilder, x: Expression): Split {
  const { type, fraction, bias } = formatOf(x);
  const w = (value: number) => word(k, x, value);
  // After moving sqrt(1/2) to a power of two, the exponent's field is that of m = 1 and up.
  const moved = k.add(bitsOf(k, x), w(bias * 2 ** fraction - rootOfHalf[type]));
  // An integer below 2^fraction in the bits of 2^fraction is that integer in a float's last places.
  const field = k.or(k.shr(moved, w(fraction)), w((bias + fraction) * 2 ** fraction));
  const exponent = k.sub(k.bits(field, type), k.constant(2 ** fraction + bias, x));
  const rest = type === "f32" ? k.and(moved, w(2 ** 23 - 1)) : fractionOf64(k, moved);
  return { exponent, mantissa: k.bits(k.add(rest, w(rootOfHalf[type])), type) };
}

/** The low 52 bits. 2^52 - 1 is a number that JavaScript holds, so this is a mask like any other. */
const fractionOf64 = (k: KernelBuilder, x: Expression): Expression => k.and(x, k.constant(2 ** 52 - 1, x));

interface Pieces {
  readonly exponent: Expression;
  readonly f: Expression;
  /** f^2 / 2 */
  readonly halfSquare: Expression;
  /** What f - f^2 / 2 lacks of log m. */
  readonly rest: Expression;
}

/** log x as exponent * ln 2 + f - halfSquare + rest, for a positive normal x. */
function pieces(k: KernelBuilder, x: Expression): Pieces {
  const c = constantsLike(k, x);
  const { exponent, mantissa } = split(k, x);
  const f = k.sub(mantissa, c(1));
  const s = k.div(f, k.add(f, c(2)));
  const z = k.mul(s, s);
  const halfSquare = k.mul(k.mul(f, f), c(0.5));
  const rest = k.mul(s, k.fma(z, polynomial(k, z, atanhSeries), halfSquare));
  return { exponent, f, halfSquare, rest };
}

/** The logarithm of a positive normal float, plus a small correction. */
export function logOfNormal(k: KernelBuilder, x: Expression, correction?: Expression): Expression {
  const [high, low] = ln2Parts[formatOf(x).type];
  const { exponent, f, halfSquare, rest } = pieces(k, x);
  const corrected = correction === undefined ? rest : k.add(rest, correction);
  const small = k.fma(exponent, k.constant(low, x), corrected);
  return k.fma(exponent, k.constant(high, x), k.add(k.sub(small, halfSquare), f));
}

function log2OfNormal(k: KernelBuilder, x: Expression): Expression {
  const [high, low] = log2eParts[formatOf(x).type].map((part) => k.constant(part, x)) as [
    Expression,
    Expression,
  ];
  const { exponent, f, halfSquare, rest } = pieces(k, x);
  const upper = upperHalf(k, k.sub(f, halfSquare));
  const lower = k.add(k.sub(k.sub(f, upper), halfSquare), rest);
  // The exponent, the product of the upper parts, which is exact, and the rest, with what the first sum rounds away.
  const product = k.mul(upper, high);
  const sum = k.add(exponent, product);
  const lost = k.add(k.sub(exponent, sum), product);
  return k.add(sum, k.add(lost, k.fma(k.add(lower, upper), low, k.mul(lower, high))));
}

/** A logarithm everywhere: 0, infinity, negative numbers, NaN and denormals are seldom. */
function everywhere(
  k: KernelBuilder,
  x: Expression,
  ofNormal: (x: Expression) => Expression,
  ofPower: (n: number) => number,
): Expression {
  const c = constantsLike(k, x);
  const { smallestNormal, fraction } = formatOf(x);
  const isNormal = k.and(k.ge(x, c(smallestNormal)), k.lt(x, c(Infinity)));
  const scaled = k.add(ofNormal(k.mul(x, c(2 ** (fraction + 1)))), c(-ofPower(fraction + 1)));
  const atEdges = k.select(k.eq(x, c(0)), c(-Infinity), k.select(k.lt(x, c(0)), c(Number.NaN), scaled));
  // Infinity, and NaN by failing the comparison.
  const rare = k.select(k.lt(x, c(Infinity)), atEdges, x);
  return k.rarely(k.not(isNormal), rare, ofNormal(x));
}

/** The natural logarithm, with its values at 0, infinity and negative numbers. */
export const lowerLog = (k: KernelBuilder, x: Expression): Expression =>
  everywhere(
    k,
    x,
    (y) => logOfNormal(k, y),
    (n) => n * Math.LN2,
  );

/** The logarithm to base 2; exact for powers of two. */
export const lowerLog2 = (k: KernelBuilder, x: Expression): Expression =>
  everywhere(
    k,
    x,
    (y) => log2OfNormal(k, y),
    (n) => n,
  );

/** log(1 + x) for x > -1: the logarithm of the rounded sum, corrected by what the rounding lost. */
export function log1pOfFinite(k: KernelBuilder, x: Expression): Expression {
  const one = k.constant(1, x);
  const sum = k.add(x, one);
  return logOfNormal(k, sum, k.div(k.sub(x, k.sub(sum, one)), sum));
}

/** log(1 + x), accurate near 0. */
export function lowerLog1p(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const isInside = k.and(k.gt(x, c(-1)), k.lt(x, c(Infinity)));
  const atEdges = k.select(k.eq(x, c(-1)), c(-Infinity), k.select(k.lt(x, c(-1)), c(Number.NaN), x));
  const usual = k.select(k.lt(k.abs(x), c(formatOf(x).tiny)), x, log1pOfFinite(k, x));
  return k.rarely(k.not(isInside), atEdges, usual);
}

/** log(1 + e^-|x|) */
const log1pOfDecay = (k: KernelBuilder, x: Expression): Expression =>
  log1pOfFinite(k, lowerExp(k, k.neg(k.abs(x))));

/** max(x, 0) + log(1 + e^-|x|). */
export const lowerSoftplus = (k: KernelBuilder, x: Expression): Expression =>
  k.add(k.max(x, k.constant(0, x)), log1pOfDecay(k, x));

/** min(x, 0) - log(1 + e^-|x|). */
export const lowerLogSigmoid = (k: KernelBuilder, x: Expression): Expression =>
  k.sub(k.min(x, k.constant(0, x)), log1pOfDecay(k, x));

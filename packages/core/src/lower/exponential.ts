import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/**
 * Exponentials and logarithms in float32, for compiling backends: range reduction, a Taylor or atanh series on the
 * reduced range, and reassembly by the exponent's bits. They decline float64, whose definitions are the host's.
 */

/** ln 2 in two parts; the first has few enough bits that its product with a small integer is exact. */
const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;
/** Adding and subtracting this rounds to an integer, which then stands in the low bits of the sum. */
const roundingShift = 12_582_912;
const roundingShiftBits = 0x4b400000;

/** 1/n! for n = 2, 3, ..., 8: beyond, a term is under 1e-10 of the sum for |x| <= ln(2) / 2. */
const inverseFactorials = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320];

interface Reduced {
  /** `exp(r) - 1`, where x = n ln 2 + r. */
  readonly remainder: Expression;
  /** n as an i32. */
  readonly exponent: Expression;
}

function reduce(k: KernelBuilder, x: Expression): Reduced {
  const c = constantsLike(k, x);
  const shifted = k.add(k.mul(x, c(Math.LOG2E)), c(roundingShift));
  const n = k.sub(shifted, c(roundingShift));
  const r = k.sub(k.sub(x, k.mul(n, c(ln2High))), k.mul(n, c(ln2Low)));
  const remainder = k.add(r, k.mul(k.mul(r, r), polynomial(k, r, inverseFactorials)));
  const exponent = k.sub(k.bits(shifted, "i32"), k.constant(roundingShiftBits, "i32"));
  return { remainder, exponent };
}

/** 2^n for -126 <= n <= 127, by the bits of its exponent. */
const powerOfTwo = (k: KernelBuilder, n: Expression): Expression =>
  k.bits(k.shl(k.add(n, k.constant(127, "i32")), k.constant(23, "i32")), "f32");

/** e^x. Beyond the range of float32 it is 0 or infinite, in between denormals are right. */
export function lowerExp(k: KernelBuilder, x: Expression): Expression | null {
  if (x.type !== "f32") return null;
  const c = constantsLike(k, x);
  const { remainder, exponent } = reduce(k, k.min(k.max(x, c(-104)), c(89)));
  // n may be as low as -150 or as high as 128: scale in two steps, each within the range of exponents.
  const half = k.sub(
    k.shr(k.add(exponent, k.constant(256, "i32")), k.constant(1, "i32")),
    k.constant(128, "i32"),
  );
  const rest = k.sub(exponent, half);
  return k.mul(k.mul(k.add(remainder, c(1)), powerOfTwo(k, half)), powerOfTwo(k, rest));
}

/** e^x - 1, without cancellation near 0. */
export function lowerExpm1(k: KernelBuilder, x: Expression): Expression | null {
  if (x.type !== "f32") return null;
  const c = constantsLike(k, x);
  // Below -18 the result is -1; above 88.8 it is infinite. -0 stays -0 by the final selection.
  const { remainder, exponent } = reduce(k, k.min(k.max(x, c(-18)), c(88)));
  const scale = powerOfTwo(k, exponent);
  const value = k.add(k.mul(remainder, scale), k.sub(scale, c(1)));
  const large = k.gt(x, c(88));
  return k.select(k.eq(x, c(0)), x, k.select(large, lowerExp(k, x)!, value));
}

/** The natural logarithm of a positive normal float times 2^-offset. */
function logOfNormal(k: KernelBuilder, x: Expression, offset: Expression): Expression {
  const c = constantsLike(k, x);
  const word = (value: number) => k.constant(value, "i32");
  // m in [sqrt(1/2), sqrt(2)) and e with x = m 2^e: see the exponent after moving sqrt(1/2) to a power of two.
  const moved = k.add(k.bits(x, "i32"), word(0x3f800000 - 0x3f3504f3));
  const exponent = k.sub(k.shr(moved, word(23)), word(127));
  const m = k.bits(k.add(k.and(moved, word(0x007fffff)), word(0x3f3504f3)), "f32");
  const e = k.sub(k.convert(exponent, "f32"), offset);
  // log m = 2 atanh(s) = 2 s + 2/3 s^3 + ..., s = f / (2 + f), f = m - 1; arranged so that f itself is added last.
  const f = k.sub(m, c(1));
  const s = k.div(f, k.add(f, c(2)));
  const z = k.mul(s, s);
  const series = k.mul(z, polynomial(k, z, [2 / 3, 2 / 5, 2 / 7, 2 / 9]));
  const halfSquare = k.mul(k.mul(f, f), c(0.5));
  const small = k.add(k.mul(s, k.add(halfSquare, series)), k.mul(e, c(ln2Low)));
  return k.add(k.mul(e, c(ln2High)), k.add(k.sub(small, halfSquare), f));
}

/** The natural logarithm, with its values at 0, infinity and negative numbers. */
export function lowerLog(k: KernelBuilder, x: Expression): Expression | null {
  if (x.type !== "f32") return null;
  const c = constantsLike(k, x);
  const isDenormal = k.lt(x, c(2 ** -126));
  const normal = k.select(isDenormal, k.mul(x, c(2 ** 23)), x);
  const value = logOfNormal(k, normal, k.select(isDenormal, c(23), c(0)));
  const atEdges = k.select(k.eq(x, c(0)), c(-Infinity), k.select(k.lt(x, c(0)), c(Number.NaN), value));
  // Infinity, and NaN by failing the comparison.
  return k.select(k.lt(x, c(Infinity)), atEdges, x);
}

/** log(1 + x): the logarithm of the rounded sum, corrected by what the rounding lost. */
export function lowerLog1p(k: KernelBuilder, x: Expression): Expression | null {
  if (x.type !== "f32") return null;
  const c = constantsLike(k, x);
  const sum = k.add(x, c(1));
  const lost = k.sub(x, k.sub(sum, c(1)));
  const corrected = k.add(lowerLog(k, sum)!, k.div(lost, sum));
  const isPlain = k.and(k.lt(sum, c(Infinity)), k.gt(sum, c(0)));
  const value = k.select(isPlain, corrected, lowerLog(k, sum)!);
  return k.select(k.eq(x, c(0)), x, value);
}

/** tanh x = t / (t + 2) with t = e^(2|x|) - 1, and the sign put back. */
export function lowerTanh(k: KernelBuilder, x: Expression): Expression | null {
  if (x.type !== "f32") return null;
  const c = constantsLike(k, x);
  const doubled = k.mul(k.min(k.abs(x), c(10)), c(2));
  const { remainder, exponent } = reduce(k, doubled);
  const scale = powerOfTwo(k, exponent);
  const t = k.add(k.mul(remainder, scale), k.sub(scale, c(1)));
  const magnitude = k.div(t, k.add(t, c(2)));
  const signBit = k.and(k.bits(x, "i32"), k.constant(-(2 ** 31), "i32"));
  return k.bits(k.or(k.bits(magnitude, "i32"), signBit), "f32");
}

/** 1 / (1 + e^-x), by the exponential of -|x|, which cannot overflow. */
export function lowerSigmoid(k: KernelBuilder, x: Expression): Expression | null {
  const e = lowerExp(k, k.neg(k.abs(x)));
  if (e === null) return null;
  const one = k.constant(1, x);
  return k.div(k.select(k.lt(x, k.constant(0, x)), e, one), k.add(e, one));
}

/** max(x, 0) + log(1 + e^-|x|). */
export function lowerSoftplus(k: KernelBuilder, x: Expression): Expression | null {
  const e = lowerExp(k, k.neg(k.abs(x)));
  return e && k.add(k.max(x, k.constant(0, x)), lowerLog1p(k, e)!);
}

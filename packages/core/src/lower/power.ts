import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { clamp, expOfReduced, exponentRange, lowerExp, timesPowerOfTwo } from "./exponential.ts";
import { formatOf, type PerFormat, powerOfTwo, signOf, turnSign, upperHalf } from "./format.ts";
import { log1pOfFinite, split } from "./logarithm.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/** Powers and roots, for compiling backends. */

/** 3 (atanh(s) / s - 1 - s^2 / 3) / s^4 in s^2, minimax: off log m by 2^-36 and 2^-66. */
const logSeries: PerFormat<readonly number[]> = {
  f32: [0.6000023, 0.4282063, 0.3512966],
  f64: [
    0.6000000000000341, 0.42857142855138175, 0.3333333378197468, 0.2727267636048074, 0.23080145065960064,
    0.19885008809090227, 0.19796572076232669,
  ],
};

/** 2 / (3 ln 2): its upper half, the rest, and the whole. */
const scaleParts: PerFormat<readonly [upper: number, lower: number, whole: number]> = {
  f32: [0.961669921875, 0.0001267720509756049, 0.9617966939259756],
  f64: [0.9617966860532761, 7.872699542894897e-9, 0.9617966939259756],
};

/** A number as a sum whose first part has half the bits of a format, so that its products are exact. */
interface Double {
  readonly upper: Expression;
  readonly lower: Expression;
}

/** A sum of two numbers, the second much smaller, as a {@link Double}. */
function double(k: KernelBuilder, x: Expression, small: Expression): Double {
  const upper = upperHalf(k, k.add(x, small));
  return { upper, lower: k.sub(small, k.sub(upper, x)) };
}

/**
 * log2 of a positive normal float to half as many bits again as the format has, since y times its error is the error
 * of a power: with s = f / (2 + f), f = m - 1, it is e + 2 s (3 + s^2 + s^4 L(s^2)) / (3 ln 2), in doubled precision up
 * to the last term (the scheme of fdlibm's pow).
 */
function doubledLog2(k: KernelBuilder, positive: Expression): Double {
  const { x, scale: shift } = normal(k, positive);
  const c = constantsLike(k, x);
  const [scaleUpper, scaleLower, scale] = scaleParts[formatOf(x).type].map(c) as [
    Expression,
    Expression,
    Expression,
  ];
  const { exponent: apparent, mantissa } = split(k, x);
  const exponent = k.sub(apparent, shift);
  const f = k.sub(mantissa, c(1));
  const sum = k.add(mantissa, c(1));
  const s = k.div(f, sum);
  const sUpper = upperHalf(k, s);
  // The rest of s from the remainder of the division; the divisor is sumUpper + sumLower, with no rounding.
  const sumUpper = upperHalf(k, sum);
  const sumLower = k.sub(mantissa, k.sub(sumUpper, c(1)));
  const remainder = k.sub(k.sub(f, k.mul(sUpper, sumUpper)), k.mul(sUpper, sumLower));
  const sLower = k.div(remainder, sum);
  const square = k.mul(sUpper, sUpper);
  const z = k.mul(s, s);
  const rest = k.fma(k.mul(z, z), polynomial(k, z, logSeries), k.mul(sLower, k.add(sUpper, s)));
  const bracketUpper = upperHalf(k, k.add(k.add(c(3), square), rest));
  const bracketLower = k.sub(rest, k.sub(k.sub(bracketUpper, c(3)), square));
  const product = double(
    k,
    k.mul(sUpper, bracketUpper),
    k.add(k.mul(sLower, bracketUpper), k.mul(bracketLower, s)),
  );
  const scaledUpper = k.mul(product.upper, scaleUpper);
  const scaledLower = k.add(k.mul(product.upper, scaleLower), k.mul(product.lower, scale));
  const upper = upperHalf(k, k.add(k.add(scaledUpper, scaledLower), exponent));
  return { upper, lower: k.sub(scaledLower, k.sub(k.sub(upper, exponent), scaledUpper)) };
}

/** Places by which a denormal number is made normal: a multiple of 3, for cube roots. */
const denormalPlaces: PerFormat<number> = { f32: 24, f64: 54 };

/** A positive number, made normal by so many places, which are 0 for a normal one. */
function normal(k: KernelBuilder, x: Expression): { readonly x: Expression; readonly scale: Expression } {
  const c = constantsLike(k, x);
  const { smallestNormal, type } = formatOf(x);
  const isDenormal = k.lt(x, c(smallestNormal));
  const places = denormalPlaces[type];
  return {
    x: k.select(isDenormal, k.mul(x, c(2 ** places)), x),
    scale: k.select(isDenormal, c(places), c(0)),
  };
}

/** Exponents beyond this make every power but that of 1 zero or infinite. */
const exponentLimit: PerFormat<number> = { f32: 2 ** 40, f64: 2 ** 70 };

/** 2^(upper + lower). */
function exp2OfDouble(k: KernelBuilder, { upper, lower }: Double): Expression {
  const c = constantsLike(k, upper);
  const { rounding, bias, type } = formatOf(upper);
  const inside = clamp(k, upper, exponentRange[type]);
  const shifted = k.add(inside, c(rounding + 2 * bias));
  const n = k.sub(shifted, c(rounding + 2 * bias));
  const r = clamp(k, k.add(k.sub(inside, n), lower), [-1, 1]);
  return timesPowerOfTwo(k, expOfReduced(k, k.mul(r, c(Math.LN2))), shifted, [inside, 1]);
}

/** |x|^y = 2^(y log2 |x|), with the sign that an odd y keeps. 1^y and x^0 are 1, of NaN too; (-1)^Infinity is NaN. */
export function lowerPow(k: KernelBuilder, x: Expression, y: Expression): Expression | null {
  if (x.type !== "f32" && x.type !== "f64") return null;
  const c = constantsLike(k, x);
  const limit = exponentLimit[formatOf(x).type];
  const magnitude = k.abs(x);
  const log = doubledLog2(k, magnitude);
  const exponent = clamp(k, y, [-limit, limit]);
  const exponentUpper = upperHalf(k, exponent);
  const small = k.fma(k.sub(exponent, exponentUpper), log.upper, k.mul(exponent, log.lower));
  const product = k.mul(exponentUpper, log.upper);
  const total = k.add(product, small);
  const power = exp2OfDouble(k, { upper: total, lower: k.sub(small, k.sub(total, product)) });
  const [isZero, isInfinite] = [k.eq(magnitude, c(0)), k.eq(magnitude, c(Infinity))];
  const grows = k.xor(k.gt(y, c(0)), isZero);
  const atEnds = k.select(k.eq(y, c(0)), c(1), k.select(grows, c(Infinity), c(0)));
  const ofMagnitude = k.select(k.or(isZero, isInfinite), atEnds, power);
  const isWhole = k.eq(y, k.trunc(y));
  const halved = k.mul(y, c(0.5));
  const isOdd = k.and(isWhole, k.ne(halved, k.trunc(halved)));
  const signed = k.select(isOdd, turnSign(k, ofMagnitude, signOf(k, x)), ofMagnitude);
  const isReal = k.or(k.ge(x, c(0)), k.or(isWhole, isInfinite));
  const value = k.select(isReal, signed, c(Number.NaN));
  const isOrdinary = k.and(k.lt(k.abs(y), c(Infinity)), k.eq(x, x));
  const isNothing = k.or(k.ne(y, y), k.or(k.ne(x, x), k.eq(x, c(-1))));
  const special = k.select(
    k.or(k.eq(y, c(0)), k.eq(x, c(1))),
    c(1),
    k.select(isNothing, c(Number.NaN), value),
  );
  return k.rarely(k.not(isOrdinary), special, value);
}

/** The cube root of m from sqrt(1/2) to sqrt(2), to 16 bits. */
const cubeRootSeries = [0.45166734, 0.90481687, -0.53562814, 0.21693599, -0.037787817];

/** The cube root: a polynomial, then one or two of Halley's steps, which treble the number of bits. */
export function lowerCbrt(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const { type, rounding, bias } = formatOf(x);
  const sign = signOf(k, x);
  const magnitude = turnSign(k, x, sign);
  const base = normal(k, magnitude);
  const { exponent, mantissa } = split(k, base.x);
  // e = 3 third + 0, 1 or 2
  const shifted = k.fma(k.sub(exponent, c(1)), c(1 / 3), c(rounding));
  const third = k.sub(shifted, c(rounding));
  const over = k.fma(third, c(-3), exponent);
  const choose = (none: number, one: number, two: number) =>
    k.select(k.eq(over, c(0)), c(none), k.select(k.eq(over, c(1)), c(one), c(two)));
  const scaled = k.mul(mantissa, choose(1, 2, 4));
  let root = k.mul(polynomial(k, mantissa, cubeRootSeries), choose(1, Math.cbrt(2), Math.cbrt(4)));
  for (let step = 0; step < (type === "f32" ? 1 : 2); step++) {
    const cube = k.mul(k.mul(root, root), root);
    const correction = k.div(k.sub(scaled, cube), k.fma(cube, c(2), scaled));
    root = k.fma(root, correction, root);
  }
  const ofScale = k.mul(base.scale, c(1 / 3));
  const value = k.mul(root, powerOfTwo(k, k.add(k.sub(third, ofScale), c(rounding + bias))));
  // Zeros, infinities and NaN are their own roots.
  const isUsual = k.and(k.gt(magnitude, c(0)), k.lt(magnitude, c(Infinity)));
  return k.select(isUsual, turnSign(k, value, sign), x);
}

/** log(e^x + e^y) in float64, since the sum cancels where it is near 0. */
export function lowerLogAddExp(k: KernelBuilder, x: Expression, y: Expression): Expression {
  const [wideX, wideY] = [k.convert(x, "f64"), k.convert(y, "f64")];
  const larger = k.max(wideX, wideY);
  const apart = k.select(k.eq(wideX, wideY), k.constant(0, "f64"), k.sub(wideX, wideY));
  return k.convert(k.add(larger, log1pOfFinite(k, lowerExp(k, k.neg(k.abs(apart))))), x.type);
}

import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { formatOf, type PerFormat, signOf, turnSign, word } from "./format.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/** Inverse trigonometric functions, for compiling backends. */

/** (asin r - r) / r^3 in r^2 for |r| <= 1/2, minimax: off asin r by 2^-32 and 2^-60. */
const arcsineSeries: PerFormat<readonly number[]> = {
  f32: [0.1666666, 0.07500514, 0.044515118, 0.03182295, 0.01438131, 0.037596576],
  f64: [
    0.16666666666666763, 0.07499999999969852, 0.04464285717553342, 0.030381942662859356, 0.022372216270315732,
    0.01735158871130622, 0.013981102660875589, 0.011396583403189393, 0.010793413345261862,
    0.0036563093142636485, 0.021830263957145272, -0.02117414951004565, 0.03273891311206424,
  ],
};

/** (atan r - r) / r^3 in r^2 for |r| <= tan(pi / 8), minimax: off atan r by 2^-30 and 2^-59. */
const arctangentSeries: PerFormat<readonly number[]> = {
  f32: [-0.33333316, 0.19998468, -0.1424342, 0.10592638, -0.060744967],
  f64: [
    -0.3333333333333319, 0.1999999999995242, -0.14285714280072656, 0.11111110776970126, -0.09090897563192821,
    0.07692056621806297, -0.066630617733922, 0.05847571753011107, -0.050378311584838666, 0.038026089513150375,
    -0.017864003003546996,
  ],
};

/** What a float lacks of pi/2; pi/4 and pi lack half and twice that. */
const halfPiError: PerFormat<number> = {
  f32: Math.PI / 2 - Math.fround(Math.PI / 2),
  f64: 6.123233995736766e-17,
};

const oddSeries = (k: KernelBuilder, r: Expression, series: PerFormat<readonly number[]>): Expression => {
  const z = k.mul(r, r);
  return k.mul(k.mul(r, z), polynomial(k, z, series));
};

interface Arcsine {
  readonly isLarge: Expression;
  /** asin |x| where |x| < 1/2. */
  readonly small: Expression;
  /** acos |x| where |x| >= 1/2, which is 2 asin sqrt((1 - |x|) / 2). */
  readonly complement: Expression;
}

function arcsine(k: KernelBuilder, magnitude: Expression): Arcsine {
  const c = constantsLike(k, magnitude);
  const isLarge = k.ge(magnitude, c(0.5));
  const root = k.sqrt(k.mul(k.sub(c(1), magnitude), c(0.5)));
  const r = k.select(isLarge, root, magnitude);
  const small = k.add(r, oddSeries(k, r, arcsineSeries));
  return { isLarge, small, complement: k.add(small, small) };
}

/** NaN beyond 1 comes from the square root. */
export function lowerAsin(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const sign = signOf(k, x);
  const { isLarge, small, complement } = arcsine(k, turnSign(k, x, sign));
  const [half, error] = [c(Math.PI / 2), c(halfPiError[formatOf(x).type])];
  return turnSign(k, k.select(isLarge, k.sub(half, k.sub(complement, error)), small), sign);
}

export function lowerAcos(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const sign = signOf(k, x);
  const { isLarge, small, complement } = arcsine(k, turnSign(k, x, sign));
  const error = halfPiError[formatOf(x).type];
  const isNegative = k.lt(x, c(0));
  // acos x is pi/2 - asin x near 0, twice the other arcsine near 1, and pi minus that near -1.
  const middle = k.sub(c(Math.PI / 2), k.sub(turnSign(k, small, sign), c(error)));
  const left = k.sub(c(Math.PI), k.sub(complement, c(2 * error)));
  return k.select(isLarge, k.select(isNegative, left, complement), middle);
}

/** atan(smaller / larger) for two magnitudes, the larger of which is not 0. */
function octant(k: KernelBuilder, smaller: Expression, larger: Expression): Expression {
  const c = constantsLike(k, smaller);
  const isMiddle = k.gt(smaller, k.mul(larger, c(Math.tan(Math.PI / 8))));
  // tan(a - pi/4) = (tan a - 1) / (tan a + 1)
  const numerator = k.select(isMiddle, k.sub(smaller, larger), smaller);
  const denominator = k.select(isMiddle, k.add(smaller, larger), larger);
  const r = k.div(numerator, denominator);
  const [base, error] = [Math.PI / 4, halfPiError[formatOf(smaller).type] / 2].map((part) =>
    k.select(isMiddle, c(part), c(0)),
  ) as [Expression, Expression];
  return k.add(base, k.add(r, k.add(oddSeries(k, r, arctangentSeries), error)));
}

/** `pi/2 - angle` where a condition holds. */
function complementWhere(k: KernelBuilder, condition: Expression, angle: Expression): Expression {
  const c = constantsLike(k, angle);
  const complement = k.sub(c(Math.PI / 2), k.sub(angle, c(halfPiError[formatOf(angle).type])));
  return k.select(condition, complement, angle);
}

export function lowerAtan(k: KernelBuilder, x: Expression): Expression {
  const one = k.constant(1, x);
  const sign = signOf(k, x);
  const magnitude = turnSign(k, x, sign);
  const isSteep = k.gt(magnitude, one);
  const angle = octant(k, k.select(isSteep, one, magnitude), k.select(isSteep, magnitude, one));
  // Beyond here the sum in the octant overflows, and the quotient is denormal or zero, but it is not added to anything.
  return turnSign(k, complementWhere(k, isSteep, angle), sign);
}

/** Magnitudes between which neither sums nor quotients leave the format; beyond them, how far both operands are moved. */
const safe: PerFormat<{ readonly low: number; readonly high: number; readonly up: number }> = {
  f32: { low: 2 ** -60, high: 2 ** 60, up: 2 ** 64 },
  f64: { low: 2 ** -500, high: 2 ** 500, up: 2 ** 512 },
};

/** The angle of the point (x, y): by the octant, then the quadrant, then the sign of y. */
export function lowerAtan2(k: KernelBuilder, y: Expression, x: Expression): Expression {
  const c = constantsLike(k, x);
  const { type } = formatOf(x);
  const { low, high, up } = safe[type];
  const sign = signOf(k, y);
  const [height, width] = [turnSign(k, y, sign), k.abs(x)];
  const isSteep = k.gt(height, width);
  const [smaller, larger] = [k.select(isSteep, width, height), k.select(isSteep, height, width)];
  const angle = (near: Expression, far: Expression, isLeft: Expression): Expression => {
    const first = complementWhere(k, isSteep, octant(k, near, far));
    const second = k.sub(c(Math.PI), k.sub(first, c(2 * halfPiError[type])));
    return turnSign(k, k.select(isLeft, second, first), sign);
  };
  const isLeft = k.lt(x, c(0));
  const isSmallerSafe = k.or(k.gt(smaller, c(low)), k.eq(smaller, c(0)));
  const isSafe = k.and(isSmallerSafe, k.and(k.gt(larger, c(low)), k.lt(larger, c(high))));
  // The quotient alone matters: infinities are as good as 1, beside which all else is 0. At the origin x may be -0.
  const [isFar, isOrigin] = [k.eq(larger, c(Infinity)), k.eq(larger, c(0))];
  const scale = k.select(k.lt(larger, c(low)), c(up), k.select(k.gt(larger, c(high)), c(2 ** -4), c(1)));
  const far = k.select(k.or(isFar, isOrigin), c(1), k.mul(larger, scale));
  const besideFar = k.select(k.eq(smaller, larger), c(1), k.mul(smaller, c(0)));
  const near = k.select(isFar, besideFar, k.mul(smaller, scale));
  const isBehind = k.and(isOrigin, k.ne(signOf(k, x), word(k, x, 0)));
  return k.rarely(k.not(isSafe), angle(near, far, k.or(isLeft, isBehind)), angle(smaller, larger, isLeft));
}

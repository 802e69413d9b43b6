import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { bitsOf, formatOf, type PerFormat, turnSign, word } from "./format.ts";
import { reduceLargeAngle } from "./large-angles.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/**
 * Sine, cosine and tangent, for compiling backends: x = n pi/2 + r with |r| <= pi/4 (Cody and Waite, "Software manual
 * for the elementary functions", 1980), polynomials on r, and the quadrant by the low bits of n.
 */

/**
 * pi/2 in parts. The product of n with each but the last is exact, and together they are so precise that the multiple
 * of pi/2 that is nearest to a float below the limit is told from it.
 */
const halfPiParts: PerFormat<readonly number[]> = {
  f32: [
    1.5703125, 0.00048351287841796875, 3.1385570764541626e-7, 6.070877134334296e-11, 6.223372171896613e-14,
  ],
  f64: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32],
};

/** From here on n has more bits than the parts leave room for, and the argument is reduced by the bits of 2 / pi. */
const limit: PerFormat<number> = { f32: 25_000, f64: 1_600_000 };

/** (sin r - r) / r^3 in r^2, minimax: off sin r by 2^-28 and 2^-58. */
const sineSeries: PerFormat<readonly number[]> = {
  f32: [-0.16666655, 0.00833216, -0.00019514783],
  f64: [
    -0.1666666666666663, 0.008333333333321992, -0.00019841269829454846, 2.7557313564674296e-6,
    -2.5050737503210885e-8, 1.5895563887950115e-10,
  ],
};

/** (cos r - 1 + r^2 / 2) / r^4 in r^2, minimax: off by 2^-33 and 2^-64. */
const cosineSeries: PerFormat<readonly number[]> = {
  f32: [0.041666646, -0.0013887344, 2.4435642e-5],
  f64: [
    0.041666666666666595, -0.0013888888888873552, 2.4801587289109483e-5, -2.755731424030931e-7,
    2.08757074976341e-9, -1.135880453259019e-11,
  ],
};

/** n in its low bits, and what is left of an angle. */
interface Reduced {
  readonly quadrant: Expression;
  readonly r: Expression;
  readonly low: Expression;
}

function reduce(k: KernelBuilder, x: Expression): Reduced {
  const c = constantsLike(k, x);
  const { rounding, type } = formatOf(x);
  const parts = halfPiParts[type];
  const shifted = k.fma(x, c(2 / Math.PI), c(rounding));
  const n = k.sub(shifted, c(rounding));
  // All differences are exact up to this one, whose rounding error joins what the last parts take away: r + low.
  const exact = parts.slice(0, -3).reduce((rest, part) => k.fma(n, c(-part), rest), x);
  const [third, second, first] = parts.slice(-3) as [number, number, number];
  const product = k.mul(n, c(third));
  const difference = k.sub(exact, product);
  const lost = k.sub(k.sub(exact, difference), product);
  const correction = k.fma(n, c(-first), k.fma(n, c(-second), lost));
  const r = k.add(difference, correction);
  const low = k.add(k.sub(difference, r), correction);
  return { quadrant: bitsOf(k, shifted), r, low };
}

function sineOfReduced(k: KernelBuilder, r: Expression, low: Expression): Expression {
  const z = k.mul(r, r);
  return k.add(r, k.fma(k.mul(r, z), polynomial(k, z, sineSeries), low));
}

function cosineOfReduced(k: KernelBuilder, r: Expression, low: Expression): Expression {
  const one = k.constant(1, r);
  const z = k.mul(r, r);
  const half = k.mul(z, k.constant(0.5, r));
  const upper = k.sub(one, half);
  const lost = k.sub(k.sub(one, upper), half);
  const rest = k.sub(k.mul(k.mul(z, z), polynomial(k, z, cosineSeries)), k.mul(r, low));
  return k.add(upper, k.add(lost, rest));
}

/** Whether n is odd. */
const isOdd = (k: KernelBuilder, x: Expression, quadrant: Expression): Expression =>
  k.ne(k.and(quadrant, word(k, x, 1)), word(k, x, 0));

/** A sign bit where the second bit of n is set. */
const secondBit = (k: KernelBuilder, x: Expression, quadrant: Expression): Expression =>
  k.shl(k.and(quadrant, word(k, x, 2)), word(k, x, x.type === "f32" ? 30 : 62));

/** A function of a reduced angle. */
type OfReduced = (k: KernelBuilder, x: Expression, angle: Reduced) => Expression;

const sineOf: OfReduced = (k, x, { quadrant, r, low }) => {
  const [sine, cosine] = [sineOfReduced(k, r, low), cosineOfReduced(k, r, low)];
  return turnSign(k, k.select(isOdd(k, x, quadrant), cosine, sine), secondBit(k, x, quadrant));
};

const cosineOf: OfReduced = (k, x, { quadrant, r, low }) => {
  const [sine, cosine] = [sineOfReduced(k, r, low), cosineOfReduced(k, r, low)];
  const sign = secondBit(k, x, k.add(quadrant, word(k, x, 1)));
  return turnSign(k, k.select(isOdd(k, x, quadrant), sine, cosine), sign);
};

/** tan x is sin r / cos r, and -cos r / sin r in odd quadrants. */
const tangentOf: OfReduced = (k, x, { quadrant, r, low }) => {
  const [sine, cosine] = [sineOfReduced(k, r, low), cosineOfReduced(k, r, low)];
  const odd = isOdd(k, x, quadrant);
  return k.div(k.select(odd, k.neg(cosine), sine), k.select(odd, sine, cosine));
};

/** A function on arguments that the parts can reduce; beyond, by more bits of pi in float32 and by the host in float64. */
function lowerPeriodic(
  k: KernelBuilder,
  x: Expression,
  f: OfReduced,
  ofUsual: (value: Expression) => Expression,
  name: string,
  host: (x: number) => number,
): Expression {
  const magnitude = k.abs(x);
  const usual = ofUsual(f(k, x, reduce(k, x)));
  const isUsual = k.lt(magnitude, k.constant(limit[formatOf(x).type], x));
  if (x.type !== "f32") return k.rarely(k.not(isUsual), k.call(name, host as never, x.type, [x]), usual);
  const isFinite = k.lt(magnitude, k.constant(Infinity, x));
  const large = k.select(isFinite, f(k, x, reduceLargeAngle(k, x)), k.constant(Number.NaN, x));
  return k.rarely(k.not(isUsual), large, usual);
}

const unlessTiny = (k: KernelBuilder, x: Expression, value: Expression): Expression =>
  k.select(k.lt(k.abs(x), k.constant(formatOf(x).tiny, x)), x, value);

export const lowerSin = (k: KernelBuilder, x: Expression): Expression =>
  lowerPeriodic(k, x, sineOf, (value) => unlessTiny(k, x, value), "sin", Math.sin);

export const lowerCos = (k: KernelBuilder, x: Expression): Expression =>
  lowerPeriodic(k, x, cosineOf, (value) => value, "cos", Math.cos);

export const lowerTan = (k: KernelBuilder, x: Expression): Expression =>
  lowerPeriodic(k, x, tangentOf, (value) => unlessTiny(k, x, value), "tan", Math.tan);

/** sin(pi x) / (pi x), in float64 also for float32: near the zeros it is the rounding of pi x that counts. */
export function lowerSinc(k: KernelBuilder, x: Expression): Expression {
  const wide = k.convert(x, "f64");
  const angle = k.mul(wide, k.constant(Math.PI, "f64"));
  const value = k.div(lowerSin(k, angle), angle);
  return k.convert(k.select(k.eq(wide, k.constant(0, "f64")), k.constant(1, "f64"), value), x.type);
}

import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { upperHalf } from "./format.ts";

/**
 * Angles of any size, in float32: x = m 2^e with m an integer of 24 bits, so that x 2 / pi modulo 4 needs only the 96 bits of
 * 2 / pi that m shifts to below 4 (Payne and Hanek, "Radian reduction for trigonometric functions", 1983).
 */

/** The bits of 2 / pi behind the point, after a word of zeros, for exponents that reach before them. */
const twoOverPi: readonly number[] = [
  0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
];

/** What is left of an angle after its multiple of pi / 2. */
export interface ReducedAngle {
  /** That multiple in its low bits, as an i32. */
  readonly quadrant: Expression;
  /** From -pi / 4 to pi / 4, as a sum of two floats. */
  readonly r: Expression;
  readonly low: Expression;
}

interface Wide {
  readonly high: Expression;
  readonly low: Expression;
}

/** The 64 bits of a product of u32, by halves. */
function wideProduct(k: KernelBuilder, x: Expression, y: Expression): Wide {
  const c = (value: number) => k.constant(value, "u32");
  const [mask, half] = [c(0xffff), c(16)];
  const [x0, x1, y0, y1] = [k.and(x, mask), k.shr(x, half), k.and(y, mask), k.shr(y, half)];
  const lowest = k.mul(x0, y0);
  const first = k.add(k.mul(x1, y0), k.shr(lowest, half));
  const second = k.add(k.mul(x0, y1), k.and(first, mask));
  const high = k.add(k.add(k.mul(x1, y1), k.shr(first, half)), k.shr(second, half));
  return { high, low: k.mul(x, y) };
}

const carry = (k: KernelBuilder, sum: Expression, term: Expression): Expression =>
  k.convert(k.lt(sum, term), "u32");

/** Reduces a finite float32 of at least 1. NaN and infinities leave anything. */
export function reduceLargeAngle(k: KernelBuilder, x: Expression): ReducedAngle {
  const c = (value: number) => k.constant(value, "u32");
  const bits = k.bits(x, "u32");
  const m = k.or(k.and(bits, c(2 ** 23 - 1)), c(2 ** 23));
  // x = m 2^(field - 150); the window begins two bits before the product's point, and the table 32 before that of 2 / pi.
  const start = k.sub(k.and(k.shr(bits, c(23)), c(255)), c(150 + 2 - 32));
  const [word, places] = [k.shr(start, c(5)), k.and(start, c(31))];
  const tableAt = (first: number): Expression =>
    [3, 2, 1, 0].reduce<Expression>(
      (rest, i) => k.select(k.eq(word, c(i)), c(twoOverPi[i + first] ?? 0), rest),
      c(twoOverPi[4 + first] ?? 0),
    );
  const [t0, t1, t2, t3] = [0, 1, 2, 3].map(tableAt) as [Expression, Expression, Expression, Expression];
  // A shift by 32 is one by 0, so that it is made in two steps.
  const windowOf = (upper: Expression, lower: Expression) =>
    k.or(k.shl(upper, places), k.shr(k.shr(lower, c(1)), k.sub(c(31), places)));
  const [w2, w1, w0] = [windowOf(t0, t1), windowOf(t1, t2), windowOf(t2, t3)];
  const [lowest, middle] = [wideProduct(k, m, w0), wideProduct(k, m, w1)];
  const p1 = k.add(middle.low, lowest.high);
  const p2 = k.add(k.add(k.mul(m, w2), middle.high), carry(k, p1, lowest.high));
  const fraction: Wide = {
    high: k.or(k.shl(p2, c(2)), k.shr(p1, c(30))),
    low: k.or(k.shl(p1, c(2)), k.shr(lowest.low, c(30))),
  };
  const isUpper = k.ge(fraction.high, c(2 ** 31));
  const whole = k.add(k.shr(p2, c(30)), k.convert(isUpper, "u32"));
  // The nearest multiple: from one half up, what is missing to the next.
  const negated: Wide = {
    low: k.sub(c(0), fraction.low),
    high: k.sub(k.not(fraction.high), c(0)),
  };
  const isCarried = k.eq(fraction.low, c(0));
  const high = k.select(isUpper, k.add(negated.high, k.convert(isCarried, "u32")), fraction.high);
  const low = k.select(isUpper, negated.low, fraction.low);
  const { r, rest } = timesHalfPi(k, { high, low });
  const isNegative = k.xor(isUpper, k.lt(x, k.constant(0, "f32")));
  const signed = (value: Expression) => k.select(isNegative, k.neg(value), value);
  const quadrant = k.bits(k.select(k.lt(x, k.constant(0, "f32")), k.sub(c(0), whole), whole), "i32");
  return { quadrant, r: signed(r), low: signed(rest) };
}

/** A fraction of 64 bits times pi / 2, as a sum of two floats. */
function timesHalfPi(k: KernelBuilder, { high, low }: Wide): { r: Expression; rest: Expression } {
  const c = (value: number) => k.constant(value, "u32");
  const f = (value: number) => k.constant(value, "f32");
  const float = (x: Expression) => k.convert(x, "f32");
  // 24 bits each, so that conversions are exact; zeros in front cost bits of the sum only where they stand.
  const upper = k.mul(float(k.shr(high, c(8))), f(2 ** -24));
  const middle = k.mul(float(k.or(k.shl(k.and(high, c(255)), c(16)), k.shr(low, c(16)))), f(2 ** -48));
  const lower = k.mul(float(k.and(low, c(0xffff))), f(2 ** -64));
  const tail = k.add(middle, lower);
  const y = k.add(upper, tail);
  const yLow = k.sub(tail, k.sub(y, upper));
  const halfPi = Math.fround(Math.PI / 2);
  const [bUpper, bLower] = [1.5703125, halfPi - 1.5703125].map(f) as [Expression, Expression];
  const product = k.mul(y, f(halfPi));
  const yUpper = upperHalf(k, y);
  const yLower = k.sub(y, yUpper);
  const error = k.add(
    k.add(k.add(k.sub(k.mul(yUpper, bUpper), product), k.mul(yUpper, bLower)), k.mul(yLower, bUpper)),
    k.mul(yLower, bLower),
  );
  const rest = k.add(error, k.add(k.mul(y, f(Math.PI / 2 - halfPi)), k.mul(yLow, f(halfPi))));
  const r = k.add(product, rest);
  return { r, rest: k.sub(rest, k.sub(r, product)) };
}

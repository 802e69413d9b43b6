import type { Expression, ScalarFunction } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { formatOf, type PerFormat, upperHalf } from "./format.ts";

/** The sign of x as -1, 0 or 1; a zero and NaN are kept as they are. */
export function lowerSign(k: KernelBuilder, x: Expression): Expression {
  const c = (value: number) => k.constant(value, x);
  const positive = k.gt(x, c(0));
  if (x.type === "u32") return k.select(positive, c(1), c(0));
  return k.select(positive, c(1), k.select(k.lt(x, c(0)), c(-1), x));
}

/** Rounding is the identity on integers. */
export const onFloats =
  (instruction: "floor" | "ceil" | "trunc" | "nearest") =>
  (k: KernelBuilder, x: Expression): Expression =>
    x.type === "f32" || x.type === "f64" ? k[instruction](x) : x;

/** `floor(x / y)` of integers, 0 where y is 0: exact in float64, and wrapped as a conversion is. */
export function floorDivideIntegers(k: KernelBuilder, x: Expression, y: Expression): Expression {
  const quotient = k.floor(k.div(k.convert(x, "f64"), k.convert(y, "f64")));
  return k.select(k.eq(y, k.constant(0, y)), k.constant(0, x), k.convert(quotient, x.type));
}

/** Where products of the halves of a number neither overflow nor lose bits below. */
const safe: PerFormat<readonly [low: number, high: number]> = {
  f32: [2 ** -60, 2 ** 60],
  f64: [2 ** -500, 2 ** 500],
};

/** Quotients below this leave a remainder that a product of halves gives exactly. */
const largestQuotient: PerFormat<number> = { f32: 2 ** 22, f64: 2 ** 51 };

/** `x - q y` for an integer q near x / y, exact: the product is taken in halves (Dekker 1971). */
function remainderAfter(k: KernelBuilder, x: Expression, q: Expression, y: Expression): Expression {
  const product = k.mul(q, y);
  const [qUpper, yUpper] = [upperHalf(k, q), upperHalf(k, y)];
  const [qLower, yLower] = [k.sub(q, qUpper), k.sub(y, yUpper)];
  const first = k.sub(k.mul(qUpper, yUpper), product);
  const middle = k.add(k.add(first, k.mul(qUpper, yLower)), k.mul(qLower, yUpper));
  return k.sub(k.sub(x, product), k.add(middle, k.mul(qLower, yLower)));
}

/** Whether the remainder of x / y comes out exactly. */
function isExact(k: KernelBuilder, quotient: Expression, y: Expression): Expression {
  const { type } = formatOf(y);
  const [low, high] = safe[type];
  const magnitude = k.abs(y);
  const isSafe = k.and(k.gt(magnitude, k.constant(low, y)), k.lt(magnitude, k.constant(high, y)));
  return k.and(isSafe, k.lt(k.abs(quotient), k.constant(largestQuotient[type], y)));
}

const differInSign = (k: KernelBuilder, x: Expression, y: Expression): Expression => {
  const zero = k.constant(0, x);
  return k.xor(k.lt(x, zero), k.lt(y, zero));
};

/** The largest integer not above the exact quotient: one less than that of a quotient that was rounded up to it. */
export const lowerFloorDivide =
  (host: ScalarFunction) =>
  (k: KernelBuilder, x: Expression, y: Expression): Expression => {
    if (x.type !== "f32" && x.type !== "f64") return floorDivideIntegers(k, x, y);
    const quotient = k.div(x, y);
    const floor = k.floor(quotient);
    // In float64 the definition is the floor of the rounded quotient.
    if (x.type === "f64") return floor;
    const zero = k.constant(0, x);
    const remainder = remainderAfter(k, x, floor, y);
    // False of a NaN, which the remainder is where the quotient is exact without it.
    const isTooLarge = k.select(k.lt(y, zero), k.gt(remainder, zero), k.lt(remainder, zero));
    const value = k.sub(floor, k.select(isTooLarge, k.constant(1, x), zero));
    // A zero keeps its sign, which the subtraction of 0 does not change.
    return k.rarely(k.not(isExact(k, quotient, y)), k.call("floorDivide", host, x.type, [x, y]), value);
  };

/** The remainder with the sign of the divisor. */
export const lowerMod =
  (host: ScalarFunction) =>
  (k: KernelBuilder, x: Expression, y: Expression): Expression => {
    if (x.type !== "f32" && x.type !== "f64") {
      const remainder = k.sub(x, k.mul(y, floorDivideIntegers(k, x, y)));
      return k.select(k.eq(y, k.constant(0, y)), k.constant(0, x), remainder);
    }
    const zero = k.constant(0, x);
    const quotient = k.div(x, y);
    const rest = remainderAfter(k, x, k.trunc(quotient), y);
    const where = (condition: Expression, value: Expression) => k.select(condition, value, zero);
    // The quotient may have been rounded up to the next integer, which leaves a remainder of the other sign.
    const isNegative = k.and(k.ne(rest, zero), differInSign(k, rest, x));
    const towardsX = k.select(k.lt(x, zero), k.neg(k.abs(y)), k.abs(y));
    const truncated = k.add(rest, where(isNegative, towardsX));
    const isOther = k.and(k.ne(truncated, zero), differInSign(k, truncated, y));
    // A zero has the sign of x.
    const value = k.select(k.eq(truncated, zero), k.mul(x, zero), k.add(truncated, where(isOther, y)));
    return k.rarely(k.not(isExact(k, quotient, y)), k.call("mod", host, x.type, [x, y]), value);
  };

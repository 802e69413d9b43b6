import { integers, reals } from "../define/definition.ts";
import { binary, unary } from "../define/elementwise.ts";
import type { Binary, Unary } from "../define/signatures.ts";
import {
  idempotent,
  involution,
  isOne,
  isZeroOfAddition,
  isZeroOfSubtraction,
  neutral,
  neutralOnTheRight,
  ofTwins,
} from "../define/simplifications.ts";
import { lowerFloorDivide, lowerMod, lowerSign, onFloats } from "../lower/arithmetic.ts";
import type { ScalarFunction } from "../operation.ts";
import type { Tensor } from "../tensor.ts";

/** 1 where x > y, 1/2 where they are equal, 0 where x < y. */
const shareOfLarger = (x: Tensor, y: Tensor): Tensor =>
  x.gt(y).astype(x.dtype).add(x.ge(y).astype(x.dtype)).div(2);

function floorOfQuotient(x: number, y: number): number {
  return Math.floor(x / y);
}

function floorMod(x: number, y: number): number {
  const remainder = x % y;
  return remainder !== 0 && remainder < 0 !== y < 0 ? remainder + y : remainder;
}

/** Sum, elementwise with broadcasting. Integers wrap modulo 2^32. */
export const add: Binary = binary("add", {
  eval: (x, y) => x + y,
  lower: (k, x, y) => k.add(x, y),
  simplify: neutral(isZeroOfAddition),
  accepts: "number",
  jvp: [(_x, _y, dx) => dx, (_x, _y, dy) => dy],
  transpose: [(_x, _y, ct) => ct, (_x, _y, ct) => ct],
  domain: [reals(-2, 2), reals(-2, 2)],
  ulp: 0.5,
});

/** Difference, elementwise with broadcasting. */
export const sub: Binary = binary("sub", {
  eval: (x, y) => x - y,
  lower: (k, x, y) => k.sub(x, y),
  simplify: neutralOnTheRight(isZeroOfSubtraction),
  accepts: "number",
  jvp: [(_x, _y, dx) => dx, (_x, _y, dy) => dy.neg()],
  transpose: [(_x, _y, ct) => ct, (_x, _y, ct) => ct.neg()],
  domain: [reals(-2, 2), reals(-2, 2)],
  ulp: 0.5,
});

/** Product, elementwise with broadcasting. */
export const mul: Binary = binary("mul", {
  eval: (x, y) => x * y,
  evalInteger: Math.imul,
  lower: (k, x, y) => k.mul(x, y),
  simplify: neutral(isOne),
  accepts: "number",
  jvp: [(_x, y, dx) => dx.mul(y), (x, _y, dy) => dy.mul(x)],
  transpose: [(_x, y, ct) => ct.mul(y), (x, _y, ct) => ct.mul(x)],
  domain: [reals(-2, 2), reals(-2, 2)],
  ulp: 0.5,
});

/** Quotient, elementwise with broadcasting. Integers are divided as float32; see {@link floorDivide}. */
export const div: Binary = binary("div", {
  eval: (x, y) => x / y,
  lower: (k, x, y) => k.div(x, y),
  simplify: neutralOnTheRight(isOne),
  accepts: "float",
  jvp: [(_x, y, dx) => dx.div(y), (_x, y, dy, z) => dy.mul(z.div(y).neg())],
  transpose: [(_x, y, ct) => ct.div(y), null],
  domain: [reals(-2, 2), reals(-3, 3, [-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4])],
  ulp: 0.5,
});

/** The largest integer not above the quotient. Division of an integer by zero gives 0. */
export const floorDivide: Binary = binary("floorDivide", {
  eval: floorOfQuotient,
  lower: lowerFloorDivide(floorOfQuotient as ScalarFunction),
  evalInteger: (x, y) => (y === 0 ? 0 : Math.floor(x / y)),
  accepts: "number",
  jvp: [null, null],
  domain: [integers(-9, 9), integers(1, 5)],
  ulp: 0.5,
});

/** The remainder with the sign of the divisor, as in Python: `x - y * floor(x / y)`. */
export const mod: Binary = binary("mod", {
  eval: floorMod,
  lower: lowerMod(floorMod as ScalarFunction),
  evalInteger: (x, y) => (y === 0 ? 0 : x - y * Math.floor(x / y)),
  accepts: "number",
  jvp: [(_x, _y, dx) => dx, (x, y, dy) => dy.mul(x.div(y).floor().neg())],
  domain: [reals(0.6, 0.9), reals(1, 2)],
  ulp: 1,
});

/** The value with the opposite sign. */
export const neg: Unary = unary("neg", {
  eval: (x) => -x,
  lower: (k, x) => k.neg(x),
  simplify: involution,
  accepts: "number",
  jvp: (_x, dx) => dx.neg(),
  transpose: (_x, ct) => ct.neg(),
  domain: reals(-2, 2),
  ulp: 0,
});

/** The magnitude; its derivative at 0 is 0. */
export const abs: Unary = unary("abs", {
  eval: Math.abs,
  lower: (k, x) => k.abs(x),
  simplify: idempotent,
  accepts: "number",
  jvp: (x, dx) => dx.mul(x.sign()),
  domain: reals(-2, 2, [0]),
  ulp: 0,
});

/** -1, 0 or 1; NaN for NaN. */
export const sign: Unary = unary("sign", {
  eval: Math.sign,
  lower: lowerSign,
  simplify: idempotent,
  accepts: "number",
  jvp: "zero",
  domain: reals(-2, 2, [0]),
  ulp: 0,
});

/** `x * x`. */
export const square: Unary = unary("square", {
  eval: (x) => x * x,
  evalInteger: (x) => Math.imul(x, x),
  lower: (k, x) => k.mul(x, x),
  accepts: "number",
  jvp: (x, dx) => dx.mul(x.mul(2)),
  domain: reals(-2, 2),
  ulp: 0.5,
});

/** `1 / x`. */
export const reciprocal: Unary = unary("reciprocal", {
  eval: (x) => 1 / x,
  lower: (k, x) => k.div(k.constant(1, x), x),
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y.square().neg()),
  domain: reals(0.5, 3),
  ulp: 0.5,
});

/** The larger of two values; NaN where either is NaN. Equal operands share the derivative, half each. */
export const maximum: Binary = binary("maximum", {
  eval: Math.max,
  lower: (k, x, y) => k.max(x, y),
  simplify: ofTwins,
  accepts: "number",
  jvp: [(x, y, dx) => dx.mul(shareOfLarger(x, y)), (x, y, dy) => dy.mul(shareOfLarger(y, x))],
  domain: [reals(-2, 0), reals(0.1, 2)],
  ulp: 0,
});

/** The smaller of two values; NaN where either is NaN. Equal operands share the derivative, half each. */
export const minimum: Binary = binary("minimum", {
  eval: Math.min,
  lower: (k, x, y) => k.min(x, y),
  simplify: ofTwins,
  accepts: "number",
  jvp: [(x, y, dx) => dx.mul(shareOfLarger(y, x)), (x, y, dy) => dy.mul(shareOfLarger(x, y))],
  domain: [reals(-2, 0), reals(0.1, 2)],
  ulp: 0,
});

/** The greatest integer not above x. */
export const floor: Unary = unary("floor", {
  eval: Math.floor,
  lower: onFloats("floor"),
  simplify: idempotent,
  accepts: "number",
  jvp: "zero",
  domain: reals(-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
  ulp: 0,
});

/** The least integer not below x. */
export const ceil: Unary = unary("ceil", {
  eval: Math.ceil,
  lower: onFloats("ceil"),
  simplify: idempotent,
  accepts: "number",
  jvp: "zero",
  domain: reals(-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
  ulp: 0,
});

/** The integer part, towards zero. */
export const trunc: Unary = unary("trunc", {
  eval: Math.trunc,
  lower: onFloats("trunc"),
  simplify: idempotent,
  accepts: "number",
  jvp: "zero",
  domain: reals(-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
  ulp: 0,
});

/** The nearest integer; halves go to the even one, as in IEEE 754 and NumPy. */
export const round: Unary = unary("round", {
  eval: (x) => {
    const nearest = Math.round(x);
    if (nearest - x !== 0.5) return nearest;
    return nearest % 2 === 0 ? nearest : nearest - 1;
  },
  lower: onFloats("nearest"),
  simplify: idempotent,
  accepts: "number",
  jvp: "zero",
  domain: reals(-3, 3, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
  ulp: 0,
});

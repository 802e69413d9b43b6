import { reals } from "../define/definition.ts";
import { binary, unary } from "../define/elementwise.ts";
import type { Binary, Unary } from "../define/signatures.ts";
import { lowerExp, lowerExpm1, lowerSigmoid } from "../lower/exponential.ts";
import { lowerLog, lowerLog1p, lowerLog2, lowerLogSigmoid, lowerSoftplus } from "../lower/logarithm.ts";
import { lowerCbrt, lowerLogAddExp, lowerPow } from "../lower/power.ts";

/** e to the power x. */
export const exp: Unary = unary("exp", {
  eval: Math.exp,
  lower: (k, x) => lowerExp(k, x),
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y),
  domain: reals(-3, 3),
  ulp: 1,
});

/** `exp(x) - 1`, accurate near 0. */
export const expm1: Unary = unary("expm1", {
  eval: Math.expm1,
  lower: lowerExpm1,
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y.add(1)),
  domain: reals(-3, 3),
  ulp: 2,
});

/** The natural logarithm; NaN for negative numbers. */
export const log: Unary = unary("log", {
  eval: Math.log,
  lower: lowerLog,
  accepts: "float",
  jvp: (x, dx) => dx.div(x),
  domain: reals(0.2, 4),
  ulp: 1,
});

/** `log(1 + x)`, accurate near 0. */
export const log1p: Unary = unary("log1p", {
  eval: Math.log1p,
  lower: lowerLog1p,
  accepts: "float",
  jvp: (x, dx) => dx.div(x.add(1)),
  domain: reals(-0.7, 3),
  ulp: 2,
});

/** The logarithm to base 2. */
export const log2: Unary = unary("log2", {
  eval: Math.log2,
  lower: lowerLog2,
  accepts: "float",
  jvp: (x, dx) => dx.div(x.mul(Math.LN2)),
  domain: reals(0.2, 4),
  ulp: 1,
});

/** The square root; NaN for negative numbers. */
export const sqrt: Unary = unary("sqrt", {
  eval: Math.sqrt,
  lower: (k, x) => k.sqrt(x),
  accepts: "float",
  jvp: (_x, dx, y) => dx.div(y.mul(2)),
  domain: reals(0.2, 4),
  ulp: 0.5,
});

/** `1 / sqrt(x)`. */
export const rsqrt: Unary = unary("rsqrt", {
  eval: (x) => 1 / Math.sqrt(x),
  lower: (k, x) => k.div(k.constant(1, x), k.sqrt(x)),
  accepts: "float",
  jvp: (x, dx, y) => dx.mul(y.div(x).mul(-0.5)),
  domain: reals(0.3, 4),
  ulp: 1,
});

/** The cube root, real for negative numbers too. */
export const cbrt: Unary = unary("cbrt", {
  eval: Math.cbrt,
  lower: lowerCbrt,
  accepts: "float",
  jvp: (_x, dx, y) => dx.div(y.square().mul(3)),
  domain: reals(0.3, 4),
  ulp: 1,
});

/**
 * x to the power y. NaN for a negative x with a fractional y. The derivative with respect to y at x = 0 is 0, so that
 * a constant exponent never makes a NaN. Integers wrap modulo 2^32 and need y >= 0.
 */
export const pow: Binary = binary("pow", {
  eval: power,
  lower: lowerPow,
  evalInteger: (x, y) => integerPower(x, y),
  accepts: "number",
  jvp: [
    (x, y, dx) => dx.mul(y.mul(x.pow(y.eq(0).where(1, y.sub(1))))),
    (x, _y, dy, z) => dy.mul(z.mul(x.eq(0).where(1, x).log())),
  ],
  domain: [reals(0.3, 2), reals(-2, 2)],
  ulp: 2,
});

function power(x: number, y: number): number {
  return x === 1 ? 1 : x ** y;
}

function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = Math.imul(result, square);
    square = Math.imul(square, square);
  }
  return exponent < 0 ? (Math.abs(base) === 1 ? base ** exponent : 0) : result;
}

/** `log(exp(x) + exp(y))` without overflow. Where both are negative its error is that of the larger operand. */
export const logAddExp: Binary = binary("logAddExp", {
  eval: (x, y) => {
    const larger = Math.max(x, y);
    return Number.isFinite(larger)
      ? larger + Math.log1p(Math.exp(-Math.abs(x - y)))
      : larger === Infinity
        ? larger
        : x + y;
  },
  lower: lowerLogAddExp,
  accepts: "float",
  jvp: [(x, y, dx) => dx.mul(x.sub(y).sigmoid()), (x, y, dy) => dy.mul(y.sub(x).sigmoid())],
  domain: [reals(0, 3), reals(-3, 3)],
  ulp: 2,
  cancels: true,
});

/** The logistic function `1 / (1 + exp(-x))`. */
export const sigmoid: Unary = unary("sigmoid", {
  eval: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  lower: lowerSigmoid,
  accepts: "float",
  jvp: (x, dx, y) => dx.mul(y.mul(x.neg().sigmoid())),
  domain: reals(-4, 4),
  ulp: 2,
});

/** `log(1 + exp(x))` without overflow. */
export const softplus: Unary = unary("softplus", {
  eval: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  lower: lowerSoftplus,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.sigmoid()),
  domain: reals(-4, 4),
  ulp: 2,
});

/** `log(sigmoid(x))` without overflow. */
export const logSigmoid: Unary = unary("logSigmoid", {
  eval: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  lower: lowerLogSigmoid,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.neg().sigmoid()),
  domain: reals(-4, 4),
  ulp: 2,
});

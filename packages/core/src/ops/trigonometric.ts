import { define, reals } from "../define/definition.ts";
import {
  accepted,
  binary,
  derivativesPrimitive,
  elementwiseDefinition,
  type Order,
  unary,
} from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { Binary, Unary } from "../define/signatures.ts";
import { lowerAcosh, lowerAsinh, lowerAtanh, lowerCosh, lowerSinh, lowerTanh } from "../lower/hyperbolic.ts";
import { lowerAcos, lowerAsin, lowerAtan, lowerAtan2 } from "../lower/inverse-trigonometric.ts";
import { lowerCos, lowerSin, lowerSinc, lowerTan } from "../lower/trigonometric.ts";
import type { ScalarFunction } from "../operation.ts";
import type { Tensor } from "../tensor.ts";

/** The sine of an angle in radians. */
export const sin: Unary = unary("sin", {
  eval: Math.sin,
  lower: lowerSin,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.cos()),
  domain: reals(-4, 4),
  ulp: 1,
});

/** The cosine of an angle in radians. */
export const cos: Unary = unary("cos", {
  eval: Math.cos,
  lower: lowerCos,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.sin().neg()),
  domain: reals(-4, 4),
  ulp: 1,
});

/** The tangent of an angle in radians. */
export const tan: Unary = unary("tan", {
  eval: Math.tan,
  lower: lowerTan,
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y.square().add(1)),
  domain: reals(-1.2, 1.2),
  ulp: 3,
});

/** The angle in [-pi/2, pi/2] whose sine is x. */
export const asin: Unary = unary("asin", {
  eval: Math.asin,
  lower: lowerAsin,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().neg().add(1).rsqrt()),
  domain: reals(-0.9, 0.9),
  ulp: 3,
});

/** The angle in [0, pi] whose cosine is x. */
export const acos: Unary = unary("acos", {
  eval: Math.acos,
  lower: lowerAcos,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().neg().add(1).rsqrt().neg()),
  domain: reals(-0.9, 0.9),
  ulp: 2,
});

/** The angle in [-pi/2, pi/2] whose tangent is x. */
export const atan: Unary = unary("atan", {
  eval: Math.atan,
  lower: lowerAtan,
  accepts: "float",
  jvp: (x, dx) => dx.div(x.square().add(1)),
  domain: reals(-3, 3),
  ulp: 2,
});

/** The angle in (-pi, pi] of the point (x, y); the operand y comes first, as everywhere. */
export const atan2: Binary = binary("atan2", {
  eval: Math.atan2,
  lower: lowerAtan2,
  accepts: "float",
  jvp: [
    (y, x, dy) => dy.mul(x.div(x.square().add(y.square()))),
    (y, x, dx) => dx.mul(y.neg().div(x.square().add(y.square()))),
  ],
  domain: [reals(0.3, 2), reals(0.3, 2)],
  ulp: 3,
});

/** The hyperbolic sine. */
export const sinh: Unary = unary("sinh", {
  eval: Math.sinh,
  lower: lowerSinh,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.cosh()),
  domain: reals(-3, 3),
  ulp: 3,
});

/** The hyperbolic cosine. */
export const cosh: Unary = unary("cosh", {
  eval: Math.cosh,
  lower: lowerCosh,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.sinh()),
  domain: reals(-3, 3),
  ulp: 2,
});

/** The hyperbolic tangent. */
export const tanh: Unary = unary("tanh", {
  eval: Math.tanh,
  lower: lowerTanh,
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y.square().neg().add(1)),
  domain: reals(-3, 3),
  ulp: 2,
});

/** The inverse of {@link sinh}. */
export const asinh: Unary = unary("asinh", {
  eval: Math.asinh,
  lower: lowerAsinh,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().add(1).rsqrt()),
  domain: reals(-3, 3),
  ulp: 2,
});

/** The inverse of {@link cosh} for x >= 1. */
export const acosh: Unary = unary("acosh", {
  eval: Math.acosh,
  lower: lowerAcosh,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().sub(1).rsqrt()),
  domain: reals(1.3, 4),
  ulp: 3,
});

/** The inverse of {@link tanh} for |x| < 1. */
export const atanh: Unary = unary("atanh", {
  eval: Math.atanh,
  lower: lowerAtanh,
  accepts: "float",
  jvp: (x, dx) => dx.div(x.square().neg().add(1)),
  domain: reals(-0.8, 0.8),
  ulp: 2,
});

/**
 * The derivative of order k of sinc. Near 0 the series sum (-1)^n pi^(2n) x^(2n-k) / ((2n+1) (2n-k)!); elsewhere the
 * recurrence x f^(k) = (sin(pi x) / pi)^(k) - k f^(k-1), which is stable once |pi x| exceeds k.
 */
function sincDerivative(order: number): ScalarFunction {
  return (x = 0) => {
    const angle = Math.PI * x;
    if (Math.abs(angle) > order + 1) {
      let value = Math.sin(angle) / angle;
      for (let k = 1; k <= order; k++) {
        value = (Math.PI ** (k - 1) * Math.sin(angle + (k * Math.PI) / 2) - k * value) / x;
      }
      return value;
    }
    const first = Math.ceil(order / 2);
    let power = order % 2 === 0 ? 1 : angle;
    let sum = 0;
    for (let n = first; n < first + 20; n++) {
      sum += ((n % 2 === 0 ? 1 : -1) * power) / (2 * n + 1);
      power *= (angle * angle) / ((2 * n - order + 1) * (2 * n - order + 2));
    }
    return Math.PI ** order * sum;
  };
}

const sincPrimitive: Primitive<Order> = derivativesPrimitive(
  "sinc",
  sincDerivative,
  ({ order }) =>
    (k, x) =>
      order === 0 ? lowerSinc(k, x) : null,
);

/** The normalised sinc `sin(pi x) / (pi x)`, 1 at 0 and 0 at the other integers; accurate near 0 to any derivative. */
export const sinc: Unary = define(
  elementwiseDefinition("sinc", sincPrimitive as Primitive, [reals(-3, 3)], 8, (x) => sinc(x)),
  (x: Tensor) => apply(sincPrimitive, accepted([x], "float", "sinc"), { order: 0 }),
) as unknown as Unary;

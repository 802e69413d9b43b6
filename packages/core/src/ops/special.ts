import { type Defined, define, reals } from "../define/definition.ts";
import {
  accepted,
  derivativesPrimitive,
  elementwiseDefinition,
  type Order,
  unary,
} from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { Unary } from "../define/signatures.ts";
import { ArgumentError } from "../errors/errors.ts";
import { lowerErf, lowerErfc, lowerErfinv } from "../lower/error-function.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import * as scalars from "./special-functions.ts";

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** The error function `2/sqrt(pi) * integral of exp(-t^2) from 0 to x`. */
export const erf: Unary = unary("erf", {
  eval: scalars.erf,
  lower: lowerErf,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().neg().exp().mul(twoOverRootPi)),
  domain: reals(-3, 3),
  ulp: 2,
});

/** `1 - erf(x)`, accurate for large x. */
export const erfc: Unary = unary("erfc", {
  eval: scalars.erfc,
  lower: lowerErfc,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.square().neg().exp().mul(-twoOverRootPi)),
  domain: reals(-3, 3),
  ulp: 6,
});

/** The inverse of {@link erf} on (-1, 1); infinite at the ends, NaN outside. */
export const erfinv: Unary = unary("erfinv", {
  eval: scalars.erfinv,
  lower: lowerErfinv,
  accepts: "float",
  jvp: (_x, dx, y) => dx.mul(y.square().exp().div(twoOverRootPi)),
  domain: reals(-0.9, 0.9),
  ulp: 5,
});

/** The logarithm of |gamma(x)|; infinite at 0, -1, -2, ... */
export const lgamma: Unary = unary("lgamma", {
  eval: scalars.logGamma,
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.digamma()),
  domain: reals(0.5, 5),
  ulp: 16,
});

/** The derivative of {@link lgamma}. NaN at 0, -1, -2, ... and below -10,000. */
export const digamma: Unary = unary("digamma", {
  eval: (x) => scalars.polygamma(0, x),
  accepts: "float",
  jvp: (x, dx) => dx.mul(x.polygamma(1)),
  domain: reals(0.5, 5),
  ulp: 16,
});

type PolygammaFunction = <S extends Shape>(x: Tensor<S>, order: number) => Tensor<S>;
type PolygammaMethod = <S extends Shape>(this: Tensor<S>, order: number) => Tensor<S>;

const polygammaPrimitive: Primitive<Order> = derivativesPrimitive(
  "polygamma",
  (order) => (x) => scalars.polygamma(order, x!),
);

/** Derivative of order `order` of {@link digamma}: `x.polygamma(1)` is trigamma. */
export const polygamma: Defined<PolygammaFunction, PolygammaMethod> = define(
  elementwiseDefinition("polygamma", polygammaPrimitive as Primitive, [reals(0.5, 5)], 16, (x) =>
    polygamma(x, 1),
  ),
  ((x: Tensor, order: number): Tensor => {
    if (!Number.isInteger(order) || order < 0) {
      throw new ArgumentError(`polygamma: expected an order of 0, 1, 2, ..., got ${order}`);
    }
    return apply(polygammaPrimitive, accepted([x], "float", "polygamma"), { order });
  }) as PolygammaFunction,
);

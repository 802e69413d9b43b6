import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { expOfReduced, reduce, scaledExpm1 } from "./exponential.ts";
import { formatOf, type PerFormat, powerOfTwo, signOf, turnSign } from "./format.ts";
import { log1pOfFinite } from "./logarithm.ts";
import { constantsLike, polynomial } from "./polynomial.ts";

/** Hyperbolic functions and their inverses, for compiling backends: odd ones on |x|, with the sign put back. */

function onMagnitude(
  k: KernelBuilder,
  x: Expression,
  ofMagnitude: (magnitude: Expression) => Expression,
): Expression {
  const sign = signOf(k, x);
  return turnSign(k, ofMagnitude(turnSign(k, x, sign)), sign);
}

/** Beyond this tanh is 1 in the format. */
const tanhLimit: PerFormat<number> = { f32: 10, f64: 20 };

/** (tanh x - x) / x^3 in x^2 for |x| <= 0.625, minimax: off tanh x by 2^-28 and 2^-56. */
const tanhSeries: PerFormat<readonly number[]> = {
  f32: [-0.33333284, 0.13331485, -0.05374293, 0.020648625, -0.005714745],
  f64: [
    -0.3333333333333287, 0.13333333333264302, -0.053968253932196786, 0.021869487595425566,
    -0.008863221233585192, 0.0035919908792951, -0.001454966922975243, 0.0005863408294377991,
    -0.0002286096229764607, 7.719224406557712e-5, -1.609432782565018e-5,
  ],
};

/** tanh |x| = 1 - 2 / (e^(2 |x|) + 1), and a polynomial where that cancels. */
export const lowerTanh = (k: KernelBuilder, x: Expression): Expression =>
  onMagnitude(k, x, (magnitude) => {
    const c = constantsLike(k, x);
    const { type, bias } = formatOf(x);
    const doubled = k.mul(k.min(magnitude, c(tanhLimit[type])), c(2));
    const { r, shifted } = reduce(k, doubled, bias);
    const exponential = k.mul(expOfReduced(k, r), powerOfTwo(k, shifted));
    const far = k.sub(c(1), k.div(c(2), k.add(exponential, c(1))));
    const square = k.mul(magnitude, magnitude);
    const near = k.fma(k.mul(magnitude, square), polynomial(k, square, tanhSeries), magnitude);
    return k.select(k.lt(magnitude, c(0.625)), near, far);
  });

/** Where sinh and cosh become infinite. */
const overflow: PerFormat<number> = { f32: 89.5, f64: 710.5 };

/** sinh |x| = 2 (q + q / (4 q + 1)) with q = (e^|x| - 1) / 4, which does not overflow before sinh does. */
export const lowerSinh = (k: KernelBuilder, x: Expression): Expression =>
  onMagnitude(k, x, (magnitude) => {
    const c = constantsLike(k, x);
    const { type, tiny } = formatOf(x);
    const q = scaledExpm1(k, k.min(magnitude, c(overflow[type])), 2);
    const value = k.add(q, k.div(q, k.fma(q, c(4), c(1))));
    return k.select(k.lt(magnitude, c(tiny)), magnitude, k.add(value, value));
  });

/** cosh x = 2 (q + 1 / (16 q)) with q = e^|x| / 4. */
export function lowerCosh(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const { type, bias } = formatOf(x);
  const { r, shifted } = reduce(k, k.min(k.abs(x), c(overflow[type])), bias - 2);
  const q = k.mul(expOfReduced(k, r), powerOfTwo(k, shifted));
  const value = k.add(q, k.div(c(1 / 16), q));
  return k.add(value, value);
}

/** From here on x^2 + 1 is x^2 in the format. */
const large: PerFormat<number> = { f32: 2 ** 13, f64: 2 ** 28 };

/** asinh |x| = log(1 + |x| + x^2 / (1 + sqrt(x^2 + 1))), and log(2 |x|) far out. */
export const lowerAsinh = (k: KernelBuilder, x: Expression): Expression =>
  onMagnitude(k, x, (magnitude) => {
    const c = constantsLike(k, x);
    const { type, tiny } = formatOf(x);
    const isLarge = k.gt(magnitude, c(large[type]));
    const square = k.mul(magnitude, magnitude);
    const near = k.add(magnitude, k.div(square, k.add(k.sqrt(k.add(square, c(1))), c(1))));
    const value = k.add(
      log1pOfFinite(k, k.select(isLarge, k.sub(magnitude, c(1)), near)),
      k.select(isLarge, c(Math.LN2), c(0)),
    );
    const usual = k.select(k.lt(magnitude, c(tiny)), magnitude, value);
    return k.rarely(k.not(k.lt(magnitude, c(Infinity))), magnitude, usual);
  });

/** acosh x = log(1 + t + sqrt(2 t + t^2)) with t = x - 1, and log(2 x) far out. */
export function lowerAcosh(k: KernelBuilder, x: Expression): Expression {
  const c = constantsLike(k, x);
  const isLarge = k.gt(x, c(large[formatOf(x).type]));
  const t = k.sub(x, c(1));
  const near = k.add(t, k.sqrt(k.mul(t, k.add(t, c(2)))));
  const value = k.add(log1pOfFinite(k, k.select(isLarge, t, near)), k.select(isLarge, c(Math.LN2), c(0)));
  const isInside = k.and(k.ge(x, c(1)), k.lt(x, c(Infinity)));
  return k.rarely(k.not(isInside), k.select(k.lt(x, c(1)), c(Number.NaN), x), value);
}

/** atanh |x| = log(1 + 2 |x| / (1 - |x|)) / 2. */
export const lowerAtanh = (k: KernelBuilder, x: Expression): Expression =>
  onMagnitude(k, x, (magnitude) => {
    const c = constantsLike(k, x);
    const quotient = k.div(k.add(magnitude, magnitude), k.sub(c(1), magnitude));
    const value = k.mul(log1pOfFinite(k, quotient), c(0.5));
    const usual = k.select(k.lt(magnitude, c(formatOf(x).tiny)), magnitude, value);
    const atEdges = k.select(k.eq(magnitude, c(1)), c(Infinity), c(Number.NaN));
    return k.rarely(k.not(k.lt(magnitude, c(1))), atEdges, usual);
  });

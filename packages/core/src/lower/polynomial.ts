import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";

/** `c[0] + c[1] x + c[2] x^2 + ...` by Horner's rule. */
export function polynomial(k: KernelBuilder, x: Expression, coefficients: readonly number[]): Expression {
  let sum = k.constant(coefficients.at(-1)!, x);
  for (const c of coefficients.slice(0, -1).reverse()) sum = k.add(k.mul(sum, x), k.constant(c, x));
  return sum;
}

/** Writes constants of a type: numbers become expressions where an operation wants one. */
export const constantsLike =
  (k: KernelBuilder, like: Expression) =>
  (value: number): Expression =>
    k.constant(value, like);

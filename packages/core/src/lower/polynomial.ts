import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";
import { formatOf, type PerFormat } from "./format.ts";

/** `c[0] + c[1] x + c[2] x^2 + ...` by Horner's rule; a table gives each width of float its own coefficients. */
export function polynomial(
  k: KernelBuilder,
  x: Expression,
  coefficients: readonly number[] | PerFormat<readonly number[]>,
): Expression {
  const list = "f32" in coefficients ? coefficients[formatOf(x).type] : coefficients;
  let sum = k.constant(list.at(-1)!, x);
  for (const c of list.slice(0, -1).reverse()) sum = k.fma(sum, x, k.constant(c, x));
  return sum;
}

/** Writes constants of a type: numbers become expressions where an operation wants one. */
export const constantsLike =
  (k: KernelBuilder, like: Expression) =>
  (value: number): Expression =>
    k.constant(value, like);

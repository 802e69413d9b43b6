import type { Expression } from "../compile/kernel.ts";
import type { KernelBuilder } from "../compile/kernel-builder.ts";

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

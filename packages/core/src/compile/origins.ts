import type { Expression, ScalarFunction } from "./kernel.ts";

/** The operation that an expression is the lowering of. */
export interface Origin {
  readonly name: string;
  readonly operands: readonly Expression[];
  /** The operation's definition, which an emitter may call instead. */
  readonly scalar: ScalarFunction;
}

/** Beside the kernels, since printers want to know and few emitters. */
const origins = new WeakMap<Expression, Origin>();

/** Notes that an expression is an operation applied to operands; the first note counts. */
export function recordOrigin(expression: Expression, origin: Origin): void {
  const isNew = !origins.has(expression) && !origin.operands.includes(expression);
  if (isNew && expression.kind === "instruction") origins.set(expression, origin);
}

export const originOf = (expression: Expression): Origin | undefined => origins.get(expression);

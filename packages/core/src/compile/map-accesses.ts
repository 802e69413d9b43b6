import { type Affine, type Expression, type Phase, phaseExpressions } from "./kernel.ts";

/** A phase that reads, writes and counts elsewhere: every affine function of its loops is replaced. */
export function mapAccesses(phase: Phase, map: (access: Affine) => Affine): Phase {
  const rewritten = new Map<Expression, Expression>();
  for (const expression of phaseExpressions(phase)) rewritten.set(expression, rewrite(expression));
  return {
    loops: phase.loops,
    accumulators: phase.accumulators.map((a) => ({ ...a, value: rewritten.get(a.value)! })),
    stores: phase.stores.map((s) => ({ ...s, access: map(s.access), value: rewritten.get(s.value)! })),
  };

  function rewrite(expression: Expression): Expression {
    if (expression.kind === "load") {
      const { access, shift, ...load } = expression;
      const moved = shift && { shift: { ...shift, by: rewritten.get(shift.by)! } };
      return { ...load, access: map(access), ...moved };
    }
    if (expression.kind === "index") return { ...expression, access: map(expression.access) };
    if (expression.kind !== "instruction" && expression.kind !== "call") return expression;
    return { ...expression, operands: expression.operands.map((operand) => rewritten.get(operand)!) };
  }
}

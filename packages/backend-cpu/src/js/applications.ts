import { type Expression, operandsOf as instructionOperands, originOf } from "@amari/core/backend";
import { functionOf, rounded, type Scalar } from "./instructions.ts";

type Application = Extract<Expression, { kind: "instruction" | "call" }>;

const isApplication = (e: Expression): e is Application => e.kind === "instruction" || e.kind === "call";

/**
 * What an expression is computed from. An operation of several instructions is a call of its scalar definition here, so
 * its own operands count and not those of its last instruction: engines have exponentials of their own.
 */
export function operandsOf(expression: Expression): readonly Expression[] {
  if (!isApplication(expression)) return instructionOperands(expression);
  const { operands } = expression;
  const origin = originOf(expression);
  return origin === undefined || isSameList(origin.operands, operands) ? operands : origin.operands;
}

/** What is computed for some roots, operands first. */
export function computedFor(roots: readonly Expression[]): Expression[] {
  const order = new Set<Expression>();
  const visit = (expression: Expression): void => {
    if (order.has(expression)) return;
    operandsOf(expression).forEach(visit);
    order.add(expression);
  };
  roots.forEach(visit);
  return [...order];
}

/** The scalar definition that an expression calls; null for a single instruction. */
export function definitionOf(expression: Application): ((...operands: number[]) => number) | null {
  if (expression.kind === "call") return expression.call;
  return operandsOf(expression) === expression.operands ? null : originOf(expression)!.scalar;
}

/** What an instruction or a call does to the operands of {@link operandsOf}. */
export function applicationOf(expression: Application): (...operands: never[]) => Scalar {
  const { type } = expression;
  const definition = definitionOf(expression);
  if (definition !== null) {
    const round = rounded[type];
    return (...values: number[]) => round(definition(...values));
  }
  const { instruction, operands } = expression as Extract<Expression, { kind: "instruction" }>;
  return functionOf(instruction, type, operands[0]!.type);
}

const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

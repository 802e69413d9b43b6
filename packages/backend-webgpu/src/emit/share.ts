import { type Affine, type Expression, type LoopKernel, operandsOf } from "@amari/core/backend";

/**
 * The same kernel, whose equal expressions are one object across all phases: then what a phase has computed of an element
 * can be found again in the next.
 */
export function shareExpressions({ loops, phases }: LoopKernel): LoopKernel {
  const known = new Map<string, Expression>();
  const numbers = new Map<Expression, number>();
  const shared = new Map<Expression, Expression>();

  const share = (expression: Expression): Expression => {
    const found = shared.get(expression);
    if (found !== undefined) return found;
    const candidate = withOperands(expression, operandsOf(expression).map(share));
    const key = keyOf(candidate, (operand) => numbers.get(operand)!);
    let one = known.get(key);
    if (one === undefined) {
      known.set(key, (one = candidate));
      numbers.set(one, numbers.size);
    }
    shared.set(expression, one);
    return one;
  };

  return {
    loops,
    phases: phases.map((phase) => ({
      loops: phase.loops,
      accumulators: phase.accumulators.map((a) => ({ ...a, value: share(a.value) })),
      stores: phase.stores.map((store) => ({ ...store, value: share(store.value) })),
    })),
  };
}

function withOperands(expression: Expression, operands: readonly Expression[]): Expression {
  if (expression.kind === "instruction" || expression.kind === "call") return { ...expression, operands };
  if (expression.kind !== "load" || expression.shift === undefined) return expression;
  return { ...expression, shift: { ...expression.shift, by: operands[0]! } };
}

/** Equal for equal expressions, and for no others. */
function keyOf(expression: Expression, numberOf: (operand: Expression) => number): string {
  const { kind, type } = expression;
  const operands = operandsOf(expression).map(numberOf).join();
  const rest = (): readonly (string | number)[] => {
    switch (expression.kind) {
      case "load":
        return [expression.buffer, placeOf(expression.access), expression.shift?.stride ?? ""];
      case "constant":
        // Zeros of both signs are two constants.
        return [Object.is(expression.value, -0) ? "-0" : expression.value];
      case "scalar":
      case "accumulated":
        return [expression.index];
      case "index":
        return [placeOf(expression.access)];
      case "instruction":
        return [expression.instruction];
      case "call":
        return [expression.name];
    }
  };
  return [kind, type, operands, ...rest()].join(" ");
}

const placeOf = ({ offset, strides }: Affine): string => `${offset}:${strides.join()}`;

import {
  type Expression,
  expressionsOf,
  type LoopKernel,
  phaseExpressions,
  phaseRoots,
} from "@amari/core/backend";

/**
 * Division of integers, which kernels write in float64, as a function of shaders: these have no float64, but integers to
 * divide.
 */
export function withIntegerDivision(kernel: LoopKernel): LoopKernel {
  const roots = kernel.phases.flatMap(phaseRoots);
  if (expressionsOf(roots).every((e) => dividedBy(e) === null)) return kernel;
  return {
    loops: kernel.loops,
    phases: kernel.phases.map((phase) => {
      const rewritten = new Map<Expression, Expression>();
      for (const e of phaseExpressions(phase)) rewritten.set(e, rewrite(e, rewritten));
      return {
        loops: phase.loops,
        accumulators: phase.accumulators.map((a) => ({ ...a, value: rewritten.get(a.value)! })),
        stores: phase.stores.map((s) => ({ ...s, value: rewritten.get(s.value)! })),
      };
    }),
  };
}

function rewrite(e: Expression, rewritten: ReadonlyMap<Expression, Expression>): Expression {
  const division = dividedBy(e);
  if (division !== null) {
    return {
      kind: "call",
      type: e.type,
      name: `floorDivide_${e.type}`,
      call: (x, y) => Math.floor(x! / y!),
      operands: division.map((operand) => rewritten.get(operand)!),
    };
  }
  if (e.kind === "load" && e.shift !== undefined)
    return { ...e, shift: { ...e.shift, by: rewritten.get(e.shift.by)! } };
  if (e.kind !== "instruction" && e.kind !== "call") return e;
  return { ...e, operands: e.operands.map((operand) => rewritten.get(operand)!) };
}

/** The integers x and y of `floor(f64(x) / f64(y))`, converted back. */
function dividedBy(e: Expression): readonly [Expression, Expression] | null {
  if (!isInstruction(e, "convert") || (e.type !== "i32" && e.type !== "u32")) return null;
  const [floor] = e.operands;
  if (!isInstruction(floor!, "floor")) return null;
  const [quotient] = floor.operands;
  if (!isInstruction(quotient!, "div")) return null;
  const operands = quotient.operands.map((wide) =>
    isInstruction(wide, "convert") && wide.operands[0]!.type === e.type ? wide.operands[0]! : null,
  );
  return operands[0] && operands[1] ? [operands[0], operands[1]] : null;
}

type Instruction = Extract<Expression, { kind: "instruction" }>;

const isInstruction = (e: Expression, name: Instruction["instruction"]): e is Instruction =>
  e.kind === "instruction" && e.instruction === name;

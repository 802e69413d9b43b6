import type { Accumulator, Combine, Expression, LoopKernel, Store } from "../kernel.ts";
import { type Names, printAffine, printExpression, visibleOperands } from "./expression.ts";
import { indent } from "./program.ts";

/**
 * A kernel as text: its loops, what it folds and what it stores. `b0` is buffer 0, `n0` the caller's number 0, `a0` the
 * kernel's accumulator 0, `t0` a value that is used more than once.
 */
export const printKernel = (kernel: LoopKernel): string => kernelLines(kernel).join("\n");

const letters = "ijklmn";
const nameOf = (loop: number): string => letters[loop] ?? `i${loop}`;

export function kernelLines({ loops, phases }: LoopKernel): string[] {
  const lines: string[] = [];
  let temporaries = 0;
  for (const phase of phases) {
    const names = [...loops, ...phase.loops].map((_, loop) => nameOf(loop));
    const folds = phase.accumulators.map((accumulator) => ({
      value: accumulator.value,
      write: (value: string) => showFold(accumulator, value),
    }));
    const stores = phase.stores.map((store) => ({
      value: store.value,
      write: (value: string) => showStore(store, names, value),
    }));
    const body = bodyLines([...folds, ...stores], names, temporaries);
    temporaries = body.temporaries;
    lines.push(...nested(names.slice(loops.length), phase.loops, body.lines));
  }
  return nested(
    loops.map((_, loop) => nameOf(loop)),
    loops,
    lines,
  );
}

/** A statement that writes one value. */
interface Statement {
  readonly value: Expression;
  readonly write: (value: string) => string;
}

/** The lines of some statements, after those of the values that they share. */
function bodyLines(
  statements: readonly Statement[],
  loops: readonly string[],
  firstTemporary: number,
): { readonly lines: string[]; readonly temporaries: number } {
  const known = new Map<Expression, string>();
  const names: Names = { loops, known };
  const lines: string[] = [];
  let temporaries = firstTemporary;
  for (const shared of sharedValues(statements.map(({ value }) => value))) {
    const text = printExpression(shared, names);
    const name = `t${temporaries++}`;
    lines.push(`${name} = ${text}`);
    known.set(shared, name);
  }
  for (const { value, write } of statements) lines.push(write(printExpression(value, names)));
  return { lines, temporaries };
}

/** Computed values that are used more than once, operands first. */
function sharedValues(roots: readonly Expression[]): Expression[] {
  const uses = new Map<Expression, number>();
  const order: Expression[] = [];
  const visit = (expression: Expression): void => {
    const before = uses.get(expression) ?? 0;
    uses.set(expression, before + 1);
    if (before > 0) return;
    visibleOperands(expression).forEach(visit);
    order.push(expression);
  };
  roots.forEach(visit);
  return order.filter((e) => uses.get(e)! > 1 && (e.kind === "instruction" || e.kind === "call"));
}

function nested(names: readonly string[], extents: readonly number[], body: readonly string[]): string[] {
  if (names.length === 0) return [...body];
  return [`for ${names.map((name, i) => `${name} < ${extents[i]}`).join(", ")}`, ...body.map(indent)];
}

const folded: { readonly [C in Combine]: (accumulator: string, value: string) => string } = {
  add: (a, value) => `${a} += ${value}`,
  mul: (a, value) => `${a} *= ${value}`,
  min: (a, value) => `${a} = min(${a}, ${value})`,
  max: (a, value) => `${a} = max(${a}, ${value})`,
  and: (a, value) => `${a} &= ${value}`,
  or: (a, value) => `${a} |= ${value}`,
};

const showFold = ({ combine, index }: Accumulator, value: string): string =>
  folded[combine](`a${index}`, value);

const showStore = ({ buffer, access }: Store, loops: readonly string[], value: string): string =>
  `b${buffer}[${printAffine(access, loops)}] = ${value}`;

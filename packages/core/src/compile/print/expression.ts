import { type Affine, type Expression, operandsOf, type ScalarInstruction } from "../kernel.ts";
import { originOf } from "../origins.ts";

/** How an expression is written: the names of loops, and of expressions that have been written already. */
export interface Names {
  readonly loops: readonly string[];
  readonly known: ReadonlyMap<Expression, string>;
}

/** Infix instructions and how tightly they bind. */
const infix: { readonly [I in ScalarInstruction]?: readonly [symbol: string, precedence: number] } = {
  mul: ["*", 6],
  div: ["/", 6],
  add: ["+", 5],
  sub: ["-", 5],
  shl: ["<<", 4],
  shr: [">>>", 4],
  lt: ["<", 3],
  le: ["<=", 3],
  gt: [">", 3],
  ge: [">=", 3],
  eq: ["==", 2],
  ne: ["!=", 2],
  and: ["&", 1],
  or: ["|", 1],
  xor: ["^", 1],
};

/** What an expression is written from: an operation's operands, its instructions being a detail. */
export function visibleOperands(expression: Expression): readonly Expression[] {
  return originOf(expression)?.operands ?? operandsOf(expression);
}

/** An expression as text. Operations of several instructions are written by their name: `exp(b0[i])`. */
export function printExpression(expression: Expression, names: Names, binding = 0): string {
  const known = names.known.get(expression);
  if (known !== undefined) return known;
  const list = (operands: readonly Expression[]) => operands.map((o) => printExpression(o, names)).join(", ");
  switch (expression.kind) {
    case "load":
      return `b${expression.buffer}[${printPlace(expression, names)}]`;
    case "constant":
      return Object.is(expression.value, -0) ? "-0" : String(expression.value);
    case "scalar":
      return `n${expression.index}`;
    case "index":
      return `(${printAffine(expression.access, names.loops)})`;
    case "accumulated":
      return `a${expression.index}`;
    case "call":
      return `${expression.name}(${list(expression.operands)})`;
    case "instruction":
      break;
  }
  const { instruction, operands, type } = expression;
  const origin = originOf(expression);
  if (origin !== undefined && !isSameList(origin.operands, operands))
    return `${origin.name}(${list(origin.operands)})`;
  const symbol = infix[instruction];
  if (symbol !== undefined) {
    const [sign, precedence] = symbol;
    const [x, y] = operands as readonly [Expression, Expression];
    const text = `${printExpression(x, names, precedence)} ${sign} ${printExpression(y, names, precedence + 1)}`;
    return precedence < binding ? `(${text})` : text;
  }
  if (instruction === "neg") return `-${printExpression(operands[0]!, names, 7)}`;
  if (instruction === "select") {
    const [condition, x, y] = operands.map((o) => printExpression(o, names, 1));
    return binding > 0 ? `(${condition} ? ${x} : ${y})` : `${condition} ? ${x} : ${y}`;
  }
  if (instruction === "convert") return `${type}(${list(operands)})`;
  if (instruction === "bits") return `bits as ${type}(${list(operands)})`;
  return `${instruction}(${list(operands)})`;
}

function printPlace({ access, shift }: Extract<Expression, { kind: "load" }>, names: Names): string {
  const place = printAffine(access, names.loops);
  return shift === undefined ? place : `${place} + ${shift.stride} * ${printExpression(shift.by, names, 6)}`;
}

/** A place as text: `10i + j + 3`. */
export function printAffine({ offset, strides }: Affine, loops: readonly string[]): string {
  const terms = strides.flatMap((stride, loop) => {
    if (stride === 0) return [];
    const factor = stride === 1 ? "" : stride === -1 ? "-" : String(stride);
    return [`${factor}${loops[loop]}`];
  });
  if (offset !== 0 || terms.length === 0) terms.push(String(offset));
  return terms.join(" + ").replaceAll("+ -", "- ");
}

const isSameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

import type { Affine, Expression } from "@amari/core/backend";
import { instructionText } from "./instructions.ts";
import { literal, type ShaderType } from "./literal.ts";
import { opaque } from "./table.ts";

export type Load = Extract<Expression, { kind: "load" }>;

/** What the expressions of a kernel need from the shader around them. */
export interface Surroundings {
  /** An affine function of the loops' counters, as an i32. */
  readonly index: (access: Affine) => string;
  /** The value that a load reads; what its shift adds to the address is handed in. */
  readonly load: (load: Load, moved: string) => string;
  /** The result of an accumulator. */
  readonly accumulated: (index: number) => string;
  /** A number of the caller. */
  readonly scalar: (index: number, type: ShaderType) => string;
  /** A float32 that no compiler knows. */
  readonly constant: (value: number) => string;
  /** Notes that a function is called; returns its name. */
  readonly use: (name: string) => string;
  /** A name that no other value has. */
  readonly fresh: () => string;
}

/**
 * Writes expressions as statements of WGSL, each value once. A child scope is a block inside: it knows its parent's values,
 * and its own are forgotten with it.
 */
export class Scope {
  readonly lines: string[] = [];
  private readonly surroundings: Surroundings;
  private readonly known: Map<Expression, string>;

  constructor(surroundings: Surroundings, known: ReadonlyMap<Expression, string> = new Map()) {
    this.surroundings = surroundings;
    this.known = new Map(known);
  }

  /** @param known - what it knows besides */
  child(known: ReadonlyMap<Expression, string> = new Map()): Scope {
    return new Scope(this.surroundings, new Map([...this.known, ...known]));
  }

  /** The values that are known here by their names. */
  get values(): ReadonlyMap<Expression, string> {
    return this.known;
  }

  /** Tells it a value that it need not compute. */
  know(expression: Expression, name: string): void {
    this.known.set(expression, name);
  }

  /** The statements of a scope as if they stood here; what it knows stays unknown. */
  append(scope: Scope): void {
    this.lines.push(...scope.lines);
  }

  line(text: string): void {
    this.lines.push(text);
  }

  /** The statements of a scope inside braces, after a head such as `for (...)`. */
  block(head: string, body: Scope): void {
    this.lines.push(`${head} {`, ...body.lines.map((line) => `  ${line}`), "}");
  }

  /** The name or literal of a value, which is computed here if it has not been. */
  value(root: Expression): string {
    const known = this.known.get(root);
    if (known !== undefined) return known;
    const text = this.compute(root);
    if (root.kind === "constant" || root.kind === "accumulated") {
      this.known.set(root, text);
      return text;
    }
    const name = this.surroundings.fresh();
    if (root.kind === "instruction" && root.instruction === "rarely") return this.branch(root, name);
    this.lines.push(`let ${name} = ${text};`);
    this.known.set(root, name);
    return name;
  }

  private compute(expression: Expression): string {
    const { index, load, scalar, use } = this.surroundings;
    const type = expression.type as ShaderType;
    switch (expression.kind) {
      case "constant":
        return literal(expression.value, type);
      case "scalar":
        return scalar(expression.index, type);
      case "index":
        return index(expression.access);
      case "load": {
        const { shift } = expression;
        const moved = shift === undefined ? "" : ` + ${this.value(shift.by)} * ${shift.stride}`;
        return load(expression, moved);
      }
      case "instruction":
        if (expression.instruction === "rarely") return "";
        return instructionText(
          expression,
          expression.operands.map((operand, i) => this.operand(expression, operand, i)),
          use,
        );
      case "accumulated":
        return this.surroundings.accumulated(expression.index);
      case "call":
        use(expression.name);
        return `${expression.name.replace(/(_[iu]32)?$/, (suffix) => suffix || "_f32")}(${expression.operands.map((operand) => this.value(operand)).join(", ")})`;
    }
  }

  /**
   * An operand, hidden from the compiler where that might simplify what it must not: shader compilers take the sum of x
   * and 0 for x, the product for 0, and `(x + y) - y` for x, unless they cannot see it.
   */
  private operand(instruction: Instruction, operand: Expression, i: number): string {
    if (operand.type !== "f32" || !isSimplified(instruction)) return this.value(operand);
    if (operand.kind === "constant") return this.surroundings.constant(operand.value);
    const other = instruction.operands[1 - i];
    const text = this.value(operand);
    // The difference of NaN or infinity and itself is not 0, nor their quotient 1.
    const isItself = operand === other && i === 1 && isInstruction(instruction, "sub", "div");
    const isHidden = other !== undefined && (isItself || sharesOperand(instruction, operand, other));
    return isHidden ? opaque(text) : text;
  }

  /** A selection whose first value is computed only where it is wanted. */
  private branch(expression: Extract<Expression, { kind: "instruction" }>, name: string): string {
    const [condition, rare, usual] = expression.operands as [Expression, Expression, Expression];
    const [otherwise, test] = [this.value(usual), this.value(condition)];
    this.lines.push(`var ${name} = ${otherwise};`);
    const body = this.child();
    body.line(`${name} = ${body.value(rare)};`);
    this.block(`if (${test})`, body);
    this.known.set(expression, name);
    return name;
  }
}

type Instruction = Extract<Expression, { kind: "instruction" }>;

const isInstruction = (e: Expression, ...names: readonly string[]): e is Instruction =>
  e.kind === "instruction" && names.includes(e.instruction);

const isSimplified = (e: Expression): boolean => isInstruction(e, "add", "sub", "mul", "div", "neg");

/** Whether an operand of a sum (or product) is a sum (or product) of what the other operand is, or is made of. */
function sharesOperand(instruction: Instruction, operand: Expression, other: Expression): boolean {
  const isSum = isInstruction(instruction, "add", "sub");
  const kinds = isSum ? ["add", "sub", "neg", "mul"] : ["mul", "div", "neg"];
  if (!isInstruction(operand, ...kinds)) return false;
  const parts = isInstruction(other, ...kinds) ? [other, ...other.operands] : [other];
  return operand.operands.some((part) => parts.includes(part));
}

/** A word of the heap as a value. */
export const fromWord = (word: string, type: ShaderType): string => {
  if (type === "u32") return word;
  return type === "bool" ? `(${word} != 0u)` : `bitcast<${type}>(${word})`;
};

/** A value as a word of the heap. */
export const toWord = (value: string, type: ShaderType): string => {
  if (type === "u32") return value;
  return type === "bool" ? `select(0u, 1u, ${value})` : `bitcast<u32>(${value})`;
};

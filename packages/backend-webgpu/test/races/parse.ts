/** The part of WGSL that kernels are written in, as far as {@link findRaces} must understand it. */
export type Expression =
  | { readonly kind: "integer"; readonly value: number }
  /** A float, or what else is not followed. */
  | { readonly kind: "other"; readonly operands: readonly Expression[] }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly Expression[] }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: "index"; readonly of: Expression; readonly at: Expression }
  | { readonly kind: "member"; readonly of: Expression; readonly member: string };

export type Statement = { readonly line: number } & (
  | { readonly kind: "declare"; readonly name: string; readonly value: Expression | null }
  | {
      readonly kind: "assign";
      readonly target: Expression;
      /** `+` of `+=`; empty of `=`. */
      readonly operator: string;
      readonly value: Expression;
    }
  | { readonly kind: "barrier"; readonly name: string }
  | { readonly kind: "call"; readonly value: Expression }
  | { readonly kind: "block"; readonly body: readonly Statement[] }
  | {
      readonly kind: "if";
      readonly condition: Expression;
      readonly consequence: Statement;
      readonly otherwise: Statement | null;
    }
  | {
      readonly kind: "for";
      readonly begin: Statement | null;
      readonly condition: Expression | null;
      readonly step: Statement | null;
      readonly body: Statement;
    }
  | { readonly kind: "return" | "break" | "continue" }
);

/** A compute shader. */
export interface Shader {
  readonly lines: readonly string[];
  readonly invocations: number;
  /** The arrays of the workgroup's memory. */
  readonly shared: readonly string[];
  readonly main: Statement;
}

interface Token {
  readonly text: string;
  readonly line: number;
}

const pattern =
  /\/\/.*|(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)[iufh]?|[A-Za-z_]\w*|<<=|>>=|[-+*/%&|^<>=!]=|<<|>>|&&|\|\||\+\+|--|->|\S/g;

const tokensOf = (lines: readonly string[]): Token[] =>
  lines.flatMap((text, line) =>
    (text.match(pattern) ?? []).flatMap((token) => (token.startsWith("//") ? [] : [{ text: token, line }])),
  );

/** What is followed by types in angle brackets. */
const isTemplate = (name: string): boolean => /^(bitcast|array|vec[234]|var)$/.test(name);

const precedence = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

/** Reads a shader. @throws Error at what it does not understand */
export function parseShader(text: string): Shader {
  const lines = text.split("\n");
  return new Parser(lines, tokensOf(lines)).shader();
}

class Parser {
  private readonly lines: readonly string[];
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(lines: readonly string[], tokens: readonly Token[]) {
    this.lines = lines;
    this.tokens = tokens;
  }

  shader(): Shader {
    const shared: string[] = [];
    let invocations = 0;
    while (this.at < this.tokens.length) {
      if (this.accept("@")) {
        const attribute = this.next();
        if (!this.accept("(")) continue;
        if (attribute === "workgroup_size") invocations = Number(this.peek());
        this.skipTo(")");
      } else if (this.accept("fn")) {
        const name = this.next();
        this.skipTo("{");
        if (name === "main") return { lines: this.lines, invocations, shared, main: this.block() };
        this.skipFunction(name);
      } else {
        const isShared = this.peek() === "var" && this.tokens[this.at + 2]?.text === "workgroup";
        if (isShared) shared.push(this.tokens[this.at + 4]!.text);
        this.skipTo(";");
      }
    }
    throw new Error("a shader has no main function");
  }

  private peek(): string {
    return this.tokens[this.at]?.text ?? "";
  }

  private next(): string {
    return this.tokens[this.at++]?.text ?? this.fail("more");
  }

  private accept(text: string): boolean {
    if (this.peek() !== text) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) this.fail(text);
  }

  private fail(wanted: string): never {
    const line = this.lines[this.tokens[this.at]?.line ?? this.lines.length - 1];
    throw new Error(`expected ${wanted}, got ${this.peek() || "the end"} in: ${line}`);
  }

  private skipTo(text: string): void {
    while (this.next() !== text);
  }

  /** What a function does to the heap is not followed. */
  private skipFunction(name: string): void {
    for (let depth = 1; depth > 0; ) {
      const token = this.next();
      if (token === "{") depth++;
      else if (token === "}") depth--;
      else if (token.endsWith("Barrier")) throw new Error(`${name} is not expected to use ${token}`);
    }
  }

  /** What follows an opening brace. */
  private block(): Statement {
    const { line } = this.tokens[this.at - 1]!;
    const body: Statement[] = [];
    while (!this.accept("}")) body.push(this.statement());
    return { kind: "block", line, body };
  }

  private statement(): Statement {
    const { text, line } = this.tokens[this.at]!;
    if (this.accept("{")) return this.block();
    if (this.accept("if")) return this.branch(line);
    if (this.accept("for")) return this.loop(line);
    if (text === "return" || text === "break" || text === "continue") {
      this.next();
      this.expect(";");
      return { kind: text, line };
    }
    const simple = this.simple();
    this.expect(";");
    return simple;
  }

  private branch(line: number): Statement {
    const condition = this.expression();
    this.expect("{");
    const consequence = this.block();
    const otherwise = this.accept("else") ? this.statement() : null;
    return { kind: "if", line, condition, consequence, otherwise };
  }

  private loop(line: number): Statement {
    this.expect("(");
    const begin = this.peek() === ";" ? null : this.simple();
    this.expect(";");
    const condition = this.peek() === ";" ? null : this.expression();
    this.expect(";");
    const step = this.peek() === ")" ? null : this.simple();
    this.expect(")");
    this.expect("{");
    return { kind: "for", line, begin, condition, step, body: this.block() };
  }

  /** A declaration, an assignment or a call, without the semicolon. */
  private simple(): Statement {
    const { line } = this.tokens[this.at]!;
    if (["let", "var", "const"].includes(this.peek())) {
      this.next();
      const name = this.next();
      if (this.accept(":")) this.type();
      return { kind: "declare", line, name, value: this.accept("=") ? this.expression() : null };
    }
    const target = this.expression();
    const operator = this.peek();
    if (operator === "++" || operator === "--") {
      this.next();
      return { kind: "assign", line, target, operator: operator[0]!, value: { kind: "integer", value: 1 } };
    }
    if (/^(?:[-+*/%&|^]|<<|>>)?=$/.test(operator)) {
      this.next();
      return { kind: "assign", line, target, operator: operator.slice(0, -1), value: this.expression() };
    }
    if (target.kind !== "call") this.fail("a statement");
    return target.name.endsWith("Barrier")
      ? { kind: "barrier", line, name: target.name }
      : { kind: "call", line, value: target };
  }

  private type(): void {
    this.next();
    if (this.peek() === "<") this.template();
  }

  /** Types in angle brackets. */
  private template(): string {
    let text = "";
    let depth = 0;
    do {
      const token = this.next();
      text += token;
      depth += { "<": 1, ">": -1, ">>": -2 }[token] ?? 0;
    } while (depth > 0);
    return text;
  }

  private expression(level = 0): Expression {
    if (level === precedence.length) return this.unary();
    let left = this.expression(level + 1);
    while (precedence[level]!.includes(this.peek())) {
      const operator = this.next();
      left = { kind: "binary", operator, left, right: this.expression(level + 1) };
    }
    return left;
  }

  private unary(): Expression {
    const operator = this.peek();
    if (operator === "-" || operator === "!" || operator === "~") {
      this.next();
      return { kind: "unary", operator, operand: this.unary() };
    }
    let value = this.primary();
    for (;;) {
      if (this.accept("[")) {
        value = { kind: "index", of: value, at: this.expression() };
        this.expect("]");
      } else if (this.accept(".")) value = { kind: "member", of: value, member: this.next() };
      else return value;
    }
  }

  private primary(): Expression {
    if (this.accept("(")) {
      const value = this.expression();
      this.expect(")");
      return value;
    }
    const text = this.next();
    if (/^\d/.test(text)) {
      const isInteger = /^(0[xX][0-9a-fA-F]+|\d+)[iu]?$/.test(text);
      return isInteger
        ? { kind: "integer", value: Number(text.replace(/[iu]$/, "")) }
        : { kind: "other", operands: [] };
    }
    if (!/^\w+$/.test(text)) {
      this.at--;
      return this.fail("a value");
    }
    if (text === "true" || text === "false") return { kind: "integer", value: Number(text === "true") };
    const types = isTemplate(text) && this.peek() === "<" ? this.template() : "";
    if (!this.accept("(")) return { kind: "name", name: text };
    const operands: Expression[] = [];
    while (!this.accept(")")) {
      operands.push(this.expression());
      if (this.peek() !== ")") this.expect(",");
    }
    return { kind: "call", name: text + types, operands };
  }
}

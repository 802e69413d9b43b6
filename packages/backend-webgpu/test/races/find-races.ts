import { type Expression, parseShader, type Shader, type Statement } from "./parse.ts";

/** An integer or bool (0 or 1) that is the same however the data turn out; anything else is not known. */
type Value = number | undefined;

/** One of a workgroup's invocations. */
interface Invocation {
  readonly lane: number;
  readonly values: Value[];
  hasReturned: boolean;
}

type Compute = (invocation: Invocation) => Value;

/** How a statement ends: goes on, or leaves the loop, the turn or the function. */
type Signal = "on" | "break" | "continue" | "return";

/** Who has touched a place since the last barrier that orders its memory. */
interface Touched {
  writer: number | null;
  /** The only reader, or `many`. */
  reader: number | "many" | null;
}

/** Arrays stand so far apart in the heap that no place of one is one of another. */
const arrayBytes = 2 ** 40;

/**
 * Where two invocations of a workgroup meet in memory without a barrier between them, at least one of them writing, and
 * barriers that not all invocations reach: what a driver that runs invocations in order would never show. The first
 * workgroup of the shader is gone through statement by statement; both sides of a condition that depends on data are taken.
 * Places of the heap that depend on data, or that functions touch, are not followed; places of the workgroup's memory must
 * not depend on data.
 *
 * @returns what was found, in words; empty where there is nothing to find
 */
export function findRaces(text: string): string[] {
  const shader = parseShader(text);
  const walk = new Walk(shader);
  walk.run();
  return [...walk.found];
}

class Walk {
  readonly found = new Set<string>();
  private readonly shader: Shader;
  private readonly slots: Map<string, number>[] = [new Map()];
  private count = 0;
  private readonly memories = new Map<string, Map<number, Touched>>();
  private line = 0;

  constructor(shader: Shader) {
    this.shader = shader;
    for (const name of [...shader.shared, "heap"]) this.memories.set(name, new Map());
  }

  run(): void {
    const main = this.together(this.shader.main);
    main(
      Array.from({ length: this.shader.invocations }, (_, lane) => ({
        lane,
        values: Array.from<Value>({ length: this.count }),
        hasReturned: false,
      })),
    );
  }

  private report(what: string): void {
    this.found.add(`${what}: ${this.shader.lines[this.line]!.trim()}`);
  }

  /** A statement for all invocations, as long as they go the same way. */
  private together(statement: Statement): (invocations: readonly Invocation[]) => Signal {
    if (!hasBarrier(statement)) {
      const run = this.alone(statement);
      return (invocations) => {
        for (const invocation of invocations)
          if (!invocation.hasReturned && run(invocation) === "return") invocation.hasReturned = true;
        return "on";
      };
    }
    switch (statement.kind) {
      case "barrier":
        return (invocations) => {
          this.line = statement.line;
          if (
            invocations.some(({ hasReturned }) => hasReturned) &&
            !invocations.every(({ hasReturned }) => hasReturned)
          )
            this.report("not all invocations reach a barrier");
          const isStorage = statement.name === "storageBarrier";
          for (const [name, touched] of this.memories) if ((name === "heap") === isStorage) touched.clear();
          return "on";
        };
      case "block": {
        const body = this.scoped(() => statement.body.map((inner) => this.together(inner)));
        return (invocations) => {
          for (const run of body) run(invocations);
          return "on";
        };
      }
      case "if": {
        const condition = this.compute(statement.condition);
        const then = this.together(statement.consequence);
        const otherwise = statement.otherwise === null ? null : this.together(statement.otherwise);
        return (invocations) => {
          if (this.agreed(statement, condition, invocations)) then(invocations);
          else otherwise?.(invocations);
          return "on";
        };
      }
      case "for":
        return this.scoped(() => {
          const begin = statement.begin && this.together(statement.begin);
          const condition = this.compute(statement.condition!);
          const step = statement.step && this.together(statement.step);
          const body = this.together(statement.body);
          return (invocations) => {
            begin?.(invocations);
            while (this.agreed(statement, condition, invocations)) {
              body(invocations);
              step?.(invocations);
            }
            return "on";
          };
        });
      default:
        throw new Error(`a ${statement.kind} holds no barrier`);
    }
  }

  /** What all invocations find, at a condition on which it depends whether they reach a barrier. */
  private agreed({ line }: Statement, condition: Compute, invocations: readonly Invocation[]): boolean {
    this.line = line;
    const running = invocations.filter(({ hasReturned }) => !hasReturned);
    const [first, ...others] = running.map((invocation) => condition(invocation));
    if (running.length === 0) return false;
    if (first === undefined || others.some((other) => other !== first))
      this.report("invocations may part before a barrier");
    return first === 1;
  }

  /** A statement without barriers, for one invocation. */
  private alone(statement: Statement): (invocation: Invocation) => Signal {
    const { line } = statement;
    switch (statement.kind) {
      case "declare": {
        const value = statement.value && this.compute(statement.value);
        const slot = this.declare(statement.name);
        return (invocation) => {
          this.line = line;
          invocation.values[slot] = value?.(invocation);
          return "on";
        };
      }
      case "assign":
        return this.assign(statement);
      case "call": {
        const value = this.compute(statement.value);
        return (invocation) => {
          this.line = line;
          value(invocation);
          return "on";
        };
      }
      case "block": {
        const body = this.scoped(() => statement.body.map((inner) => this.alone(inner)));
        return (invocation) => {
          for (const run of body) {
            const signal = run(invocation);
            if (signal !== "on") return signal;
          }
          return "on";
        };
      }
      case "if":
        return this.branch(statement);
      case "for":
        return this.loop(statement);
      case "barrier":
        throw new Error("a barrier is for all invocations");
      default:
        return () => statement.kind;
    }
  }

  private assign({
    line,
    target,
    operator,
    value: expression,
  }: Extract<Statement, { kind: "assign" }>): (invocation: Invocation) => Signal {
    const value = this.compute(
      operator === "" ? expression : { kind: "binary", operator, left: target, right: expression },
    );
    if (target.kind === "name") {
      const slot = this.slotOf(target.name);
      return (invocation) => {
        this.line = line;
        invocation.values[slot] = value(invocation);
        return "on";
      };
    }
    const store = this.access(target, "write");
    return (invocation) => {
      this.line = line;
      value(invocation);
      this.line = line;
      store(invocation);
      return "on";
    };
  }

  private branch(statement: Extract<Statement, { kind: "if" }>): (invocation: Invocation) => Signal {
    const condition = this.compute(statement.condition);
    const then = this.alone(statement.consequence);
    const otherwise = statement.otherwise === null ? () => "on" as const : this.alone(statement.otherwise);
    const assigned = this.assignedIn([statement.consequence, statement.otherwise]);
    return (invocation) => {
      this.line = statement.line;
      const holds = condition(invocation);
      if (holds !== undefined) return holds ? then(invocation) : otherwise(invocation);
      const { values } = invocation;
      const before = assigned.map((slot) => values[slot]);
      then(invocation);
      const after = assigned.map((slot) => values[slot]);
      assigned.forEach((slot, i) => {
        values[slot] = before[i];
      });
      otherwise(invocation);
      assigned.forEach((slot, i) => {
        if (values[slot] !== after[i]) values[slot] = undefined;
      });
      return "on";
    };
  }

  private loop(statement: Extract<Statement, { kind: "for" }>): (invocation: Invocation) => Signal {
    return this.scoped(() => {
      const begin = statement.begin && this.alone(statement.begin);
      const condition = statement.condition && this.compute(statement.condition);
      const step = statement.step && this.alone(statement.step);
      const body = this.alone(statement.body);
      const assigned = this.assignedIn([statement.body, statement.step]);
      return (invocation) => {
        begin?.(invocation);
        for (;;) {
          this.line = statement.line;
          const holds = condition === null ? undefined : condition(invocation);
          if (holds === 0) return "on";
          if (holds === undefined) for (const slot of assigned) invocation.values[slot] = undefined;
          const signal = body(invocation);
          if (signal === "return") return signal;
          // How often it turns is not known: any turn is like this one, and what one does to the next is not seen.
          if (signal === "break" || holds === undefined) return "on";
          step?.(invocation);
        }
      };
    });
  }

  /** The variables from outside that statements assign to. */
  private assignedIn(statements: readonly (Statement | null)[]): number[] {
    const slots = new Set<number>();
    const visit = (statement: Statement | null): void => {
      if (statement === null) return;
      if (statement.kind === "assign") {
        const slot = this.known(rootOf(statement.target));
        if (slot !== undefined) slots.add(slot);
      }
      for (const inner of innerOf(statement)) visit(inner);
    };
    statements.forEach(visit);
    return [...slots];
  }

  private scoped<T>(make: () => T): T {
    this.slots.push(new Map(this.slots.at(-1)));
    const made = make();
    this.slots.pop();
    return made;
  }

  private declare(name: string): number {
    const slot = this.count++;
    this.slots.at(-1)!.set(name, slot);
    return slot;
  }

  private known(name: string | null): number | undefined {
    return name === null ? undefined : this.slots.at(-1)!.get(name);
  }

  private slotOf(name: string): number {
    const slot = this.known(name);
    if (slot === undefined) throw new Error(`${name} is not declared`);
    return slot;
  }

  private compute(expression: Expression): Compute {
    switch (expression.kind) {
      case "integer":
        return () => expression.value;
      case "name": {
        if (expression.name === "lane") return ({ lane }) => lane;
        const slot = this.slotOf(expression.name);
        return ({ values }) => values[slot];
      }
      case "unary": {
        const x = this.compute(expression.operand);
        const operate = unary[expression.operator]!;
        return (invocation) => {
          const value = x(invocation);
          return value === undefined ? undefined : operate(value);
        };
      }
      case "binary": {
        const [x, y] = [this.compute(expression.left), this.compute(expression.right)];
        const operate = binary[expression.operator]!;
        const { operator } = expression;
        return (invocation) => {
          const left = x(invocation);
          if ((operator === "&&" && left === 0) || (operator === "||" && left === 1)) return left;
          const right = y(invocation);
          return left === undefined || right === undefined ? undefined : operate(left, right);
        };
      }
      case "call": {
        const operands = expression.operands.map((operand) => this.compute(operand));
        const call = calls[expression.name];
        return (invocation) => {
          const values = operands.map((operand) => operand(invocation));
          return call?.(...values);
        };
      }
      case "other":
        return () => undefined;
      case "member":
        // The number of the workgroup: the first.
        if (expression.of.kind === "name" && expression.of.name === "group") return () => 0;
        return this.access(expression, "read");
      case "index":
        return this.access(expression, "read");
    }
  }

  /** Reads or writes an element of an array or a vector. */
  private access(expression: Expression, mode: "read" | "write"): Compute {
    if (expression.kind === "member" || expression.kind === "index") {
      const { of } = expression;
      if (of.kind === "index" && of.of.kind === "name" && of.of.name === "table") {
        const word = this.compute(of.at);
        const component = "xyzw".indexOf((expression as { readonly member: string }).member);
        return (invocation) => (4 * word(invocation)! + component + 1) * arrayBytes;
      }
    }
    if (expression.kind === "index") {
      const at = this.compute(expression.at);
      const name = expression.of.kind === "name" ? expression.of.name : null;
      const memory = name === null ? undefined : this.memories.get(name);
      if (memory === undefined) {
        const of = this.access(expression.of, mode);
        return (invocation) => {
          at(invocation);
          of(invocation);
          return undefined;
        };
      }
      return (invocation) => {
        this.touch(name!, memory, at(invocation), invocation.lane, mode);
        return undefined;
      };
    }
    if (expression.kind === "member") return this.access(expression.of, mode);
    const value = this.compute(expression);
    return (invocation) => {
      value(invocation);
      return undefined;
    };
  }

  private touch(
    name: string,
    memory: Map<number, Touched>,
    place: Value,
    lane: number,
    mode: "read" | "write",
  ): void {
    if (place === undefined) {
      if (name !== "heap") this.report(`${name} is touched at a place that depends on data`);
      return;
    }
    let touched = memory.get(place);
    if (touched === undefined) memory.set(place, (touched = { writer: null, reader: null }));
    const { writer, reader } = touched;
    const isRace =
      (writer !== null && writer !== lane) || (mode === "write" && reader !== null && reader !== lane);
    if (isRace) this.report(`two invocations meet in ${name} without a barrier between them`);
    if (mode === "write") touched.writer = lane;
    else if (reader === null) touched.reader = lane;
    else if (reader !== lane) touched.reader = "many";
  }
}

const innerOf = (statement: Statement): readonly (Statement | null)[] => {
  switch (statement.kind) {
    case "block":
      return statement.body;
    case "if":
      return [statement.consequence, statement.otherwise];
    case "for":
      return [statement.begin, statement.step, statement.body];
    default:
      return [];
  }
};

const hasBarrier = (statement: Statement): boolean =>
  statement.kind === "barrier" || innerOf(statement).some((inner) => inner !== null && hasBarrier(inner));

/** The variable that an assignment changes. */
function rootOf(target: Expression): string | null {
  if (target.kind === "name") return target.name;
  return target.kind === "index" || target.kind === "member" ? rootOf(target.of) : null;
}

const unary: Readonly<Record<string, (x: number) => Value>> = {
  "-": (x) => -x,
  "!": (x) => Number(x === 0),
  "~": () => undefined,
};

/** Of addresses in the heap, which have more than 32 bits, too. */
const binary: Readonly<Record<string, (x: number, y: number) => Value>> = {
  "+": (x, y) => x + y,
  "-": (x, y) => x - y,
  "*": (x, y) => x * y,
  "/": (x, y) => (y === 0 ? undefined : Math.trunc(x / y)),
  "%": (x, y) => (y === 0 ? undefined : x % y),
  "<": (x, y) => Number(x < y),
  "<=": (x, y) => Number(x <= y),
  ">": (x, y) => Number(x > y),
  ">=": (x, y) => Number(x >= y),
  "==": (x, y) => Number(x === y),
  "!=": (x, y) => Number(x !== y),
  "&&": (x, y) => Number(x !== 0 && y !== 0),
  "||": (x, y) => Number(x !== 0 || y !== 0),
  "<<": (x, y) => x * 2 ** y,
  ">>": (x, y) => Math.floor(x / 2 ** y),
  "&": (x, y) => (Number.isInteger(Math.log2(y + 1)) ? x % (y + 1) : undefined),
  "|": () => undefined,
  "^": () => undefined,
};

const ifKnown =
  (f: (x: number, y: number) => number) =>
  (x: Value, y: Value): Value =>
    x === undefined || y === undefined ? undefined : f(x, y);

const calls: Readonly<Record<string, (...operands: Value[]) => Value>> = {
  i32: (x) => x,
  u32: (x) => x,
  "bitcast<i32>": (x) => x,
  "bitcast<u32>": (x) => x,
  min: ifKnown(Math.min),
  max: ifKnown(Math.max),
  select: (no, yes, condition) => {
    if (condition !== undefined) return condition === 0 ? no : yes;
    return no === yes ? no : undefined;
  },
};

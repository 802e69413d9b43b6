import {
  type Accumulator,
  type Affine,
  type Expression,
  type LoopKernel,
  originOf,
  type Phase,
  phaseExpressions,
  phaseRoots,
  type ScalarInstruction,
  type ScalarType,
  type Shift,
} from "@amari/core/backend";
import { applicationOf, computedFor, definitionOf, operandsOf } from "./applications.ts";
import { foldOf } from "./folds.ts";
import { rounded } from "./instructions.ts";
import { type JsKernel, type StoredType, shiftOf } from "./views.ts";

/**
 * A kernel as the source of a JavaScript function, compiled. Values stand in the outermost loop that they depend on. An
 * operation of several instructions is a call of its scalar definition: engines have their own exponentials.
 *
 * @throws EvalError where the page's policy forbids making code of strings
 */
export function kernelFromSource(kernel: LoopKernel): JsKernel {
  const source = new KernelSource(kernel);
  const text = source.write();
  const names = [...source.functions.keys()];
  // oxlint-disable-next-line typescript/no-implied-eval -- numbers and names that are counted; nothing that a user wrote
  const make = new Function(...names, `"use strict"; return function kernel(views, at, n) {\n${text}\n}`);
  return make(...source.functions.values()) as JsKernel;
}

/** The source of a kernel, for those who want to read it. */
export const kernelText = (kernel: LoopKernel): string => new KernelSource(kernel).write();

const infix: { readonly [I in ScalarInstruction]?: string } = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  eq: "===",
  ne: "!==",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  and: "&",
  or: "|",
  xor: "^",
};

/** A number in the type that its value must have. */
const roundedText: { readonly [T in ScalarType]?: (x: string) => string } = {
  f64: (x) => x,
  f32: (x) => `Math.fround(${x})`,
  i32: (x) => `${x} | 0`,
  u32: (x) => `${x} >>> 0`,
  bool: (x) => `${x} ? 1 : 0`,
};

const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";

class KernelSource {
  /** Functions that the text calls. */
  readonly functions = new Map<string, unknown>();
  private readonly kernel: LoopKernel;
  private readonly stored: ReadonlySet<number>;
  private readonly lines: string[] = [];
  private readonly names = new Map<Expression, string>();
  private count = 0;
  private depth = 0;

  constructor(kernel: LoopKernel) {
    this.kernel = kernel;
    this.stored = new Set(kernel.phases.flatMap(({ stores }) => stores.map(({ buffer }) => buffer)));
  }

  write(): string {
    const { loops, phases } = this.kernel;
    this.declareBuffers();
    const levels = phases.map((phase) => this.levelsOf(phase));
    for (let loop = 0; loop <= loops.length; loop++) {
      if (loop > 0) this.open(loop - 1, loops[loop - 1]!);
      // What depends on what a phase folds or stores waits for that phase.
      if (loop < loops.length) for (const level of levels) this.define(level[loop]!);
    }
    phases.forEach((phase, i) => {
      this.writePhase(phase, levels[i]!);
    });
    this.close(loops.length);
    return this.lines.join("\n");
  }

  private writePhase(phase: Phase, levels: readonly Expression[][]): void {
    const outer = this.kernel.loops.length;
    this.define(levels[outer]!);
    // What stands in the phase's loops is out of scope after them.
    const shared = new Map(this.names);
    for (const { index, initial } of phase.accumulators) this.line(`let a${index} = ${numberText(initial)};`);
    phase.loops.forEach((extent, loop) => {
      this.open(outer + loop, extent);
      this.define(levels[outer + loop + 1]!);
    });
    for (const accumulator of phase.accumulators) this.fold(accumulator);
    for (const { buffer, access, value } of phase.stores)
      this.line(`b${buffer}[${this.place(buffer, access)}] = ${this.nameOf(value)};`);
    this.close(phase.loops.length);
    for (const { index, type } of phase.accumulators)
      if (type === "f32") this.line(`a${index} = Math.fround(a${index});`);
    this.names.clear();
    for (const [expression, name] of shared) this.names.set(expression, name);
  }

  private fold({ index, type, combine, value }: Accumulator): void {
    const [a, x] = [`a${index}`, this.nameOf(value)];
    if (combine === "add" && isFloat(type)) this.line(`${a} += ${x};`);
    else
      this.line(`${a} = ${this.functionName(foldOf(combine, type), `fold_${combine}_${type}`)}(${a}, ${x});`);
  }

  /** The array and the place of each buffer, in elements. */
  private declareBuffers(): void {
    const types = new Map<number, StoredType>();
    for (const phase of this.kernel.phases) {
      for (const e of phaseExpressions(phase))
        if (e.kind === "load") types.set(e.buffer, e.type as StoredType);
      for (const { buffer, value } of phase.stores) types.set(buffer, value.type as StoredType);
    }
    for (const [buffer, type] of types)
      this.line(`const b${buffer} = views.${type}, p${buffer} = at[${buffer}] >>> ${shiftOf[type]};`);
  }

  private line(text: string): void {
    this.lines.push("  ".repeat(this.depth) + text);
  }

  private open(loop: number, extent: number): void {
    this.line(`for (let i${loop} = 0; i${loop} < ${extent}; i${loop}++) {`);
    this.depth++;
  }

  private close(loops: number): void {
    for (let i = 0; i < loops; i++) {
      this.depth--;
      this.line("}");
    }
  }

  /** What a phase computes, by how many loops it stands in. */
  private levelsOf(phase: Phase): Expression[][] {
    const extents = [...this.kernel.loops, ...phase.loops];
    const levels: Expression[][] = Array.from({ length: extents.length + 1 }, () => []);
    const depths = new Map<Expression, number>();
    for (const expression of computedFor(phaseRoots(phase))) {
      const depth = this.depthOf(expression, depths, extents);
      depths.set(expression, depth);
      if (expression.kind !== "accumulated") levels[depth]!.push(expression);
    }
    return levels;
  }

  private depthOf(
    expression: Expression,
    depths: ReadonlyMap<Expression, number>,
    extents: readonly number[],
  ): number {
    const outer = this.kernel.loops.length;
    const inLoops = ({ strides }: Affine) =>
      strides.reduce((depth, stride, loop) => (stride !== 0 && extents[loop] !== 1 ? loop + 1 : depth), 0);
    switch (expression.kind) {
      case "constant":
      case "scalar":
        return 0;
      case "accumulated":
        return outer;
      case "index":
        return inLoops(expression.access);
      case "load":
        return Math.max(
          inLoops(expression.access),
          expression.shift === undefined ? 0 : depths.get(expression.shift.by)!,
          this.stored.has(expression.buffer) ? outer : 0,
        );
      default:
        return Math.max(0, ...operandsOf(expression).map((operand) => depths.get(operand)!));
    }
  }

  /** Writes definitions of what has none yet. */
  private define(expressions: readonly Expression[]): void {
    for (const expression of expressions) {
      if (this.names.has(expression) || expression.kind === "constant") continue;
      const name = `t${this.count++}`;
      this.line(`const ${name} = ${this.text(expression)};`);
      this.names.set(expression, name);
    }
  }

  private nameOf(expression: Expression): string {
    if (expression.kind === "accumulated") return `a${expression.index}`;
    if (expression.kind === "constant" && expression.type !== "i64")
      return numberText(rounded[expression.type](expression.value));
    if (expression.kind === "constant") return `${expression.value}n`;
    return this.names.get(expression)!;
  }

  private place(buffer: number, { offset, strides }: Affine): string {
    return `p${buffer}${indexText(offset, strides)}`;
  }

  private text(expression: Expression): string {
    switch (expression.kind) {
      case "load":
        return `b${expression.buffer}[${this.place(expression.buffer, expression.access)}${this.shiftText(expression.shift)}]`;
      case "scalar":
        if (expression.type === "f16")
          return `${this.functionName(rounded.f16, "f16_bits")}(n[${expression.index}])`;
        return roundedText[expression.type]!(`n[${expression.index}]`);
      case "index":
        return `0${indexText(expression.access.offset, expression.access.strides)}`;
      case "instruction":
      case "call":
        return this.application(expression);
      default:
        return this.nameOf(expression);
    }
  }

  private shiftText(shift: Shift | undefined): string {
    if (shift === undefined) return "";
    const by = this.nameOf(shift.by);
    return shift.stride === 1 ? ` + ${by}` : ` + ${shift.stride} * ${by}`;
  }

  private application(expression: Extract<Expression, { kind: "instruction" | "call" }>): string {
    const { type } = expression;
    const operands = operandsOf(expression);
    const names = operands.map((operand) => this.nameOf(operand));
    const round = roundedText[type];
    const definition = definitionOf(expression);
    if (definition !== null) {
      const name = originOf(expression)?.name ?? "call";
      return round!(`${this.functionName(definition, `op_${name}`)}(${names.join(", ")})`);
    }
    const { instruction } = expression as Extract<Expression, { kind: "instruction" }>;
    const [x, y, z] = names;
    const sign = infix[instruction];
    const isPlain = type !== "i64" && (instruction !== "mul" || isFloat(type));
    if (sign !== undefined && isPlain && round !== undefined) return round(`(${x} ${sign} ${y})`);
    if (instruction === "select" || instruction === "rarely") return `${x} ? ${y} : ${z}`;
    if (instruction === "neg" && isFloat(type)) return `-${x}`.replace("--", "- -");
    const f = this.functionName(applicationOf(expression), `${instruction}_${type}_${operands[0]!.type}`);
    return `${f}(${names.join(", ")})`;
  }

  private functionName(f: unknown, key: string): string {
    const stem = key.replaceAll(/\W/g, "_");
    let name = stem;
    for (let i = 0; this.functions.has(name) && this.functions.get(name) !== f && !isShared(key); i++)
      name = `${stem}_${i}`;
    if (!this.functions.has(name)) this.functions.set(name, f);
    return name;
  }
}

/** Instructions and folds of one key are one function, however often they are made. */
const isShared = (key: string): boolean => !key.startsWith("op_");

const numberText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** ` + 3 + 10 * i0`, to be appended to a place. */
const indexText = (offset: number, strides: readonly number[]): string =>
  (offset === 0 ? "" : ` + ${offset}`) +
  strides
    .map((stride, loop) => (stride === 0 ? "" : ` + ${stride === 1 ? "" : `${stride} * `}i${loop}`))
    .join("");

import type { Expression, ScalarType } from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { MemoryInstruction, PlainInstruction } from "../wasm/opcodes.ts";
import { emitInstruction, splatBytes } from "./instructions.ts";
import { type Lanes, laneTypeOf, registerOf } from "./lanes.ts";

/** Pushes the address of a load; returns what to add to it as an immediate. */
export type AddressOf = (load: Extract<Expression, { kind: "load" }>) => number;

/** What the expressions of a kernel need from their surroundings. */
export interface Surroundings {
  /** The loop that vectors run along. */
  readonly inner: number;
  readonly address: AddressOf;
  /** Pushes a number that the caller of the program handed over, as a scalar register. */
  readonly scalar: (index: number, type: ScalarType) => void;
  /** The number of an imported function that computes a call. */
  readonly callee: (call: Extract<Expression, { kind: "call" }>) => number;
}

/**
 * Writes expressions: what is used more than once, or set before, lives in a local. A child scope starts with what its
 * parent knows, so that a loop's body finds what was hoisted out of it.
 */
export class Values {
  readonly lanes: Lanes;
  private readonly f: FunctionBuilder;
  private readonly surroundings: Surroundings;
  private readonly uses: ReadonlyMap<Expression, number>;
  private readonly known: Map<Expression, Local>;

  constructor(
    f: FunctionBuilder,
    lanes: Lanes,
    surroundings: Surroundings,
    uses: ReadonlyMap<Expression, number>,
    known: ReadonlyMap<Expression, Local> = new Map(),
  ) {
    this.f = f;
    this.lanes = lanes;
    this.surroundings = surroundings;
    this.uses = uses;
    this.known = new Map(known);
  }

  /** A scope for the body of a loop, possibly with other addresses. */
  child(address: AddressOf = this.surroundings.address): Values {
    return new Values(this.f, this.lanes, { ...this.surroundings, address }, this.uses, this.known);
  }

  /** Says that a local holds an expression. */
  define(expression: Expression, local: Local): void {
    this.known.set(expression, local);
  }

  /** Computes an expression into a local of its own, once. */
  hoist(expression: Expression): void {
    if (this.known.has(expression)) return;
    this.push(expression);
    if (this.known.has(expression)) {
      this.f.op("drop");
      return;
    }
    const local = this.f.local(this.registerFor(expression.type));
    this.f.set(local);
    this.known.set(expression, local);
  }

  /** Puts the value of an expression on the stack. */
  push(expression: Expression): void {
    const { f } = this;
    const known = this.known.get(expression);
    if (known !== undefined) {
      f.get(known);
      return;
    }
    this.compute(expression);
    if ((this.uses.get(expression) ?? 0) > 1 && expression.kind !== "constant") {
      const local = f.local(this.registerFor(expression.type));
      f.tee(local);
      this.known.set(expression, local);
    }
  }

  /** The register of a value of a type. */
  registerFor(type: ScalarType): Local["type"] {
    return this.lanes === 1 ? registerOf(type) : "v128";
  }

  private compute(expression: Expression): void {
    const { f, lanes } = this;
    switch (expression.kind) {
      case "constant":
        if (lanes > 1) f.v128(splatBytes(expression.value, expression.type, lanes));
        else if (expression.type === "f32") f.f32(expression.value);
        else if (expression.type === "f64") f.f64(expression.value);
        else f.i32(expression.value);
        return;
      case "scalar":
        this.surroundings.scalar(expression.index, expression.type);
        this.splat(expression.type);
        return;
      case "load":
        this.load(expression);
        return;
      case "instruction":
        for (const operand of machineOrder(expression)) this.push(operand);
        emitInstruction(f, expression, lanes);
        return;
      case "call": {
        // The host's functions take and return float64.
        for (const operand of expression.operands) {
          this.push(operand);
          toFloat64(f, operand.type);
        }
        f.call(this.surroundings.callee(expression));
        fromFloat64(f, expression.type);
        return;
      }
      case "accumulated":
        throw new Error("an accumulator is defined before it is used");
    }
  }

  private load(expression: Extract<Expression, { kind: "load" }>): void {
    const { f, lanes } = this;
    const { type } = expression;
    const offset = this.surroundings.address(expression);
    const isContiguous = expression.access.strides[this.surroundings.inner] !== 0;
    if (lanes === 1) f.memory(scalarLoads[type], offset);
    else if (isContiguous) f.memory("v128.load", offset);
    else f.memory(lanes === 4 ? "v128.load32_splat" : "v128.load64_splat", offset);
  }

  private splat(type: ScalarType): void {
    if (this.lanes > 1) this.f.op(`${laneTypeOf(type, this.lanes)}.splat` as PlainInstruction);
  }
}

/** The operands as the machine takes them: a selection's condition comes last. */
function machineOrder({
  instruction,
  operands,
}: Extract<Expression, { kind: "instruction" }>): readonly Expression[] {
  if (instruction !== "select") return operands;
  const [condition, x, y] = operands as [Expression, Expression, Expression];
  return [x, y, condition];
}

const scalarLoads: { readonly [T in ScalarType]: MemoryInstruction } = {
  f64: "f64.load",
  f32: "f32.load",
  i32: "i32.load",
  u32: "i32.load",
  bool: "i32.load8_u",
};

/** How a scalar is written to memory. */
export const scalarStores: { readonly [T in ScalarType]: MemoryInstruction } = {
  f64: "f64.store",
  f32: "f32.store",
  i32: "i32.store",
  u32: "i32.store",
  bool: "i32.store8",
};

/** Widens a scalar register to float64. */
export function toFloat64(f: FunctionBuilder, type: ScalarType): void {
  if (type === "f32") f.op("f64.promote_f32");
  else if (type === "u32") f.op("f64.convert_i32_u");
  else if (type !== "f64") f.op("f64.convert_i32_s");
}

/** Narrows float64 to a scalar register; integers modulo 2^32. */
export function fromFloat64(f: FunctionBuilder, type: ScalarType): void {
  if (type === "f32") f.op("f32.demote_f64");
  else if (type === "bool") f.f64(0).op("f64.ne");
  else if (type !== "f64") f.op("i64.trunc_sat_f64_s").op("i32.wrap_i64");
}

import {
  type Affine,
  type Expression,
  expressionsOf,
  type ScalarType,
  type Shift,
} from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { MemoryInstruction, PlainInstruction } from "../wasm/opcodes.ts";
import type { Target } from "../wasm/target.ts";
import { emitInstruction, emitVectorSelect } from "./instructions.ts";
import {
  bytesOf,
  isHalfVector,
  type Lanes,
  laneTypeOf,
  narrowMask,
  registerOf,
  splatBytes,
} from "./lanes.ts";

/** What is read or written at the current point. */
export type Addressed = Pick<Extract<Expression, { kind: "load" }>, "buffer" | "access" | "type">;

/** The current point of the loops. */
export interface Place {
  /** Pushes the address of an access; returns what to add to it as an immediate. */
  readonly address: (access: Addressed) => number;
  /** How many elements it stands beyond the counter of the inner loop. */
  readonly ahead: number;
}

/** What the expressions of a kernel need from their surroundings. */
export interface Surroundings {
  /** The loop that vectors run along. */
  readonly inner: number;
  readonly place: Place;
  readonly target: Target;
  /** The counter of a loop. */
  readonly counter: (loop: number) => Local;
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

  /** A scope for the body of a loop, possibly at another place or along another loop. */
  child(changes: Partial<Pick<Surroundings, "place" | "inner">> = {}): Values {
    return new Values(this.f, this.lanes, { ...this.surroundings, ...changes }, this.uses, this.known);
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
        if (lanes > 1) f.v128(splatBytes(expression.value, expression.type));
        else if (expression.type === "f32") f.f32(expression.value);
        else if (expression.type === "f64") f.f64(expression.value);
        else if (expression.type === "i64") f.i64(BigInt(expression.value));
        else f.i32(expression.value);
        return;
      case "scalar":
        this.surroundings.scalar(expression.index, expression.type);
        this.splat(expression.type);
        return;
      case "load":
        this.load(expression);
        return;
      case "index":
        this.index(expression);
        return;
      case "instruction":
        if (expression.instruction === "rarely") {
          this.branch(expression);
          return;
        }
        for (const operand of machineOrder(expression)) this.push(operand);
        emitInstruction(f, expression, lanes, this.surroundings.target);
        return;
      case "call":
        if (lanes === 1) {
          this.call(expression, (operand) => this.push(operand));
          fromFloat64(f, expression.type);
        } else this.callByLane(expression);
        return;
      case "accumulated":
        throw new Error("an accumulator is defined before it is used");
    }
  }

  /** Calls a function of the host, whose functions take and return float64. */
  private call(expression: Call, push: (operand: Expression, index: number) => void): void {
    expression.operands.forEach((operand, i) => {
      push(operand, i);
      toFloat64(this.f, operand.type);
    });
    this.f.call(this.surroundings.callee(expression));
  }

  /** Calls a function of the host for one lane after the other. */
  private callByLane(expression: Call): void {
    const { f, lanes } = this;
    const operands = expression.operands.map((operand) => {
      const local = f.local("v128");
      this.push(operand);
      f.set(local);
      return local;
    });
    const { type } = expression;
    f.v128(new Uint8Array(16));
    for (let i = 0; i < lanes; i++) {
      this.call(expression, (operand, at) => extractLane(f.get(operands[at]!), operand.type, lanes, i));
      fromFloat64(f, type);
      this.setLane(type, i);
    }
    for (const local of operands) f.release(local);
  }

  /** A selection whose first value is computed behind a test, in a scope that nothing outside sees. */
  private branch({ operands, type }: Extract<Expression, { kind: "instruction" }>): void {
    const { f, lanes } = this;
    const [condition, rare, usual] = operands as [Expression, Expression, Expression];
    const [mask, result] = [f.local(this.registerFor("bool")), f.local(this.registerFor(type))];
    this.push(usual);
    f.set(result);
    this.push(condition);
    f.tee(mask);
    if (lanes > 1) f.op("v128.any_true");
    f.if(() => {
      this.child().push(rare);
      if (lanes > 1) {
        f.get(result).get(mask);
        emitVectorSelect(f, type, lanes, this.surroundings.target.relaxed);
      }
      f.set(result);
    });
    f.get(result);
    f.release(mask);
    f.release(result);
  }

  private load(expression: Load): void {
    const { f, lanes } = this;
    const { type, shift } = expression;
    if (shift !== undefined && lanes > 1 && this.variesAlongLanes(shift.by)) {
      this.loadByLane(expression, shift);
      return;
    }
    const offset = this.surroundings.place.address(expression);
    if (shift !== undefined) {
      this.push(shift.by);
      if (lanes > 1) f.lane("i32x4.extract_lane", 0);
      f.i32(shift.stride * bytesOf[type])
        .op("i32.mul")
        .op("i32.add");
    }
    const along = this.along(expression.access);
    const isContiguous = along !== 0;
    if (lanes === 1) f.memory(scalarLoads[type], offset);
    else if (along !== 0 && along !== 1) this.loadStrided(type, offset, along);
    else if (type === "bool") this.loadMask(offset, isContiguous);
    else if (type === "f16") this.loadHalves(offset, isContiguous);
    else if (!isContiguous) f.memory(bytesOf[type] === 4 ? "v128.load32_splat" : "v128.load64_splat", offset);
    else f.memory(isHalfVector(type, lanes) ? "v128.load64_zero" : "v128.load", offset);
  }

  /** How many elements an access moves from lane to lane. */
  along({ strides }: Affine): number {
    return strides[this.surroundings.inner] ?? 0;
  }

  /** Loads lanes that do not lie side by side, from the address on the stack on. */
  private loadStrided(type: ScalarType, offset: number, along: number): void {
    const { f, lanes } = this;
    const address = f.local("i32");
    const places = lanePlaces(f, type, lanes, offset, along);
    f.set(address).v128(new Uint8Array(16));
    places.forEach((place, lane) => {
      f.get(address).memory(scalarLoads[type], place);
      this.setLane(type, lane);
    });
    f.release(address);
  }

  private variesAlongLanes(expression: Expression): boolean {
    const { inner } = this.surroundings;
    return expressionsOf([expression]).some(
      (e) => (e.kind === "load" || e.kind === "index") && (e.access.strides[inner] ?? 0) !== 0,
    );
  }

  /** Loads each lane from a place of its own. */
  private loadByLane(expression: Load, { by, stride }: Shift): void {
    const { f, lanes } = this;
    const { type, access } = expression;
    const along = this.along(access);
    const [shifts, address] = [f.local("v128"), f.local("i32")];
    this.push(by);
    f.set(shifts);
    const places = lanePlaces(f, type, lanes, this.surroundings.place.address(expression), along);
    f.set(address);
    f.v128(new Uint8Array(16));
    places.forEach((place, lane) => {
      f.get(address).get(shifts).lane("i32x4.extract_lane", lane);
      f.i32(stride * bytesOf[type])
        .op("i32.mul")
        .op("i32.add");
      f.memory(scalarLoads[type], place);
      this.setLane(type, lane);
    });
    f.release(shifts);
    f.release(address);
  }

  /** Puts the scalar on the stack into a lane of the vector below it. */
  private setLane(type: ScalarType, lane: number): void {
    const { f, lanes } = this;
    if (type === "bool") f.op("i64.extend_i32_u").i64(-1n).op("i64.mul");
    if (type === "bool" && lanes === 4) f.op("i32.wrap_i64");
    f.lane(`${laneTypeOf(type, lanes)}.replace_lane`, lane);
  }

  /** Loads bytes of 0 and 1 as a mask. */
  private loadMask(offset: number, isContiguous: boolean): void {
    const { f, lanes } = this;
    if (isContiguous) {
      f.memory(lanes === 4 ? "v128.load32_zero" : "v128.load16_splat", offset);
      f.op("i16x8.extend_low_i8x16_s").op("i32x4.extend_low_i16x8_s");
      if (lanes === 2) f.op("i64x2.extend_low_i32x4_s");
    } else f.memory("i32.load8_u", offset).op("i32x4.splat");
    // A splat of 32 bits fills 64 as well, but only all ones are a mask in both.
    f.op(isContiguous && lanes === 2 ? "i64x2.neg" : "i32x4.neg");
  }

  /** Loads words of 16 bits as the lower halves of lanes of 32. */
  private loadHalves(offset: number, isContiguous: boolean): void {
    const { f, lanes } = this;
    if (!isContiguous) f.memory("i32.load16_u", offset).op("i32x4.splat");
    else if (lanes === 4) f.memory("v128.load16x4_u", offset);
    else f.memory("v128.load32_zero", offset).op("i32x4.extend_low_i16x8_u");
  }

  /** Lanes stand at neighbouring points of the inner loop. */
  private index({ access: { offset, strides } }: Extract<Expression, { kind: "index" }>): void {
    const { f, lanes } = this;
    const { inner, place, counter } = this.surroundings;
    const along = strides[inner] ?? 0;
    f.i32(offset + along * place.ahead);
    strides.forEach((stride, loop) => {
      if (stride !== 0) f.get(counter(loop)).i32(stride).op("i32.mul").op("i32.add");
    });
    this.splat("i32");
    if (lanes > 1 && along !== 0) f.v128(staircase(along)).op("i32x4.add");
  }

  /** Puts the scalar on the stack in every lane. */
  splat(type: ScalarType): void {
    if (this.lanes === 1) return;
    if (type === "bool") this.f.op("i32x4.splat").op("i32x4.neg");
    else this.f.op(`${laneTypeOf(type, this.lanes)}.splat` as PlainInstruction);
  }
}

/** Lanes that are so far apart, from 0 on. */
const staircase = (step: number): Uint8Array =>
  new Uint8Array(Int32Array.of(0, step, 2 * step, 3 * step).buffer);

type Load = Extract<Expression, { kind: "load" }>;

type Call = Extract<Expression, { kind: "call" }>;

/** The scalar in one lane of the vector on the stack. */
export function extractLane(f: FunctionBuilder, type: ScalarType, lanes: Lanes, lane: number): void {
  if (type === "bool")
    f.lane("i32x4.extract_lane", lanes === 2 ? 2 * lane : lane)
      .i32(1)
      .op("i32.and");
  else f.lane(`${laneTypeOf(type, lanes)}.extract_lane`, lane);
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
  f16: "i32.load16_u",
  i32: "i32.load",
  i64: "i64.load",
  u32: "i32.load",
  bool: "i32.load8_u",
};

/**
 * The immediates of lanes that lie so many elements apart, from the address on the stack and `offset` on. An immediate has
 * no sign: where they go backwards the address becomes that of the last.
 */
function lanePlaces(
  f: FunctionBuilder,
  type: ScalarType,
  lanes: Lanes,
  offset: number,
  along: number,
): number[] {
  const step = along * bytesOf[type];
  const least = Math.min(0, step * (lanes - 1));
  if (least < 0) f.i32(least).op("i32.add");
  return Array.from({ length: lanes }, (_, lane) => offset - least + lane * step);
}

/** Writes what is on the stack to the address below it, the lanes so many elements apart. */
export function emitStore(
  f: FunctionBuilder,
  type: ScalarType,
  lanes: Lanes,
  offset: number,
  along = 1,
): void {
  if (lanes === 1) f.memory(scalarStores[type], offset);
  else if (along !== 1) {
    const [value, address] = [f.local("v128"), f.local("i32")];
    f.set(value);
    const places = lanePlaces(f, type, lanes, offset, along);
    f.set(address);
    places.forEach((place, lane) => {
      extractLane(f.get(address).get(value), type, lanes, lane);
      f.memory(scalarStores[type], place);
    });
    f.release(value);
    f.release(address);
  } else if (type === "bool") {
    if (lanes === 2) narrowMask(f);
    // Both halves of the narrowed vector are the same.
    const mask = f.local("v128");
    f.tee(mask).get(mask).op("i16x8.narrow_i32x4_s").tee(mask).get(mask).op("i8x16.narrow_i16x8_s");
    f.v128(new Uint8Array(16).fill(1)).op("v128.and");
    f.storeLane(lanes === 4 ? "v128.store32_lane" : "v128.store16_lane", offset);
    f.release(mask);
  } else if (type === "f16") {
    const halves = f.local("v128");
    f.tee(halves).get(halves).op("i16x8.narrow_i32x4_u");
    f.storeLane(lanes === 4 ? "v128.store64_lane" : "v128.store32_lane", offset);
    f.release(halves);
  } else if (isHalfVector(type, lanes)) f.storeLane("v128.store64_lane", offset);
  else f.memory("v128.store", offset);
}

const scalarStores: { readonly [T in ScalarType]: MemoryInstruction } = {
  f64: "f64.store",
  f32: "f32.store",
  f16: "i32.store16",
  i32: "i32.store",
  i64: "i64.store",
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

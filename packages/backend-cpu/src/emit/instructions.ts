import type { Expression, ScalarInstruction, ScalarType } from "@amari/core/backend";
import type { FunctionBuilder } from "../wasm/function.ts";
import type { PlainInstruction } from "../wasm/opcodes.ts";
import type { Target } from "../wasm/target.ts";
import { emitConversion } from "./conversions.ts";
import {
  isHalfVector,
  type Lanes,
  laneTypeOf,
  narrowMask,
  registerOf,
  splatBytes,
  widenMask,
} from "./lanes.ts";

type InstructionNode = Extract<Expression, { kind: "instruction" }>;

/**
 * Writes one instruction of a kernel; its operands are on the stack, a selection's
 * condition last. In vectors a bool is a mask of all ones or all
 * zeros, as wide as a lane; in scalars it is an i32 of 1 or 0.
 */
export function emitInstruction(
  f: FunctionBuilder,
  node: InstructionNode,
  lanes: Lanes,
  { relaxed, revectorised }: Target,
): void {
  const { instruction, operands } = node;
  const from = operands[0]!.type;
  if (instruction === "convert") emitConversion(f, from, node.type, lanes);
  else if (instruction === "bits") emitBits(f, from, node.type, lanes);
  else if (instruction === "fma") emitFma(f, node.type, lanes, relaxed);
  else if (instruction === "select") {
    if (lanes === 1) f.op("select");
    else emitVectorSelect(f, node.type, lanes, relaxed);
  } else if (lanes === 1) emitScalar(f, instruction, from);
  else if (revectorised && instruction === "neg" && from === "f64") flipSigns(f);
  else emitVector(f, instruction, from, lanes, operands[1]);
}

/** Negates both lanes. V8 13.6 makes garbage of a pair of `f64x2.neg`. */
function flipSigns(f: FunctionBuilder): void {
  f.v128(splatBytes(-0, "f64")).op("v128.xor");
}

const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";

function emitBits(f: FunctionBuilder, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (lanes > 1) return;
  const [source, target] = [registerOf(from), registerOf(to)];
  if (source !== target) f.op(`${target}.reinterpret_${source}` as PlainInstruction);
}

/** WebAssembly has the fused form for vectors only, so that a scalar becomes one: its bits must be the same. */
function emitFma(f: FunctionBuilder, type: ScalarType, lanes: Lanes, relaxed: boolean): void {
  const lane = type === "f64" ? "f64x2" : "f32x4";
  const register = lanes > 1 ? "v128" : registerOf(type);
  if (!relaxed) {
    const z = f.local(register);
    const prefix = lanes > 1 ? lane : register;
    f.set(z)
      .op(`${prefix}.mul` as PlainInstruction)
      .get(z)
      .op(`${prefix}.add` as PlainInstruction);
    f.release(z);
    return;
  }
  if (lanes > 1) {
    f.op(`${lane}.relaxed_madd`);
    return;
  }
  const [y, z] = [f.local(register), f.local(register)];
  f.set(z).set(y).op(`${lane}.splat`);
  f.get(y).op(`${lane}.splat`).get(z).op(`${lane}.splat`);
  f.op(`${lane}.relaxed_madd`).lane(`${lane}.extract_lane`, 0);
  f.release(y);
  f.release(z);
}

/** Picks lanes by the mask on top of the stack. */
export function emitVectorSelect(f: FunctionBuilder, type: ScalarType, lanes: Lanes, relaxed: boolean): void {
  if (isHalfVector(type, lanes)) narrowMask(f);
  if (!relaxed) f.op("v128.bitselect");
  else {
    const is64 = lanes === 2 && !isHalfVector(type, lanes);
    f.op(is64 ? "i64x2.relaxed_laneselect" : "i32x4.relaxed_laneselect");
  }
}

function emitScalar(f: FunctionBuilder, instruction: ScalarInstruction, type: ScalarType): void {
  const register = registerOf(type);
  const sign = type === "u32" ? "_u" : "_s";
  switch (instruction) {
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "sqrt":
    case "floor":
    case "ceil":
    case "trunc":
    case "nearest":
    case "eq":
    case "ne":
      f.op(`${register}.${instruction}` as PlainInstruction);
      return;
    case "neg":
      if (isFloat(type)) f.op(`${register}.neg` as PlainInstruction);
      else f.i32(-1).op("i32.mul");
      return;
    case "abs": {
      if (isFloat(type)) {
        f.op(`${register}.abs` as PlainInstruction);
        return;
      }
      if (type === "u32") return;
      const x = f.local("i32");
      f.set(x).get(x).i32(0).get(x).op("i32.sub").get(x).i32(0).op("i32.ge_s").op("select");
      f.release(x);
      return;
    }
    case "min":
    case "max": {
      if (isFloat(type)) {
        f.op(`${register}.${instruction}` as PlainInstruction);
        return;
      }
      const [x, y] = [f.local("i32"), f.local("i32")];
      f.set(y)
        .tee(x)
        .get(y)
        .get(x)
        .get(y)
        .op(`i32.${instruction === "min" ? "lt" : "gt"}${sign}` as PlainInstruction)
        .op("select");
      f.release(x);
      f.release(y);
      return;
    }
    case "lt":
    case "le":
    case "gt":
    case "ge":
      f.op(`${register}.${instruction}${isFloat(type) ? "" : sign}` as PlainInstruction);
      return;
    case "and":
    case "or":
    case "xor":
    case "shl":
      f.op(`${register}.${instruction}` as PlainInstruction);
      return;
    case "shr":
      f.op(`${register}.shr_u` as PlainInstruction);
      return;
    case "not":
      if (type === "bool") f.op("i32.eqz");
      else f.i32(-1).op("i32.xor");
      return;
    default:
      throw new Error(`no scalar form of ${instruction}`);
  }
}

function emitVector(
  f: FunctionBuilder,
  instruction: ScalarInstruction,
  type: ScalarType,
  lanes: Lanes,
  second: Expression | undefined,
): void {
  const lane = laneTypeOf(type, lanes);
  const sign = lane !== "i32x4" ? "" : type === "u32" ? "_u" : "_s";
  switch (instruction) {
    case "and":
    case "or":
    case "xor":
    case "not":
      f.op(`v128.${instruction}` as PlainInstruction);
      return;
    case "shl":
    case "shr":
      emitShift(f, instruction, lane as "i32x4" | "i64x2", lanes, second!);
      return;
    case "min":
    case "max":
      // With a number that is no zero and no NaN, the instruction that takes either operand at its word does the same.
      if (isFloat(type) && second?.kind === "constant" && Math.abs(second.value) > 0)
        f.op(`${lane}.p${instruction}` as PlainInstruction);
      else f.op(`${lane}.${instruction}${sign}` as PlainInstruction);
      return;
    case "lt":
    case "le":
    case "gt":
    case "ge":
      if (type === "bool") {
        compareMasks(f, instruction);
        return;
      }
      f.op(`${lane}.${instruction}${sign}` as PlainInstruction);
      if (isHalfVector(type, lanes)) widenMask(f);
      return;
    case "eq":
    case "ne":
      if (type === "bool") {
        f.op("v128.xor");
        if (instruction === "eq") f.op("v128.not");
        return;
      }
      f.op(`${lane}.${instruction}` as PlainInstruction);
      if (isHalfVector(type, lanes)) widenMask(f);
      return;
    case "abs":
      if (type !== "u32") f.op(`${lane}.abs` as PlainInstruction);
      return;
    default:
      f.op(`${lane}.${instruction}` as PlainInstruction);
  }
}

/** Orders truth values, false before true: a mask has all bits of a true lane set, which as a number is -1. */
function compareMasks(f: FunctionBuilder, instruction: "lt" | "le" | "gt" | "ge"): void {
  switch (instruction) {
    case "lt":
      f.op("v128.not").op("v128.or").op("v128.not");
      return;
    case "le":
      f.op("v128.andnot").op("v128.not");
      return;
    case "gt":
      f.op("v128.andnot");
      return;
    case "ge":
      f.op("v128.not").op("v128.or");
  }
}

/** Vectors shift all lanes by one number; by different ones they go lane by lane. */
function emitShift(
  f: FunctionBuilder,
  instruction: "shl" | "shr",
  lane: "i32x4" | "i64x2",
  lanes: Lanes,
  places: Expression,
): void {
  const unsigned = instruction === "shl" ? "shl" : "shr_u";
  if (places.kind === "constant") {
    f.op("drop").i32(places.value).op(`${lane}.${unsigned}`);
    return;
  }
  if (lane === "i64x2") throw new Error("64-bit lanes shift by constants only");
  const [x, y] = [f.local("v128"), f.local("v128")];
  f.set(y).set(x).get(x);
  for (let i = 0; i < lanes; i++) {
    f.get(x).lane("i32x4.extract_lane", i).get(y).lane("i32x4.extract_lane", i);
    f.op(`i32.${unsigned}`).lane("i32x4.replace_lane", i);
  }
  f.release(x);
  f.release(y);
}

import type { Expression, ScalarInstruction, ScalarType } from "@amari/core/backend";
import type { FunctionBuilder } from "../wasm/function.ts";
import type { PlainInstruction } from "../wasm/opcodes.ts";
import { type Lanes, laneTypeOf } from "./lanes.ts";

type InstructionNode = Extract<Expression, { kind: "instruction" }>;

/**
 * Writes one instruction of a kernel; its operands are on the stack, a selection's
 * condition last. In vectors a bool is a mask of all ones or all
 * zeros, as wide as its neighbours; in scalars it is an i32 of 1 or 0.
 */
export function emitInstruction(f: FunctionBuilder, node: InstructionNode, lanes: Lanes): void {
  const { instruction, operands } = node;
  const from = operands[0]!.type;
  if (instruction === "convert") emitConversion(f, from, node.type, lanes);
  else if (instruction === "bits") {
    if (lanes === 1) f.op(from === "f32" ? "i32.reinterpret_f32" : "f32.reinterpret_i32");
  } else if (lanes === 1) emitScalar(f, instruction, instruction === "select" ? node.type : from);
  else emitVector(f, instruction, instruction === "select" ? node.type : from, lanes, operands[1]);
}

const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";

function emitScalar(f: FunctionBuilder, instruction: ScalarInstruction, type: ScalarType): void {
  const register = isFloat(type) ? type : "i32";
  const sign = type === "u32" ? "_u" : "_s";
  switch (instruction) {
    case "add":
    case "sub":
    case "mul":
      f.op(`${register}.${instruction}` as PlainInstruction);
      return;
    case "div":
    case "sqrt":
    case "floor":
    case "ceil":
    case "trunc":
    case "nearest":
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
    case "eq":
    case "ne":
      f.op(`${register}.${instruction}` as PlainInstruction);
      return;
    case "lt":
    case "le":
    case "gt":
    case "ge":
      f.op(`${register}.${instruction}${isFloat(type) ? "" : sign}` as PlainInstruction);
      return;
    case "and":
    case "or":
    case "xor":
      f.op(`i32.${instruction}` as PlainInstruction);
      return;
    case "not":
      if (type === "bool") f.op("i32.eqz");
      else f.i32(-1).op("i32.xor");
      return;
    case "shl":
      f.op("i32.shl");
      return;
    case "shr":
      f.op("i32.shr_u");
      return;
    case "select":
      f.op("select");
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
  const sign = type === "u32" ? "_u" : "_s";
  switch (instruction) {
    case "select":
      f.op("v128.bitselect");
      return;
    case "and":
    case "or":
    case "xor":
    case "not":
      f.op(`v128.${instruction}` as PlainInstruction);
      return;
    case "shl":
    case "shr":
      if (second?.kind !== "constant") throw new Error("vectors shift by constants only");
      f.op("drop")
        .i32(second.value)
        .op(instruction === "shl" ? "i32x4.shl" : "i32x4.shr_u");
      return;
    case "min":
    case "max":
      f.op(`${lane}.${instruction}${lane === "i32x4" ? sign : ""}` as PlainInstruction);
      return;
    case "lt":
    case "le":
    case "gt":
    case "ge":
      f.op(`${lane}.${instruction}${lane === "i32x4" ? sign : ""}` as PlainInstruction);
      return;
    case "eq":
    case "ne":
      if (type === "bool") {
        f.op("v128.xor");
        if (instruction === "eq") f.op("v128.not");
      } else f.op(`${lane}.${instruction}` as PlainInstruction);
      return;
    case "abs":
      if (type !== "u32") f.op(`${lane}.abs` as PlainInstruction);
      return;
    default:
      f.op(`${lane}.${instruction}` as PlainInstruction);
  }
}

function emitConversion(f: FunctionBuilder, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (from === to) return;
  const integers = new Set<ScalarType>(["i32", "u32"]);
  if (integers.has(from) && integers.has(to)) return;
  if (lanes === 1) {
    if (to === "bool") {
      if (from === "f32") f.f32(0);
      else if (from === "f64") f.f64(0);
      else f.i32(0);
      f.op(`${isFloat(from) ? from : "i32"}.ne` as PlainInstruction);
    } else if (isFloat(from) && isFloat(to)) f.op(to === "f64" ? "f64.promote_f32" : "f32.demote_f64");
    else if (isFloat(to)) f.op(`${to}.convert_i32_${from === "u32" ? "u" : "s"}` as PlainInstruction);
    else if (isFloat(from)) {
      // By way of 64 bits it wraps modulo 2^32; what is beyond them, or NaN, becomes 0.
      if (from === "f32") f.op("f64.promote_f32");
      const x = f.local("f64");
      f.tee(x).op("i64.trunc_sat_f64_s").op("i32.wrap_i64").i32(0);
      f.get(x)
        .op("f64.abs")
        .f64(2 ** 63)
        .op("f64.lt")
        .op("select");
      f.release(x);
    }
    return;
  }
  if (to === "bool") {
    f.v128(new Uint8Array(16)).op(`${laneTypeOf(from, lanes)}.ne` as PlainInstruction);
  } else if (from === "bool") {
    f.v128(splatBytes(1, to, lanes)).op("v128.and");
  } else if (to === "f32") f.op(from === "u32" ? "f32x4.convert_i32x4_u" : "f32x4.convert_i32x4_s");
  else throw new Error(`vectors do not convert ${from} to ${to}`);
}

/** The bytes of a vector whose lanes all hold a constant. */
export function splatBytes(value: number, type: ScalarType, lanes: Lanes): Uint8Array {
  if (lanes === 2)
    return new Uint8Array(
      (type === "bool" ? BigInt64Array.of(-BigInt(value), -BigInt(value)) : Float64Array.of(value, value))
        .buffer,
    );
  if (type === "f32") return new Uint8Array(Float32Array.of(value, value, value, value).buffer);
  const word = type === "bool" ? -value : value;
  return new Uint8Array(Int32Array.of(word, word, word, word).buffer);
}

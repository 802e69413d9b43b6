import type { ScalarType } from "@amari/core/backend";
import type { FunctionBuilder } from "../wasm/function.ts";
import type { PlainInstruction } from "../wasm/opcodes.ts";
import { isHalfVector, type Lanes, laneTypeOf, narrowMask, splatBytes, widenMask } from "./lanes.ts";

type Float = "f32" | "f64";

const isFloat = (type: ScalarType): type is Float => type === "f32" || type === "f64";
const isInteger = (type: ScalarType): boolean => type === "i32" || type === "u32";

/** Turns what is on the stack into another type. A float becomes an integer modulo 2^32. */
export function emitConversion(f: FunctionBuilder, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (from === to || (isInteger(from) && isInteger(to))) return;
  if (lanes === 1) convertScalar(f, from, to);
  else convertVector(f, from, to, lanes);
}

function convertScalar(f: FunctionBuilder, from: ScalarType, to: ScalarType): void {
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
}

function convertVector(f: FunctionBuilder, from: ScalarType, to: ScalarType, lanes: Lanes): void {
  if (to === "bool") {
    f.v128(new Uint8Array(16)).op(`${laneTypeOf(from, lanes)}.ne` as PlainInstruction);
    if (isHalfVector(from, lanes)) widenMask(f);
  } else if (from === "bool") {
    if (isHalfVector(to, lanes)) narrowMask(f);
    splat(f, 1, to).op("v128.and");
  } else if (isFloat(from) && isFloat(to))
    f.op(to === "f64" ? "f64x2.promote_low_f32x4" : "f32x4.demote_f64x2_zero");
  else if (isFloat(from)) wrapToInteger(f, from);
  else if (to === "f32") f.op(from === "u32" ? "f32x4.convert_i32x4_u" : "f32x4.convert_i32x4_s");
  else f.op(from === "u32" ? "f64x2.convert_low_i32x4_u" : "f64x2.convert_low_i32x4_s");
}

/**
 * Vectors have no 64-bit integers to wrap in, so that the multiple of 2^32 is taken away in floats, which is exact,
 * until the rest lies from -2^31 to below 2^31. NaN, and what the infinities leave, become 0 by saturation.
 */
function wrapToInteger(f: FunctionBuilder, from: Float): void {
  const lane = from === "f32" ? "f32x4" : "f64x2";
  const [x, rest] = [f.local("v128"), f.local("v128")];
  const c = (value: number) => splat(f, value, from);
  f.op(`${lane}.trunc`).tee(x).get(x);
  c(2 ** -32)
    .op(`${lane}.mul`)
    .op(`${lane}.trunc`);
  c(2 ** 32)
    .op(`${lane}.mul`)
    .op(`${lane}.sub`)
    .tee(rest);
  f.get(rest);
  c(2 ** 31).op(`${lane}.ge`);
  c(2 ** 32)
    .op("v128.and")
    .op(`${lane}.sub`);
  f.get(rest);
  c(-(2 ** 31)).op(`${lane}.lt`);
  c(2 ** 32)
    .op("v128.and")
    .op(`${lane}.add`);
  // Beyond 2^63 a float32 is a multiple of 2^32 anyway.
  if (from === "f64") {
    f.get(x).op("f64x2.abs");
    c(2 ** 63)
      .op("f64x2.lt")
      .op("v128.and");
  }
  f.op(from === "f32" ? "i32x4.trunc_sat_f32x4_s" : "i32x4.trunc_sat_f64x2_s_zero");
  f.release(x);
  f.release(rest);
}

const splat = (f: FunctionBuilder, value: number, type: ScalarType): FunctionBuilder =>
  f.v128(splatBytes(value, type));

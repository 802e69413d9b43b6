import { kernelExpressions, type LoopKernel, type ScalarType } from "@amari/core/backend";
import type { FunctionBuilder } from "../wasm/function.ts";
import type { ValueType } from "../wasm/opcodes.ts";

/** How many elements a loop treats at a time: a vector of four 32-bit or two 64-bit lanes, or one. */
export type Lanes = 4 | 2 | 1;

/** Bytes of an element in memory. */
export const bytesOf: { readonly [T in ScalarType]: number } = {
  f64: 8,
  f32: 4,
  f16: 2,
  i32: 4,
  i64: 8,
  u32: 4,
  bool: 1,
};

/** The register that holds one scalar. */
export const registerOf = (type: ScalarType): ValueType =>
  type === "u32" || type === "bool" || type === "f16" ? "i32" : type;

/**
 * The type whose arithmetic treats the lanes of a type. Two lanes of 32 bits stand in the lower half of a vector, and a
 * bool is a mask as wide as a lane is: 32 bits where there are four of them, 64 where there are two. The bits of an f16 are
 * the lower ones of a lane of 32.
 */
export function laneTypeOf(type: ScalarType, lanes: Lanes): "f32x4" | "f64x2" | "i32x4" | "i64x2" {
  if (type === "f64") return "f64x2";
  if (type === "i64" || (type === "bool" && lanes === 2)) return "i64x2";
  return type === "f32" ? "f32x4" : "i32x4";
}

/** Whether two lanes of a type leave the upper half of a vector unused. */
export const isHalfVector = (type: ScalarType, lanes: Lanes): boolean =>
  lanes === 2 && (type === "f32" || type === "i32" || type === "u32" || type === "f16");

/** The mask of a comparison in the lower half of a vector, as a bool of two lanes. */
export const widenMask = (f: FunctionBuilder): FunctionBuilder => f.op("i64x2.extend_low_i32x4_s");

/** A bool of two lanes as a mask in the lower half of a vector. */
export const narrowMask = (f: FunctionBuilder): FunctionBuilder =>
  f.v128(new Uint8Array(16)).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23]);

/** The widest vectors that a kernel can be written in, as far as its types go. */
export const widestLanes = (kernel: LoopKernel): Lanes =>
  kernelExpressions(kernel).some(({ type }) => type === "f64" || type === "i64") ? 2 : 4;

/** The bytes of a vector whose lanes all hold a constant. */
export function splatBytes(value: number, type: ScalarType): Uint8Array {
  if (type === "f64") return new Uint8Array(Float64Array.of(value, value).buffer);
  if (type === "i64") return new Uint8Array(BigInt64Array.of(BigInt(value), BigInt(value)).buffer);
  if (type === "f32") return new Uint8Array(Float32Array.of(value, value, value, value).buffer);
  const word = type === "bool" ? -value : value;
  return new Uint8Array(Int32Array.of(word, word, word, word).buffer);
}

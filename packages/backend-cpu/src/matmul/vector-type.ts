import type { FunctionBuilder } from "../wasm/function.ts";
import type { LaneInstruction, MemoryInstruction, PlainInstruction } from "../wasm/opcodes.ts";

/** What the generators need to know of a dtype, so that one text serves both. */
export interface VectorType {
  /** Of one element. */
  readonly bytes: 4 | 8;
  /** Elements in a vector of 16 bytes. */
  readonly lanes: 2 | 4;
  readonly load: MemoryInstruction;
  readonly store: MemoryInstruction;
  /** Loads one element into every lane. */
  readonly splat: MemoryInstruction;
  /** Replaces one lane of a vector. */
  readonly replaceLane: LaneInstruction;
  readonly add: PlainInstruction;
  readonly mul: PlainInstruction;
  readonly madd: PlainInstruction;
}

/** The dtypes that have a generated matrix product. */
export type MatmulDType = "float32" | "float64";

/** The instructions of each dtype. */
export const vectorTypes: Readonly<Record<MatmulDType, VectorType>> = {
  float32: {
    bytes: 4,
    lanes: 4,
    load: "f32.load",
    store: "f32.store",
    splat: "v128.load32_splat",
    replaceLane: "f32x4.replace_lane",
    add: "f32x4.add",
    mul: "f32x4.mul",
    madd: "f32x4.relaxed_madd",
  },
  float64: {
    bytes: 8,
    lanes: 2,
    load: "f64.load",
    store: "f64.store",
    splat: "v128.load64_splat",
    replaceLane: "f64x2.replace_lane",
    add: "f64x2.add",
    mul: "f64x2.mul",
    madd: "f64x2.relaxed_madd",
  },
};

/** The bytes of a vector. */
export const vectorBytes = 16;

/** Pushes a vector of zeros. */
export function pushZeroVector(f: FunctionBuilder): void {
  f.v128(new Uint8Array(vectorBytes));
}

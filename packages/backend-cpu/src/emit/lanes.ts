import { type Expression, expressionsOf, type LoopKernel, type ScalarType } from "@amari/core/backend";
import type { ValueType } from "../wasm/opcodes.ts";

/** How many elements a loop treats at a time: a vector of four 32-bit or two 64-bit lanes, or one. */
export type Lanes = 4 | 2 | 1;

/** Bytes of an element in memory. */
export const bytesOf: { readonly [T in ScalarType]: number } = { f64: 8, f32: 4, i32: 4, u32: 4, bool: 1 };

/** The register that holds one scalar. */
export const registerOf = (type: ScalarType): ValueType => (type === "f64" || type === "f32" ? type : "i32");

/** The type whose arithmetic fills a register of so many lanes. */
export const laneTypeOf = (type: ScalarType, lanes: Lanes): "f32x4" | "f64x2" | "i32x4" =>
  lanes === 2 ? "f64x2" : type === "f32" ? "f32x4" : "i32x4";

/** The widest vectors that a kernel can be written in, as far as its instructions go. */
export function widestLanes({ accumulators, stores }: LoopKernel): Lanes {
  const expressions = expressionsOf([...accumulators, ...stores].map(({ value }) => value));
  const writesBool =
    stores.some(({ value }) => value.type === "bool") || accumulators.some(({ type }) => type === "bool");
  if (writesBool || expressions.some((e) => !fitsVector(e))) return 1;
  const types = new Set(expressions.map(({ type }) => type));
  if (!types.has("f64")) return 4;
  return types.has("f32") || types.has("i32") || types.has("u32") ? 1 : 2;
}

function fitsVector(expression: Expression): boolean {
  switch (expression.kind) {
    case "call":
      return false;
    case "load":
    case "scalar":
      return expression.type !== "bool";
    case "instruction": {
      const [x, y] = expression.operands;
      if (expression.instruction === "shl" || expression.instruction === "shr") return y!.kind === "constant";
      // Float to integer wraps modulo 2^32 by way of 64 bits, which vectors lack.
      if (expression.instruction !== "convert") return true;
      const toInteger = expression.type === "i32" || expression.type === "u32";
      return !(toInteger && (x!.type === "f32" || x!.type === "f64"));
    }
    default:
      return true;
  }
}

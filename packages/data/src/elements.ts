import type { DType, TypedArray } from "@amari/core";
import { float16FromBits } from "@amari/core/backend";

/** How numbers lie in a file. */
export type ElementType =
  | "bool"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "int64"
  | "float16"
  | "float32"
  | "float64";

interface Element {
  readonly bytes: number;
  /** The dtype of ours that holds all its values; of int64 those that fit, which `tensor` checks. */
  readonly dtype: DType;
  readonly read: (view: DataView, at: number, littleEndian: boolean) => number;
}

/** What is known of each type of element. */
export const elements: { readonly [E in ElementType]: Element } = {
  bool: { bytes: 1, dtype: "bool", read: (view, at) => view.getUint8(at) },
  uint8: { bytes: 1, dtype: "int32", read: (view, at) => view.getUint8(at) },
  int8: { bytes: 1, dtype: "int32", read: (view, at) => view.getInt8(at) },
  uint16: { bytes: 2, dtype: "int32", read: (view, at, little) => view.getUint16(at, little) },
  int16: { bytes: 2, dtype: "int32", read: (view, at, little) => view.getInt16(at, little) },
  uint32: { bytes: 4, dtype: "uint32", read: (view, at, little) => view.getUint32(at, little) },
  int32: { bytes: 4, dtype: "int32", read: (view, at, little) => view.getInt32(at, little) },
  int64: { bytes: 8, dtype: "int32", read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  float16: {
    bytes: 2,
    dtype: "float16",
    read: (view, at, little) => float16FromBits(view.getUint16(at, little)),
  },
  float32: { bytes: 4, dtype: "float32", read: (view, at, little) => view.getFloat32(at, little) },
  float64: { bytes: 8, dtype: "float64", read: (view, at, little) => view.getFloat64(at, little) },
};

/** Reads `count` elements that begin at the byte `offset`, in an array that holds every value exactly. */
export function readElements(
  view: DataView,
  type: ElementType,
  offset: number,
  count: number,
  littleEndian: boolean,
): TypedArray {
  const { bytes, read } = elements[type];
  const values = arrayFor(type, count);
  for (let i = 0; i < count; i++) values[i] = read(view, offset + i * bytes, littleEndian);
  return values;
}

function arrayFor(type: ElementType, count: number): TypedArray {
  switch (type) {
    case "float64":
    case "int64":
      return new Float64Array(count);
    case "float16":
    case "float32":
      return new Float32Array(count);
    case "uint32":
      return new Uint32Array(count);
    default:
      return new Int32Array(count);
  }
}

/** A view of bytes for reading numbers; the bytes may begin anywhere in their buffer. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

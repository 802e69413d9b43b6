import type { ScalarType } from "@amari/core/backend";

/** A memory as arrays of each type that can stand in it. */
export interface Views {
  readonly f64: Float64Array;
  readonly f32: Float32Array;
  /** Bits. */
  readonly f16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly bool: Uint8Array;
}

/** A type that can stand in memory. */
export type StoredType = Exclude<ScalarType, "i64">;

/** The bytes of an element, as a power of two. */
export const shiftOf: { readonly [T in StoredType]: number } = {
  f64: 3,
  f32: 2,
  f16: 1,
  i32: 2,
  u32: 2,
  bool: 0,
};

/** Views of a memory's buffer, made anew when it has grown. */
export function viewsOf(memory: { readonly buffer: ArrayBufferLike }): () => Views {
  let buffer: ArrayBufferLike | null = null;
  let views: Views | null = null;
  return () => {
    if (views === null || buffer !== memory.buffer) {
      buffer = memory.buffer;
      views = {
        f64: new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8)),
        f32: new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4)),
        f16: new Uint16Array(buffer, 0, Math.floor(buffer.byteLength / 2)),
        i32: new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4)),
        u32: new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4)),
        bool: new Uint8Array(buffer),
      };
    }
    return views;
  };
}

/**
 * A kernel in JavaScript: reads and writes the memory where the buffers stand, by their addresses in bytes, and reads the
 * caller's numbers.
 */
export type JsKernel = (views: Views, addresses: ArrayLike<number>, numbers: ArrayLike<number>) => void;

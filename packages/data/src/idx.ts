import { ArgumentError, type DType, type Tensor, tensor } from "@amari/core";
import { type ElementType, elements, readElements, viewOf } from "./elements.ts";

/** The third byte of an IDX file says of what type its elements are. */
const types: ReadonlyMap<number, ElementType> = new Map([
  [0x08, "uint8"],
  [0x09, "int8"],
  [0x0b, "int16"],
  [0x0c, "int32"],
  [0x0d, "float32"],
  [0x0e, "float64"],
]);

/** Options of {@link readIdx}. */
export interface ReadOptions {
  /** The dtype of the tensor. Default: the file's own floats, int32 for its integers. */
  readonly dtype?: DType;
}

/**
 * A tensor of an IDX file, the format of MNIST (Y. LeCun, C. Cortes, C. Burges): two zero bytes, the element type, the
 * rank, the dimensions and the elements, big-endian.
 *
 * @param bytes the file, not compressed; see {@link gunzip}
 * @throws ArgumentError where the bytes are not such a file, or not all of it
 * @example
 * const images = readIdx(await gunzip(bytes), { dtype: "float32" }).div(255); // [10000, 28, 28]
 */
export function readIdx(bytes: Uint8Array, { dtype }: ReadOptions = {}): Tensor {
  const view = viewOf(bytes);
  const type = bytes.length >= 4 && view.getUint16(0) === 0 ? types.get(bytes[2]!) : undefined;
  if (type === undefined) {
    const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    throw new ArgumentError(
      `readIdx: expected an IDX file, which begins with 00 00, a type from 08 to 0e and the rank; got ${start}. ` +
        (isGzip ? "It is compressed: write readIdx(await gunzip(bytes))" : "Is it another file?"),
    );
  }
  const rank = bytes[3]!;
  const header = 4 + 4 * rank;
  const complete = bytes.length >= header;
  const shape = complete ? Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis)) : [];
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = header + count * elements[type].bytes;
  if (!complete || bytes.length !== expected) {
    throw new ArgumentError(
      `readIdx: expected ${expected} bytes for ${type}[${shape.join(", ")}], got ${bytes.length}; the file is damaged`,
    );
  }
  return tensor(readElements(view, type, header, count, false), {
    shape,
    dtype: dtype ?? elements[type].dtype,
  }) as Tensor;
}

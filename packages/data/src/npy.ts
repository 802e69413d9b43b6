import { ArgumentError, type DType, type Tensor, tensor } from "@amari/core";
import { bytesOfElements } from "@amari/core/backend";
import { type ElementType, elements, readElements, viewOf } from "./elements.ts";

// The format of NumPy's `save`, by its specification (numpy.lib.format, versions 1.0 to 3.0): the magic string, the
// version, the length of the header, the header (a Python dictionary, padded to a multiple of 64 bytes), the elements.

const magic = "\x93NUMPY";

const types: { readonly [code: string]: ElementType } = {
  b1: "bool",
  u1: "uint8",
  i1: "int8",
  u2: "uint16",
  i2: "int16",
  u4: "uint32",
  i4: "int32",
  i8: "int64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
};

const codes: { readonly [D in DType]: string } = {
  bool: "|b1",
  uint32: "<u4",
  int32: "<i4",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
};

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/**
 * A tensor of a NumPy `.npy` file. Integers of 8, 16 and 64 bits become int32 (those of 64 bits where they fit).
 *
 * @throws ArgumentError where the bytes are no such file, not all of it, or of elements that Amari has not; DTypeError
 *   for a number of 64 bits that does not fit
 */
export function readNpy(bytes: Uint8Array): Tensor {
  if (latin1(bytes.subarray(0, 6)) !== magic || bytes.length < 12) {
    throw new ArgumentError(
      "readNpy: expected a file of numpy.save, which begins with the byte 93 and NUMPY",
    );
  }
  const view = viewOf(bytes);
  const [start, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = latin1(bytes.subarray(start, start + length));
  const descriptor = /'descr':\s*'([<>|=])(\w+)'/.exec(header);
  const order = /'fortran_order':\s*(True|False)/.exec(header);
  const dimensions = /'shape':\s*\(([\d,\s]*)\)/.exec(header);
  const type = descriptor === null ? undefined : types[descriptor[2]!];
  if (descriptor === null || order === null || dimensions === null || type === undefined) {
    throw new ArgumentError(
      `readNpy: expected elements of the types ${Object.keys(types).join(", ")}, got the header ${header.trim()}`,
    );
  }
  const shape = dimensions[1]!.split(",").flatMap((n) => (n.trim() === "" ? [] : [Number(n)]));
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = start + length + count * elements[type].bytes;
  if (bytes.length !== expected) {
    throw new ArgumentError(
      `readNpy: expected ${expected} bytes for ${type}[${shape.join(", ")}], got ${bytes.length}; the file is damaged`,
    );
  }
  const values = readElements(view, type, start + length, count, descriptor[1] !== ">");
  const isColumnMajor = order[1] === "True";
  const laid = tensor(values, {
    shape: isColumnMajor ? shape.toReversed() : shape,
    dtype: elements[type].dtype,
  }) as Tensor;
  return isColumnMajor ? (laid.transpose() as Tensor) : laid;
}

/** The bytes of a NumPy `.npy` file (version 1.0, little-endian) of a tensor's values. */
export async function writeNpy(x: Tensor): Promise<Uint8Array> {
  const shape = x.rank === 1 ? `(${x.size},)` : `(${x.shape.join(", ")})`;
  const dictionary = `{'descr': '${codes[x.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The elements begin at a multiple of 64 bytes; the header ends in a newline.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const header = `${dictionary.padEnd(length - 1)}\n`;
  const values = await x.data();
  const contents = bytesOfElements(x.dtype, values);
  const bytes = new Uint8Array(10 + length + contents.length);
  const view = viewOf(bytes);
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i);
  bytes[6] = 1;
  view.setUint16(8, length, true);
  for (let i = 0; i < length; i++) bytes[10 + i] = header.charCodeAt(i);
  bytes.set(contents, 10 + length);
  return bytes;
}

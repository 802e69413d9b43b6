import { DTypeError } from "./errors/errors.ts";
import { decodeFloat16, encodeFloat16, roundToFloat16 } from "./float16.ts";

/**
 * The element types of a tensor. Float32 is the default; float64 is a first-class citizen on the CPU; float16 is for
 * storage: each operation computes in float32 and rounds its result to float16.
 */
export type DType = "float64" | "float32" | "float16" | "int32" | "uint32" | "bool";

/**
 * The typed array that holds the elements of one dtype; a bool is a byte, 0 or 1. Not every engine has a typed array of
 * float16, so that they stand in a Float32Array, rounded, on all of them.
 */
export type TypedArray = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A tensor in JavaScript's own terms: a number or boolean for rank 0, else arrays nested to the rank. */
export type Nested = number | boolean | readonly Nested[];

interface DTypeInfo {
  readonly bytes: number;
  readonly kind: "float" | "integer" | "bool";
  readonly array: new (lengthOrBuffer: number | ArrayLike<number>) => TypedArray;
}

const infos: { readonly [D in DType]: DTypeInfo } = {
  float64: { bytes: 8, kind: "float", array: Float64Array },
  float32: { bytes: 4, kind: "float", array: Float32Array },
  float16: { bytes: 2, kind: "float", array: Float32Array },
  int32: { bytes: 4, kind: "integer", array: Int32Array },
  uint32: { bytes: 4, kind: "integer", array: Uint32Array },
  bool: { bytes: 1, kind: "bool", array: Uint8Array },
};

/** All dtypes, widest float first. */
export const dtypes: readonly DType[] = Object.keys(infos) as DType[];

/** Bytes of one element in the memory of a backend, unless that says otherwise. */
export const bytesPerElement = (dtype: DType): number => infos[dtype].bytes;

export const isFloat = (dtype: DType): boolean => infos[dtype].kind === "float";

export const isInteger = (dtype: DType): boolean => infos[dtype].kind === "integer";

/** A zeroed typed array of `length` elements. */
export const allocate = (dtype: DType, length: number): TypedArray => new infos[dtype].array(length);

/** Copies `values` into a fresh typed array, with JavaScript's conversion of that array type; float16 are rounded. */
export const toTypedArray = (dtype: DType, values: ArrayLike<number>): TypedArray =>
  dtype === "float16" ? Float32Array.from(values, roundToFloat16) : new infos[dtype].array(values);

/** The elements that `bytes` hold: a view of them, but a copy for float16, which no view shows as numbers. */
export const elementsOfBytes = (dtype: DType, bytes: Uint8Array): TypedArray =>
  dtype === "float16"
    ? decodeFloat16(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2))
    : viewBytes(dtype, bytes);

/** The bytes of elements: a view of them, but a copy for float16. */
export function bytesOfElements(dtype: DType, elements: TypedArray): Uint8Array {
  const { buffer, byteOffset, byteLength } = dtype === "float16" ? encodeFloat16(elements) : elements;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * A view of `bytes` (whose offset must be aligned) as elements of `dtype`.
 *
 * @throws Error for float16, which no view shows as numbers; see {@link elementsOfBytes}
 */
export function viewBytes(dtype: DType, bytes: Uint8Array): TypedArray {
  if (dtype === "float16") throw new Error("no typed array views float16 as numbers");
  const { array, bytes: width } = infos[dtype];
  const View = array as unknown as new (b: ArrayBufferLike, offset: number, length: number) => TypedArray;
  return new View(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
}

/** The dtype whose elements a typed array holds. A `Uint8Array` is not taken for bool: it may hold any byte. */
export function dtypeOfTypedArray(array: ArrayBufferView): DType {
  for (const dtype of ["float64", "float32", "int32", "uint32"] as const) {
    if (array instanceof infos[dtype].array) return dtype;
  }
  throw new DTypeError(
    `expected a Float32Array, Float64Array, Int32Array or Uint32Array, got ${array.constructor.name}; ` +
      'convert it first, e.g. Float32Array.from(bytes), or pass { dtype: "bool" } for bytes that are 0 or 1',
  );
}

/** Throws unless `value` names a dtype. */
export function checkDType(value: unknown): DType {
  if (typeof value === "string" && Object.hasOwn(infos, value)) return value as DType;
  throw new DTypeError(`expected a dtype, one of ${dtypes.join(", ")}; got ${JSON.stringify(value)}`);
}

/**
 * The dtype of the result of an operation on tensors of dtypes `a` and `b`: JAX's promotion lattice restricted to
 * our dtypes (bool < uint32 < int32 < float16 < float32 < float64; uint32 with int32 is int32, since there is no int64).
 */
export function promoteTypes(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b;
}

const rank: { readonly [D in DType]: number } = {
  bool: 0,
  uint32: 1,
  int32: 2,
  float16: 3,
  float32: 4,
  float64: 5,
};

/**
 * The dtype that a bare JavaScript number or boolean takes beside a tensor of dtype `beside`: numbers are weakly
 * typed, so they adopt it, except that a number beside a bool is int32 or float32.
 *
 * @throws DTypeError for a number that the integer tensor beside it cannot hold, which would become another one silently.
 */
export function weakType(value: number | boolean, beside: DType | undefined): DType {
  if (typeof value === "boolean") return beside ?? "bool";
  if (beside === undefined) return "float32";
  if (beside === "bool") return Number.isInteger(value) ? "int32" : "float32";
  checkHeld(value, beside);
  return beside;
}

/** Throws unless an integer dtype can hold `value`, which would become another number silently; returns it. */
export function checkHeld(value: number, dtype: DType): number {
  if (!isInteger(dtype) || toTypedArray(dtype, [value])[0] === value) return value;
  const [problem, remedy] = Number.isInteger(value)
    ? [`is out of the range of ${dtype}`, "use a number in its range"]
    : ["is not an integer", "round the number"];
  throw new DTypeError(
    `the number ${value} ${problem} but meets a tensor of ${dtype}; write x.astype("float32") first, or ${remedy}`,
  );
}

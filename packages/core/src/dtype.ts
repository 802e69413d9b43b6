import { DTypeError } from "./errors/errors.ts";

/** The element types of a tensor. Float32 is the default; float64 is a first-class citizen on the CPU. */
export type DType = "float64" | "float32" | "int32" | "uint32" | "bool";

/** The typed array that holds the elements of one dtype; a bool is a byte, 0 or 1. */
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
  int32: { bytes: 4, kind: "integer", array: Int32Array },
  uint32: { bytes: 4, kind: "integer", array: Uint32Array },
  bool: { bytes: 1, kind: "bool", array: Uint8Array },
};

/** All dtypes, widest float first. */
export const dtypes: readonly DType[] = Object.keys(infos) as DType[];

/** Bytes of one element. */
export const bytesPerElement = (dtype: DType): number => infos[dtype].bytes;

export const isFloat = (dtype: DType): boolean => infos[dtype].kind === "float";

export const isInteger = (dtype: DType): boolean => infos[dtype].kind === "integer";

/** A zeroed typed array of `length` elements. */
export const allocate = (dtype: DType, length: number): TypedArray => new infos[dtype].array(length);

/** Copies `values` into a fresh typed array, with JavaScript's conversion of that array type. */
export const toTypedArray = (dtype: DType, values: ArrayLike<number>): TypedArray =>
  new infos[dtype].array(values);

/** A view of `bytes` (whose offset must be aligned) as elements of `dtype`. */
export function viewBytes(dtype: DType, bytes: Uint8Array): TypedArray {
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
 * our dtypes (bool < uint32 < int32 < float32 < float64; uint32 with int32 is int32, since there is no int64).
 */
export function promoteTypes(a: DType, b: DType): DType {
  return rank[a] >= rank[b] ? a : b;
}

const rank: { readonly [D in DType]: number } = { bool: 0, uint32: 1, int32: 2, float32: 3, float64: 4 };

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

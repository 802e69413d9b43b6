import { float16Bits, float16FromBits, type ScalarInstruction, type ScalarType } from "@amari/core/backend";

/** A scalar in JavaScript: a number, 0 or 1 for a bool, a BigInt for an i64, the bits of an f16. */
export type Scalar = number | bigint;

/** What brings a number that JavaScript computed to a type. */
export const rounded: { readonly [T in ScalarType]: (x: number) => number } = {
  f64: (x) => x,
  f32: Math.fround,
  f16: float16Bits,
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  i64: (x) => x,
  bool: (x) => (x ? 1 : 0),
};

type Numbers = (x: number, y: number, z: number) => number;
type Longs = (x: bigint, y: bigint) => bigint;

const isFloat = (type: ScalarType): boolean => type === "f32" || type === "f64";

/** Instructions on numbers, before they are rounded to the type. */
const onNumbers: { readonly [I in ScalarInstruction]?: Numbers } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  fma: (x, y, z) => x * y + z,
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  nearest,
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  gt: (x, y) => Number(x > y),
  ge: (x, y) => Number(x >= y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  not: (x) => ~x,
  shl: (x, y) => x << y,
  shr: (x, y) => x >>> y,
};

/** The nearest integer, halves to even. */
function nearest(x: number): number {
  const rounded = Math.round(x);
  if (rounded - x !== 0.5) return rounded;
  return rounded % 2 === 0 ? rounded : rounded - 1;
}

const onLongs: { readonly [I in ScalarInstruction]?: Longs } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  neg: (x) => -x,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  not: (x) => ~x,
  shl: (x, y) => x << (y & 63n),
  shr: (x, y) => BigInt.asUintN(64, x) >> (y & 63n),
};

/** What an instruction does to operands of which the first has the type `from`. */
export function functionOf(
  instruction: ScalarInstruction,
  type: ScalarType,
  from: ScalarType,
): (...operands: never[]) => Scalar {
  if (instruction === "select" || instruction === "rarely")
    return (condition: number, x: Scalar, y: Scalar) => (condition ? x : y);
  if (instruction === "convert") return conversion(type, from);
  if (instruction === "bits") return reinterpretation(type, from);
  if (type === "i64") {
    const f = onLongs[instruction]!;
    return (x: bigint, y: bigint) => BigInt.asIntN(64, f(x, y));
  }
  if (instruction === "not" && type === "bool") return (x: number) => 1 - x;
  if (instruction === "mul" && !isFloat(type))
    return type === "u32" ? (x: number, y: number) => Math.imul(x, y) >>> 0 : Math.imul;
  const f = onNumbers[instruction]!;
  const round = rounded[type];
  return (x: number, y: number, z: number) => round(f(x, y, z));
}

/** Floats become integers by dropping the fraction, modulo 2^32; NaN and what is beyond 2^63 become 0. */
function conversion(type: ScalarType, from: ScalarType): (x: number) => number {
  const round = rounded[type];
  if (from === "f16") {
    const convert = conversion(type, "f32");
    return (x) => convert(float16FromBits(x));
  }
  if (type === "bool") return (x) => Number(x !== 0);
  if (isFloat(type) || type === "f16" || !isFloat(from)) return round;
  return (x) => (Math.abs(x) < 2 ** 63 ? round(Math.trunc(x)) : 0);
}

const word = new DataView(new ArrayBuffer(8));

const writeBits: { readonly [T in ScalarType]?: (x: never) => void } = {
  f64: (x: number) => word.setFloat64(0, x),
  i64: (x: bigint) => word.setBigInt64(0, x),
  f32: (x: number) => word.setFloat32(0, x),
  i32: (x: number) => word.setInt32(0, x),
  u32: (x: number) => word.setUint32(0, x),
};

const readBits: { readonly [T in ScalarType]?: () => Scalar } = {
  f64: () => word.getFloat64(0),
  i64: () => word.getBigInt64(0),
  f32: () => word.getFloat32(0),
  i32: () => word.getInt32(0),
  u32: () => word.getUint32(0),
};

function reinterpretation(type: ScalarType, from: ScalarType): (x: never) => Scalar {
  const [write, read] = [writeBits[from]!, readBits[type]!];
  return (x) => {
    write(x);
    return read();
  };
}

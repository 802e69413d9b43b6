import type { ScalarType } from "@amari/core/backend";

/** The types of values in shaders. */
export type ShaderType = "f32" | "i32" | "u32" | "bool";

/** Whether a scalar of kernels has a type in shaders: those of 64 bits have none. */
export const isShaderType = (type: ScalarType): type is ShaderType => type !== "f64" && type !== "i64";

/** Infinity and NaN, which a literal may not be and a compiler may assume away: they are read from the table. */
export const tableInfinity = "bitcast<f32>(table[0].x)";
export const tableNaN = "bitcast<f32>(table[0].y)";

/** A constant as WGSL. */
export function literal(value: number, type: ShaderType): string {
  switch (type) {
    case "bool":
      return value === 0 ? "false" : "true";
    case "u32":
      return `${value >>> 0}u`;
    case "i32":
      return value === -(2 ** 31) ? "i32(-2147483648)" : `${value | 0}i`;
    case "f32":
      return floatLiteral(Math.fround(value));
  }
}

function floatLiteral(value: number): string {
  if (Number.isNaN(value)) return tableNaN;
  if (Math.abs(value) === Infinity) return value > 0 ? tableInfinity : `(-${tableInfinity})`;
  // A minus sign before a zero may be lost, and denormals may be flushed.
  if (Object.is(value, -0)) return "bitcast<f32>(0x80000000u)";
  if (Math.abs(value) < 2 ** -126 && value !== 0) return `bitcast<f32>(${bitsOf(value)}u)`;
  const text = shortest(value);
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** The decimal with the fewest digits that is rounded to a float32. */
function shortest(value: number): string {
  for (let digits = 1; digits < 10; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}

/** The bits of a float32. */
export function bitsOf(value: number): number {
  floats[0] = value;
  return words[0]!;
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

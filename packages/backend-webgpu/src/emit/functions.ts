import type { ScalarType } from "@amari/core/backend";
import { halfFunctions, roundToFloat16 } from "./halves.ts";
import type { ShaderFunction, ShaderTraits } from "./shader-function.ts";

/**
 * Functions of WGSL that kernels call. WGSL leaves open what its own min and max do with NaN, and what conversions do out of
 * range.
 */
const functions: { readonly [name: string]: ShaderFunction } = {
  ...halfFunctions,
  is_nan: { text: "fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }" },
  // The order of zeros: a minimum of 0 and -0 has the sign bit of either, a maximum of both. Without branches, which cost
  // more than what they would save.
  min_f32: {
    text: `fn min_f32(x: f32, y: f32) -> f32 {
  let equal = bitcast<f32>(bitcast<u32>(x) | bitcast<u32>(y));
  let least = select(select(y, x, x < y), equal, x == y);
  return select(least, x + y, is_nan(x) | is_nan(y));
}`,
    uses: ["is_nan"],
  },
  max_f32: {
    text: `fn max_f32(x: f32, y: f32) -> f32 {
  let equal = bitcast<f32>(bitcast<u32>(x) & bitcast<u32>(y));
  let greatest = select(select(y, x, x > y), equal, x == y);
  return select(greatest, x + y, is_nan(x) | is_nan(y));
}`,
    uses: ["is_nan"],
  },
  // Modulo 2^32 by the bits; NaN and the infinities give 0.
  wrap_f32: {
    text: `fn wrap_f32(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let exponent = i32((bits >> 23u) & 255u) - 150;
  let fraction = (bits & 0x7fffffu) | 0x800000u;
  var magnitude = 0u;
  if (exponent >= 0 && exponent < 32) { magnitude = fraction << u32(exponent); }
  if (exponent < 0 && exponent > -24) { magnitude = fraction >> u32(-exponent); }
  return select(magnitude, 0u - magnitude, (bits >> 31u) == 1u);
}`,
  },
};

/** What stands for functions of the host that kernels call, by their names there and the type of the operands. */
const calls: { readonly [name: string]: ShaderFunction } = {
  // C's remainder, exact: a long division of the mantissas, bit by bit.
  remainder_f32: {
    text: `fn remainder_f32(x: f32, y: f32) -> f32 {
  let sign = bitcast<u32>(x) & 0x80000000u;
  let a = bitcast<u32>(x) & 0x7fffffffu;
  let b = bitcast<u32>(y) & 0x7fffffffu;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0u) { return bitcast<f32>(table[0].y); }
  if (a < b) { return x; }
  var exponent = i32(max(a >> 23u, 1u));
  let last = i32(max(b >> 23u, 1u));
  var rest = (a & 0x7fffffu) | select(0u, 0x800000u, (a >> 23u) > 0u);
  let divisor = (b & 0x7fffffu) | select(0u, 0x800000u, (b >> 23u) > 0u);
  for (; exponent > last; exponent--) {
    if (rest >= divisor) { rest -= divisor; }
    rest <<= 1u;
  }
  if (rest >= divisor) { rest -= divisor; }
  if (rest == 0u) { return bitcast<f32>(sign); }
  let up = min(i32(countLeadingZeros(rest)) - 8, last - 1);
  rest <<= u32(up);
  let field = select(0u, u32(last - up), rest >= 0x800000u);
  return bitcast<f32>(sign | (field << 23u) | (rest & 0x7fffffu));
}`,
  },
  mod: {
    text: `fn mod_f32(x: f32, y: f32) -> f32 {
  let rest = remainder_f32(x, y);
  return select(rest, rest + y, rest != 0.0f && (rest < 0.0f) != (y < 0.0f));
}`,
    uses: ["remainder_f32"],
  },
  // Beyond 2^24 a quotient is an integer as it is; below, the remainder tells it from its neighbour.
  floorDivide: {
    text: `fn floorDivide_f32(x: f32, y: f32) -> f32 {
  let quotient = x / y;
  if (!(abs(quotient) < 16777216.0f)) { return quotient; }
  if (x == 0.0f || (bitcast<u32>(y) & 0x7fffffffu) == 0x7f800000u) { return floor(quotient); }
  let rest = remainder_f32(x, y);
  let whole = round(quotient - rest / y);
  return select(whole, whole - 1.0f, rest != 0.0f && (rest < 0.0f) != (y < 0.0f));
}`,
    uses: ["remainder_f32"],
  },
  floorDivide_i32: {
    text: `fn floorDivide_i32(x: i32, y: i32) -> i32 {
  let rest = x % y;
  return x / y - select(0, 1, rest != 0 && (rest < 0) != (y < 0));
}`,
  },
  roundToFloat16,
  floorDivide_u32: { text: "fn floorDivide_u32(x: u32, y: u32) -> u32 { return x / y; }" },
};

/** Whether there is a shader function for a function of the host. */
export const hasShaderFunction = (name: string, type: ScalarType): boolean =>
  (type === "f32" || name.endsWith(`_${type}`)) && Object.hasOwn(calls, name);

const textOf = (name: string): ShaderFunction => functions[name] ?? calls[name]!;

/** The text of some functions and of those that they call. */
export function functionTexts(names: Iterable<string>, traits: ShaderTraits): string {
  const all = new Set<string>();
  const add = (name: string): void => {
    textOf(name).uses?.forEach(add);
    all.add(name);
  };
  for (const name of names) add(name);
  return [...all]
    .map((name) => {
      const { text } = textOf(name);
      return `${typeof text === "string" ? text : text(traits)}\n`;
    })
    .join("");
}

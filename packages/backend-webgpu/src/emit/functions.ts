/**
 * Functions of WGSL that kernels call, written out only where they are used. WGSL leaves open what its own min and max do
 * with NaN, and what conversions do out of range.
 */
interface ShaderFunction {
  readonly text: string;
  readonly uses?: readonly string[];
}

const functions: { readonly [name: string]: ShaderFunction } = {
  is_nan: { text: "fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }" },
  // The order of zeros: a minimum of 0 and -0 has the sign bit of either, a maximum of both.
  min_f32: {
    text: `fn min_f32(x: f32, y: f32) -> f32 {
  if (is_nan(x) || is_nan(y)) { return x + y; }
  if (x == y) { return bitcast<f32>(bitcast<u32>(x) | bitcast<u32>(y)); }
  return select(y, x, x < y);
}`,
    uses: ["is_nan"],
  },
  max_f32: {
    text: `fn max_f32(x: f32, y: f32) -> f32 {
  if (is_nan(x) || is_nan(y)) { return x + y; }
  if (x == y) { return bitcast<f32>(bitcast<u32>(x) & bitcast<u32>(y)); }
  return select(y, x, x > y);
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

/** Whether there is a shader function for a function of the host. */
export const hasShaderFunction = (name: string): boolean => Object.hasOwn(functions, name);

/** The text of some functions and of those that they call. */
export function functionTexts(names: Iterable<string>): string {
  const all = new Set<string>();
  const add = (name: string): void => {
    functions[name]!.uses?.forEach(add);
    all.add(name);
  };
  for (const name of names) add(name);
  return [...all].map((name) => `${functions[name]!.text}\n`).join("");
}

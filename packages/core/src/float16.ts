const scratch = new DataView(new ArrayBuffer(8));

/** Beyond this a number is nearer to 2^16, where the infinity of float16 stands, than to the largest float16, 65504. */
const overflow = 65520;

const wide = new Float64Array(1);
const halvesOfWide = new Uint32Array(wide.buffer);
/** Which of them holds the sign and the exponent. */
const high = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** The exponent of 2^-14, the smallest normal float16, and what is added to one, in the upper half of a float64. */
const smallest = (1023 - 14) << 20;
const above = 42 << 20;

/** The float16 nearest to a number, halves to even: one rounding, also of a float64. */
export function roundToFloat16(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude < overflow)) return Number.isNaN(x) ? x : x * Infinity;
  wide[0] = magnitude;
  // Where float16 of this size have gaps of g, float64 have them from 2^52 g on: adding that rounds to whole gaps.
  halvesOfWide[high] = Math.max(halvesOfWide[high]! & 0x7ff00000, smallest) + above;
  halvesOfWide[1 - high] = 0;
  const base = wide[0]!;
  const rounded = magnitude + base - base;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** The 16 bits of the float16 nearest to a number. */
export function float16Bits(x: number): number {
  const rounded = roundToFloat16(x);
  if (Number.isNaN(rounded)) return 0x7e00;
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(rounded);
  if (magnitude === Infinity) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24);
  // What float32 has more: 13 bits of fraction, and an exponent that counts from 127 and not from 15.
  scratch.setFloat32(0, magnitude);
  return sign | ((scratch.getUint32(0) >> 13) - (112 << 10));
}

/** The float16 of 16 bits. */
export function float16FromBits(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  let magnitude: number;
  if (exponent === 31) magnitude = fraction === 0 ? Infinity : Number.NaN;
  else if (exponent === 0) magnitude = fraction * 2 ** -24;
  else magnitude = (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** Numbers as what float16 takes in memory, 2 bytes each; they are rounded. */
export const encodeFloat16 = (values: ArrayLike<number>): Uint16Array =>
  Uint16Array.from(values, float16Bits);

/** The numbers that 2 bytes each hold, as float32. */
export const decodeFloat16 = (words: Uint16Array): Float32Array => Float32Array.from(words, float16FromBits);

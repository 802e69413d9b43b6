import { wordAt } from "./heap-cells.ts";
import type { ShaderFunction } from "./shader-function.ts";

/**
 * A float16 takes half a word of the heap; its address counts halves. In shaders it is the f32 that it is. What a device
 * offers to convert is used where it was found to be exact (`device/probe.ts`), else arithmetic on bits, without branches.
 */
export const halfFunctions: { readonly [name: string]: ShaderFunction } = {
  // The number in the lower half of a word.
  from_half: {
    text: ({ float16 }) =>
      float16.widens
        ? "fn from_half(half: u32) -> f32 { return unpack2x16float(half).x; }"
        : `fn from_half(half: u32) -> f32 {
  let magnitude = half & 0x7fffu;
  let normal = (magnitude << 13u) + select(112u << 23u, 224u << 23u, magnitude >= 0x7c00u);
  let denormal = bitcast<u32>(f32(magnitude) * ${leastHalf});
  return bitcast<f32>(((half & 0x8000u) << 16u) | select(normal, denormal, magnitude < 0x400u));
}`,
  },
  // The bits of a number that is a float16.
  to_half: {
    text: ({ float16 }) =>
      float16.rounds
        ? "fn to_half(x: f32) -> u32 { return pack2x16float(vec2<f32>(x, 0.0f)); }"
        : `fn to_half(x: f32) -> u32 {
  let magnitude = bitcast<u32>(x) & 0x7fffffffu;
  let denormal = u32(bitcast<f32>(min(magnitude, 0x38800000u)) * 16777216.0f);
  let finite = select((magnitude >> 13u) - (112u << 10u), denormal, magnitude < 0x38800000u);
  let other = select(0x7e00u, 0x7c00u, magnitude == 0x7f800000u);
  return ((bitcast<u32>(x) >> 16u) & 0x8000u) | select(finite, other, magnitude >= 0x7f800000u);
}`,
  },
  half_bits_at: {
    text: ({ cells }) =>
      `fn half_bits_at(at: i32) -> u32 { return (${wordAt(cells, "(at >> 1u)")} >> (16u * (u32(at) & 1u))) & 0xffffu; }`,
  },
  half_at: {
    text: "fn half_at(at: i32) -> f32 { return from_half(half_bits_at(at)); }",
    uses: ["half_bits_at", "from_half"],
  },
  // Others may write the other half meanwhile, but nobody else this one: so what is read of it is what is exchanged.
  put_half: {
    text: `fn put_half(at: i32, half: u32) {
  let places = 16u * (u32(at) & 1u);
  let old = (atomicLoad(&heap[at >> 1u]) >> places) & 0xffffu;
  atomicXor(&heap[at >> 1u], (old ^ half) << places);
}`,
  },
  // Four neighbours, where the heap is read by four words: of which they are the first two or the last.
  halves_at: {
    text: `fn halves_at(at: i32) -> vec4<f32> {
  let words = heap[at >> 3u];
  return from_halves(select(words.xy, words.zw, (at & 4) != 0));
}`,
    uses: ["from_halves"],
  },
  from_halves: {
    text: ({ float16 }) =>
      float16.widens
        ? "fn from_halves(words: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)); }"
        : `fn from_halves(words: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(from_half(words.x), from_half(words.x >> 16u), from_half(words.y), from_half(words.y >> 16u));
}`,
    uses: ["from_half"],
  },
};

const leastHalf = "5.9604644775390625e-8f";

/**
 * The float16 nearest to a number, halves to even: by bits, or by two conversions of the device, between which stands a 0
 * that only the table knows, since compilers take the two for nothing.
 */
export const roundToFloat16: ShaderFunction = {
  text: ({ float16 }) =>
    float16.rounds
      ? `fn roundToFloat16_f32(x: f32) -> f32 { return from_half(to_half(x) ^ table[0].w); }`
      : `fn roundToFloat16_f32(x: f32) -> f32 {
  let magnitude = bitcast<u32>(x) & 0x7fffffffu;
  let normal = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u)) & 0xffffe000u;
  let denormal = bitcast<u32>(round(bitcast<f32>(magnitude) * 16777216.0f) * ${leastHalf});
  let finite = select(normal, denormal, magnitude < 0x38800000u);
  let other = select(0x7f800000u, magnitude, magnitude > 0x7f800000u);
  let rounded = select(finite, other, magnitude >= 0x477ff000u);
  return bitcast<f32>((bitcast<u32>(x) ^ magnitude) | rounded);
}`,
  uses: ["from_half", "to_half"],
};

import type { Shader } from "./loops.ts";
import { gridOf, groupNumber } from "./loops.ts";

/** Copies words from one place of the heap to another: the table holds both addresses, in words, and how many there are. */
export const copyShader = (words: number): Shader => copying(words, "");

/** The same where the word at the table's fourth address is its fifth. */
export const copyWhereShader = (words: number): Shader =>
  copying(words, " && (heap[table[0].w] != 0u) == (table[1].x != 0u)");

const copying = (words: number, condition: string): Shader => ({
  text: `@group(0) @binding(0) var<storage, read_write> heap: array<u32>;
@group(0) @binding(1) var<uniform> table: array<vec4<u32>, 2>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let place = ${groupNumber} * 64u + lane;
  if (place < table[0].z${condition}) { heap[table[0].y + place] = heap[table[0].x + place]; }
}
`,
  groups: gridOf(Math.ceil(words / 64)),
});

import { functionTexts } from "./functions.ts";
import type { HeapCells } from "./heap-cells.ts";
import type { Shader } from "./shader.ts";
import { gridOf, groupNumber } from "./shader.ts";
import { byBits } from "./shader-function.ts";

/** Copies words from one place of the heap to another: the table holds both addresses, in words, and how many there are. */
export const copyShader = (words: number): Shader => copying("u32", words, "");

/** The same where the word at the table's fourth address is its fifth. */
export const copyWhereShader = (words: number): Shader =>
  copying("u32", words, " && (heap[table[0].w] != 0u) == (table[1].x != 0u)");

/** Copies halves of words: addresses and number are of halves. */
export const copyHalvesShader = (halves: number): Shader => copying("atomic<u32>", halves, "");

/** The same where the word at the table's fourth address, which counts words, is its fifth. */
export const copyHalvesWhereShader = (halves: number): Shader =>
  copying("atomic<u32>", halves, " && (atomicLoad(&heap[table[0].w]) != 0u) == (table[1].x != 0u)");

const copying = (cells: HeapCells, count: number, condition: string): Shader => ({
  text: `@group(0) @binding(0) var<storage, read_write> heap: array<${cells}>;
@group(0) @binding(1) var<uniform> table: array<vec4<u32>, 2>;
${cells === "u32" ? "" : functionTexts(["half_bits_at", "put_half"], { cells, float16: byBits })}@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let place = ${groupNumber} * 64u + lane;
  if (place < table[0].z${condition}) { ${
    cells === "u32"
      ? "heap[table[0].y + place] = heap[table[0].x + place];"
      : "put_half(i32(table[0].y + place), half_bits_at(i32(table[0].x + place)));"
  } }
}
`,
  groups: gridOf(Math.ceil(count / 64)),
});

/**
 * What a shader sees the heap as an array of: words, or two or four of them where it takes so many at a time. Atomic ones
 * are for a shader that writes a half of a word while another invocation may write the other half.
 */
export type HeapCells = "u32" | "vec2<u32>" | "vec4<u32>" | "atomic<u32>";

/** The word at an address. */
export function wordAt(cells: HeapCells, at: string): string {
  switch (cells) {
    case "u32":
      return `heap[${at}]`;
    case "vec2<u32>":
      return `heap[(${at}) >> 1u][(${at}) & 1]`;
    case "vec4<u32>":
      return `heap[(${at}) >> 2u][(${at}) & 3]`;
    case "atomic<u32>":
      return `atomicLoad(&heap[${at}])`;
  }
}

/** The statement that writes a word to an address. */
export const putWord = (cells: HeapCells, at: string, word: string): string =>
  cells === "atomic<u32>" ? `atomicStore(&heap[${at}], ${word});` : `${wordAt(cells, at)} = ${word};`;

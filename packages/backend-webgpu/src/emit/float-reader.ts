import { functionTexts } from "./functions.ts";
import { type HeapCells, wordAt } from "./heap-cells.ts";
import { byBits, type Float16Traits } from "./shader-function.ts";

/** What reading floats needs to know of their buffers and of the device. */
export interface FloatContext {
  /** Whether a buffer's elements are float16, in halves of words; its addresses then count halves. */
  readonly isHalf: (buffer: number) => boolean;
  readonly float16: Float16Traits;
}

/** Where all floats are f32. */
export const singles: FloatContext = { isHalf: () => false, float16: byBits };

/** The bytes of a float of a buffer. */
export const widthOf =
  ({ isHalf }: FloatContext) =>
  (buffer: number): number =>
    isHalf(buffer) ? 2 : 4;

/** Reads f32 from the heap, and float16 as the f32 that they are. */
export class FloatReader {
  private readonly cells: HeapCells;
  private readonly context: FloatContext;
  private readonly used = new Set<string>();

  constructor(cells: HeapCells, context: FloatContext) {
    this.cells = cells;
    this.context = context;
  }

  /** The word of an f32, at an address in elements. */
  word(buffer: number, at: string): string {
    return this.context.isHalf(buffer)
      ? `bitcast<u32>(${this.use("half_at")}(${at}))`
      : wordAt(this.cells, at);
  }

  /** The words of four neighbours from a multiple of four on, where the heap is read by four words. */
  four(buffer: number, at: string): string {
    return this.context.isHalf(buffer)
      ? `bitcast<vec4<u32>>(${this.use("halves_at")}(${at}))`
      : `heap[(${at}) >> 2u]`;
  }

  /** The functions that were called, as text. */
  get functions(): string {
    return functionTexts(this.used, { cells: this.cells, float16: this.context.float16 });
  }

  private use(name: string): string {
    this.used.add(name);
    return name;
  }
}

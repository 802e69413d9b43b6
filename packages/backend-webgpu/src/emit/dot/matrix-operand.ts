import type { Matrix } from "@amari/core/backend";
import type { FloatReader } from "../float-reader.ts";
import { fromWord } from "../scope.ts";
import type { TableLayout } from "../table.ts";
import { type Code, plus, range, times } from "./code.ts";
import { placeInBatch } from "./dot-stage.ts";
import { type Operand, quad, type Side } from "./tiled-product.ts";

/** A matrix as an operand of a product of float32: its elements are these, or float16. */
export class MatrixOperand implements Operand {
  readonly along: "outer" | "k";
  private readonly name: Side["name"];
  private readonly start: string;
  private readonly outerStride: number;
  private readonly innerStride: number;
  private readonly outerExtent: number;
  private readonly quads: boolean;
  private readonly buffer: number;
  private readonly floats: FloatReader;

  /**
   * @param extent - its rows where it is the left, its columns where it is the right operand
   * @param quads - whether four neighbours can be loaded at a time
   */
  constructor(
    name: Side["name"],
    { buffer, offset, batchStrides, rowStride, columnStride }: Matrix,
    {
      batch,
      extent,
      table,
      quads,
      floats,
    }: {
      batch: readonly number[];
      extent: number;
      table: TableLayout;
      quads: boolean;
      floats: FloatReader;
    },
  ) {
    const [outerStride, innerStride] =
      name === "left" ? [rowStride, columnStride] : [columnStride, rowStride];
    this.name = name;
    this.start = `${table.buffer(buffer)} + ${offset} + ${placeInBatch(batch, batchStrides)}`;
    this.outerStride = outerStride;
    this.innerStride = innerStride;
    this.outerExtent = extent;
    this.quads = quads;
    this.buffer = buffer;
    this.floats = floats;
    // That of neighbours in memory, where there is one.
    this.along = innerStride === 1 && outerStride !== 1 ? "k" : "outer";
  }

  begin(code: Code): void {
    code.line(`let ${this.name} = ${this.start};`);
  }

  place(code: Code, four: string, outer: string): void {
    code.line(`let ${four} = ${outer};`);
  }

  load(code: Code, four: string, inner: string, nothing: string, isRagged: boolean): string {
    if (!isRagged) return this.four(four, inner);
    code.line(`var four = ${nothing};`);
    const isAlongK = this.along === "k";
    code.block(`if (${isAlongK ? plus(inner, quad - 1) : inner} < last)`, () =>
      code.line(`four = ${this.four(four, inner)};`),
    );
    if (isAlongK && !this.quads) {
      code.block("else", () => {
        for (const i of range(quad - 1))
          code.line(`if (${plus(inner, i)} < last) { four[${i}] = ${this.word(four, plus(inner, i))}; }`);
      });
    }
    return "four";
  }

  /** The words of four neighbours, the first of which stands at (outer, inner). */
  four(outer: string, inner: string): string {
    const { name, along, outerStride, innerStride, outerExtent } = this;
    if (this.quads) {
      const start =
        along === "outer"
          ? `min(${outer}, ${quad * Math.ceil(outerExtent / quad) - quad})`
          : this.inside(outer);
      return this.floats.four(this.buffer, `${name}${times(start, outerStride)}${times(inner, innerStride)}`);
    }
    const four = range(quad).map((i) =>
      along === "outer" ? this.word(plus(outer, i), inner) : this.word(outer, plus(inner, i)),
    );
    return `vec4<u32>(${four.join(", ")})`;
  }

  /** One element, whichever way the heap is read. */
  element(outer: string, inner: string): string {
    return fromWord(this.word(outer, inner), "f32");
  }

  private word(outer: string, inner: string): string {
    const { name, outerStride, innerStride } = this;
    const at = `${name}${times(this.inside(outer), outerStride)}${times(inner, innerStride)}`;
    return this.floats.word(this.buffer, at);
  }

  /** Beyond the edges the last row and column are read again; what comes of them is not stored. */
  private inside(outer: string): string {
    return `min(${outer}, ${this.outerExtent - 1})`;
  }
}

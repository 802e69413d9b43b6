import type { Matrix } from "@amari/core/backend";
import { type DeviceKernel, gridOf, groupNumber, type Shader } from "../loops.ts";
import { ownMemory, TableLayout } from "../table.ts";
import { shaderText } from "./shader-text.ts";
import { addPieces, type DotStage, matricesOf, placeInBatch, type Split, splitInto, whole } from "./split.ts";
import { type ProductVariant, tileOf } from "./variants.ts";

/** Elements that are loaded together, and steps along k that are unrolled. */
const quad = 4;

/** Below so many tiles of 64 by 64 a product leaves most of a GPU without work, unless k is cut. */
const fewTiles = 64;

/** How k is cut depends on the sizes alone, so that the bits do not depend on the variant. */
export function splitOf(stage: DotStage): Split {
  const { m, n, k } = stage;
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64) * matricesOf(stage);
  if (tiles >= fewTiles || k < 512) return whole(k);
  return splitInto(Math.ceil((2 * fewTiles) / tiles), k, 256, 16);
}

/** An operand, seen from the outside (rows of the left, columns of the right one) and along k. */
interface Operand {
  readonly name: "left" | "right";
  readonly matrix: Matrix;
  readonly outerStride: number;
  readonly innerStride: number;
  readonly outerExtent: number;
  /** The coordinate, in the result, of an invocation's or a tile's first element. */
  readonly origin: string;
  /** Along which side four elements that are loaded together stand: that of neighbours in memory, where there is one. */
  readonly along: "outer" | "k";
  /** Elements of an invocation. */
  readonly own: number;
  /** Elements of a workgroup. */
  readonly tile: number;
  /** Between the groups of four that belong to an invocation. */
  readonly apart: number;
  /** Which invocation along this side. */
  readonly lane: string;
}

function operandsOf(stage: DotStage, variant: ProductVariant): readonly [left: Operand, right: Operand] {
  const { left, right, m, n } = stage;
  const { rows, columns, height, width } = variant;
  const { rows: tileRows, columns: tileColumns } = tileOf(variant);
  const along = (outerStride: number, innerStride: number) =>
    innerStride === 1 && outerStride !== 1 ? "k" : "outer";
  return [
    {
      name: "left",
      matrix: left,
      outerStride: left.rowStride,
      innerStride: left.columnStride,
      outerExtent: m,
      origin: "row",
      along: along(left.rowStride, left.columnStride),
      own: rows,
      tile: tileRows,
      apart: quad * height,
      lane: `i32(lane) / ${width}`,
    },
    {
      name: "right",
      matrix: right,
      outerStride: right.columnStride,
      innerStride: right.rowStride,
      outerExtent: n,
      origin: "column",
      along: along(right.columnStride, right.rowStride),
      own: columns,
      tile: tileColumns,
      apart: quad * width,
      lane: `i32(lane) % ${width}`,
    },
  ];
}

const isQuads = (x: number): boolean => x % quad === 0;

/**
 * Whether four neighbours can be loaded and stored at a time: all of them start on multiples of four.
 *
 * @param isAligned - whether a buffer begins on a multiple of four words
 */
export function hasQuads(stage: DotStage, isAligned: (buffer: number) => boolean): boolean {
  const { left, right, result, m, n, k } = stage;
  const fits = ({ buffer, offset, batchStrides }: Matrix): boolean =>
    isAligned(buffer) && isQuads(offset) && batchStrides.every(isQuads);
  // Beyond an outer edge may be read what is there, of which nothing is stored; beyond that of k it would be added.
  const loads = (outerStride: number, innerStride: number): boolean =>
    (outerStride === 1 && isQuads(innerStride)) || (innerStride === 1 && isQuads(outerStride) && isQuads(k));
  return (
    [left, right, result].every(fits) &&
    loads(left.rowStride, left.columnStride) &&
    loads(right.columnStride, right.rowStride) &&
    isQuads(result.rowStride) &&
    result.columnStride === 1 &&
    isQuads(n) &&
    m > 0
  );
}

/** A batched product of matrices, by blocks in registers and, where the variant says so, tiles in a workgroup's memory. */
export function emitMatrixProduct(stage: DotStage, variant: ProductVariant, quads: boolean): DeviceKernel {
  const table = new TableLayout();
  const split = splitOf(stage);
  const { m, n } = stage;
  const { rows, columns } = tileOf(variant);
  const groups = Math.ceil(m / rows) * Math.ceil(n / columns) * matricesOf(stage) * split.pieces;
  if (groups === 0) return { shaders: [], table, memory: 0 };
  for (const { buffer } of [stage.left, stage.right, stage.result]) table.buffer(buffer);
  const text = new ProductWriter(stage, variant, quads, split, table).write();
  const product: Shader = { text, groups: gridOf(groups) };
  if (split.pieces === 1) return { shaders: [product], table, memory: 0 };
  const memory = split.pieces * matricesOf(stage) * m * n;
  return { shaders: [product, addPieces(stage, split.pieces, table)], table, memory };
}

class ProductWriter {
  private readonly stage: DotStage;
  private readonly variant: ProductVariant;
  private readonly quads: boolean;
  private readonly split: Split;
  private readonly table: TableLayout;
  private readonly operands: readonly [Operand, Operand];
  private readonly lines: string[] = [];
  private depth = 0;

  constructor(stage: DotStage, variant: ProductVariant, quads: boolean, split: Split, table: TableLayout) {
    this.stage = stage;
    this.variant = variant;
    this.quads = quads;
    this.split = split;
    this.table = table;
    this.operands = operandsOf(stage, variant);
  }

  write(): string {
    const { variant, table, operands, quads } = this;
    const isShared = variant.depth > 0;
    this.findPlace(isShared);
    const groupsOfRows = this.quadsOf(operands[0]);
    const groupsOfColumns = this.quadsOf(operands[1]);
    for (const g of groupsOfRows)
      for (let i = 0; i < quad; i++)
        for (const h of groupsOfColumns) this.line(`var sum${g}_${i}_${h} = vec4<f32>();`);
    if (isShared) this.sweepTiles();
    else this.sweepHeap();
    this.store(groupsOfRows, groupsOfColumns);
    const tiles = operands.map(
      ({ name, tile }) => `var<workgroup> ${name}_tile: array<vec4<f32>, ${(tile * variant.depth) / quad}>;`,
    );
    return shaderText({
      lines: this.lines,
      table,
      invocations: variant.height * variant.width,
      words: quads ? "vec4<u32>" : "u32",
      shared: isShared ? tiles : [],
    });
  }

  private line(text: string): void {
    this.lines.push("  ".repeat(this.depth) + text);
  }

  private block(head: string, body: () => void): void {
    this.line(`${head} {`.trim());
    this.depth++;
    body();
    this.depth--;
    this.line("}");
  }

  private quadsOf({ own }: Operand): number[] {
    return Array.from({ length: own / quad }, (_, g) => g);
  }

  /** Which part of the result is this invocation's, and where the operands begin. */
  private findPlace(isShared: boolean): void {
    const { stage, split, table, operands } = this;
    const { left, right, batch, m, n, k } = stage;
    const [rows, columns] = operands.map(({ outerExtent, tile }) => Math.ceil(outerExtent / tile)) as [
      number,
      number,
    ];
    const tiles = rows * columns;
    this.line(`let place = i32(${groupNumber});`);
    this.line(`if (place >= ${tiles * matricesOf(stage) * split.pieces}) { return; }`);
    this.line(`let piece = place / ${tiles} % ${split.pieces};`);
    this.line(`let matrix = place / ${tiles * split.pieces};`);
    this.line(`let tile_row = place % ${tiles} / ${columns} * ${operands[0].tile};`);
    this.line(`let tile_column = place % ${columns} * ${operands[1].tile};`);
    for (const { origin, lane } of operands) this.line(`let ${origin} = tile_${origin} + ${lane} * ${quad};`);
    // Those of a tile help to load it, wherever they stand.
    if (!isShared) this.line(`if (row >= ${m} || column >= ${n}) { return; }`);
    for (const { buffer, offset, batchStrides, name } of [
      { ...left, name: "left" },
      { ...right, name: "right" },
    ])
      this.line(`let ${name} = ${table.buffer(buffer)} + ${offset} + ${placeInBatch(batch, batchStrides)};`);
    this.line(`let first = piece * ${split.length};`);
    this.line(`let last = ${split.pieces === 1 ? k : `min(${k}, first + ${split.length})`};`);
  }

  /** A word of an operand as a float. */
  private element({ name, outerStride, innerStride }: Operand, outer: string, inner: string): string {
    return `bitcast<f32>(heap[${name}${times(outer, outerStride)}${times(inner, innerStride)}])`;
  }

  /** Four neighbours of an operand, the first of which stands at (outer, inner), as it is loaded. */
  private fourOf(operand: Operand, outer: string, inner: string): string {
    const { name, along, outerStride, innerStride, outerExtent } = operand;
    if (this.quads) {
      const start =
        along === "outer"
          ? `min(${outer}, ${quad * Math.ceil(outerExtent / quad) - quad})`
          : this.inside(operand, outer);
      const at = `${name}${times(start, outerStride)}${times(inner, innerStride)}`;
      return `bitcast<vec4<f32>>(heap[(${at}) >> 2u])`;
    }
    const four = [0, 1, 2, 3].map((i) =>
      along === "outer"
        ? this.element(operand, this.inside(operand, plus(outer, i)), inner)
        : this.element(operand, this.inside(operand, outer), plus(inner, i)),
    );
    return `vec4<f32>(${four.join(", ")})`;
  }

  /** Beyond the edges the last row and column are read again; what comes of them is not stored. */
  private inside({ outerExtent }: Operand, outer: string): string {
    return `min(${outer}, ${outerExtent - 1})`;
  }

  /**
   * Adds the products of four steps along k, each element's in the order of k. The operands' fours are in variables
   * `left{g}_{i}`, where i counts the steps, or the elements of a group where four steps stand side by side.
   */
  private multiply(steps = quad): void {
    const [left, right] = this.operands;
    const value = ({ name, along }: Operand, g: number, i: number, p: number): string =>
      along === "outer" ? `${name}${g}_${p}[${i}]` : `${name}${g}_${i}[${p}]`;
    for (let p = 0; p < steps; p++) {
      for (const h of this.quadsOf(right)) {
        const four =
          right.along === "outer"
            ? `right${h}_${p}`
            : `vec4<f32>(${[0, 1, 2, 3].map((j) => value(right, h, j, p)).join(", ")})`;
        this.line(`let y${h}_${p} = ${four};`);
        for (const g of this.quadsOf(left)) {
          for (let i = 0; i < quad; i++) {
            const sum = `sum${g}_${i}_${h}`;
            this.line(`${sum} = fma(vec4<f32>(${value(left, g, i, p)}), y${h}_${p}, ${sum});`);
          }
        }
      }
    }
  }

  /** Each invocation reads for itself. */
  private sweepHeap(): void {
    const { operands, stage } = this;
    // Only the last piece can end between two quads.
    const rest = stage.k % quad;
    this.block(`for (var p = first; p + ${quad - 1} < last; p += ${quad})`, () => {
      for (const operand of operands) {
        const { name, along, origin, apart } = operand;
        for (const g of this.quadsOf(operand)) {
          const outer = plus(origin, g * apart);
          for (let i = 0; i < quad; i++) {
            const four =
              along === "outer"
                ? this.fourOf(operand, outer, plus("p", i))
                : this.fourOf(operand, plus(outer, i), "p");
            this.line(`let ${name}${g}_${i} = ${four};`);
          }
        }
      }
      this.multiply();
    });
    if (rest === 0) return;
    const [left, right] = operands;
    this.block(`for (var p = last - last % ${quad}; p < last; p++)`, () => {
      for (const h of this.quadsOf(right)) {
        const four = [0, 1, 2, 3].map((j) => this.single(right, plus("column", h * right.apart + j), "p"));
        this.line(`let y${h} = vec4<f32>(${four.join(", ")});`);
      }
      for (const g of this.quadsOf(left)) {
        for (let i = 0; i < quad; i++) {
          this.line(
            `let x${g}_${i} = vec4<f32>(${this.single(left, plus("row", g * left.apart + i), "p")});`,
          );
          for (const h of this.quadsOf(right)) {
            const sum = `sum${g}_${i}_${h}`;
            this.line(`${sum} = fma(x${g}_${i}, y${h}, ${sum});`);
          }
        }
      }
    });
  }

  /** One element, clamped to the edge, whichever way the heap is read. */
  private single(operand: Operand, outer: string, inner: string): string {
    if (!this.quads) return this.element(operand, this.inside(operand, outer), inner);
    const { name, outerStride, innerStride } = operand;
    const at = `${name}${times(this.inside(operand, outer), outerStride)}${times(inner, innerStride)}`;
    return `bitcast<f32>(heap[(${at}) >> 2u][(${at}) & 3])`;
  }

  /** A workgroup loads a part of the operands, from which all its invocations read. */
  private sweepTiles(): void {
    const { operands, stage, variant, split } = this;
    const { depth } = variant;
    const isRagged = stage.k % depth !== 0 || split.length % depth !== 0;
    this.block(`for (var base = first; base < last; base += ${depth})`, () => {
      for (const operand of operands) this.loadTile(operand, isRagged);
      this.line("workgroupBarrier();");
      this.block(`for (var p = 0; p < ${depth}; p += ${quad})`, () => {
        for (const operand of operands) {
          const { name, along, apart, tile, lane } = operand;
          for (const g of this.quadsOf(operand)) {
            for (let i = 0; i < quad; i++) {
              const outer = plus(`(${lane}) * ${quad}`, g * apart);
              const at =
                along === "outer"
                  ? `(p + ${i}) * ${tile / quad} + (${outer}) / ${quad}`
                  : `(${plus(outer, i)}) * ${depth / quad} + p / ${quad}`;
              this.line(`let ${name}${g}_${i} = ${name}_tile[${at}];`);
            }
          }
        }
        this.multiply();
      });
      this.line("workgroupBarrier();");
    });
  }

  /**
   * Beyond k the left operand is 0 and the right one -0: the product is -0, the only number that leaves every sum as it is.
   */
  private loadTile(operand: Operand, isRagged: boolean): void {
    const { name, along, origin, tile } = operand;
    const { depth, height, width } = this.variant;
    const invocations = height * width;
    const fours = (tile * depth) / quad;
    const nothing = name === "left" ? "vec4<u32>()" : "vec4<u32>(0x80000000u)";
    const load = (at: string) => {
      const inLine = along === "outer" ? tile / quad : depth / quad;
      const outer = along === "outer" ? `${at} % ${inLine} * ${quad}` : `${at} / ${inLine}`;
      const inner = along === "outer" ? `${at} / ${inLine}` : `${at} % ${inLine} * ${quad}`;
      this.line(`let outer = tile_${origin} + ${outer};`);
      this.line(`let inner = base + ${inner};`);
      if (!isRagged) {
        this.line(`${name}_tile[${at}] = ${this.fourOf(operand, "outer", "inner")};`);
        return;
      }
      this.line(`var four = ${nothing};`);
      const last = along === "k" ? "inner + 3" : "inner";
      this.block(`if (${last} < last)`, () =>
        this.line(`four = bitcast<vec4<u32>>(${this.fourOf(operand, "outer", "inner")});`),
      );
      if (along === "k" && !this.quads) {
        this.block("else", () => {
          for (let i = 0; i < quad - 1; i++) {
            const element = this.element(operand, this.inside(operand, "outer"), plus("inner", i));
            this.line(`if (inner + ${i} < last) { four[${i}] = bitcast<u32>(${element}); }`);
          }
        });
      }
      this.line(`${name}_tile[${at}] = bitcast<vec4<f32>>(four);`);
    };
    for (let at = 0; at < fours; at += invocations) {
      const isPart = fours - at < invocations;
      this.block(isPart ? `if (lane < ${fours - at}u)` : "", () => load(`(i32(lane) + ${at})`));
    }
  }

  /** To the result, or with the other pieces to the kernel's own memory. */
  private store(groupsOfRows: readonly number[], groupsOfColumns: readonly number[]): void {
    const { stage, split, table, operands } = this;
    const { result, batch, m, n } = stage;
    const isWhole = split.pieces === 1;
    const to = isWhole
      ? `${table.buffer(result.buffer)} + ${result.offset} + ${placeInBatch(batch, result.batchStrides)}`
      : `${ownMemory} + (piece * ${matricesOf(stage)} + matrix) * ${m * n}`;
    const rowStride = isWhole ? result.rowStride : n;
    this.line(`let to = ${to};`);
    for (const g of groupsOfRows) {
      for (let i = 0; i < quad; i++) {
        const row = plus("row", g * operands[0].apart + i);
        this.block(`if (${row} < ${m})`, () => {
          for (const h of groupsOfColumns) {
            const sum = `sum${g}_${i}_${h}`;
            const column = plus("column", h * operands[1].apart);
            const at = `to + (${row}) * ${rowStride} + ${column}`;
            if (this.quads) {
              this.line(`if (${column} < ${n}) { heap[(${at}) >> 2u] = bitcast<vec4<u32>>(${sum}); }`);
              continue;
            }
            for (let j = 0; j < quad; j++)
              this.line(
                `if (${plus(column, j)} < ${n}) { heap[${plus(at, j)}] = bitcast<u32>(${sum}[${j}]); }`,
              );
          }
        });
      }
    }
  }
}

const plus = (text: string, number: number): string => (number === 0 ? text : `${text} + ${number}`);

const times = (text: string, stride: number): string => {
  if (stride === 0) return "";
  return stride === 1 ? ` + ${text}` : ` + (${text}) * ${stride}`;
};

import type { FloatReader } from "../float-reader.ts";
import { toWord } from "../scope.ts";
import { type DeviceKernel, gridOf, groupNumber, type Shader } from "../shader.ts";
import { ownMemory, type TableLayout } from "../table.ts";
import { Code, plus, range } from "./code.ts";
import { shaderText } from "./shader-text.ts";
import { addPieces, type Split } from "./split.ts";
import type { ProductType, Target } from "./target.ts";
import { type ProductVariant, tileOf } from "./variants.ts";

/** Elements that stand together in a vector, and steps along k that are unrolled. */
export const quad = 4;

/** A batch of products of matrices, of which nothing is known but how to get at their elements. */
export interface TiledProduct {
  readonly type: ProductType;
  readonly matrices: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly split: Split;
  readonly table: TableLayout;
  /** How the heap's words are read and written. */
  readonly words: "u32" | "vec4<u32>";
  /** What loads its operands, where that calls functions. */
  readonly floats?: FloatReader;
  readonly left: Operand;
  readonly right: Operand;
  readonly target: Target;
  /** Statements that add up the sums of an invocation that reads for itself, from `first` to `last` along k. */
  sweep(code: Code, sides: Sides): void;
}

/** An operand, seen from the outside (rows of the left, columns of the right one) and along k. */
export interface Operand {
  /** Along which side four elements that are loaded together stand. */
  readonly along: "outer" | "k";
  /** Statements that find where the operand begins, for the number `matrix`. */
  begin(code: Code): void;
  /** Statements that find where four elements stand from `outer` on, or one where they stand along k; names begin with `four`. */
  place(code: Code, four: string, outer: string): void;
  /**
   * The words of these four elements at `inner`, or of those from `inner` on.
   *
   * @param nothing - what stands for those that are not there
   * @param isRagged - whether `inner` may reach `last`, beyond which nothing is there
   */
  load(code: Code, four: string, inner: string, nothing: string, isRagged: boolean): string;
}

/** One side of the block of sums that an invocation has, and of the tile that its workgroup has. */
export interface Side {
  readonly name: "left" | "right";
  /** The coordinate of an invocation's or, after `tile_`, a workgroup's first element. */
  readonly origin: "row" | "column";
  readonly extent: number;
  /** Elements of an invocation, by fours. */
  readonly own: readonly number[];
  /** Elements of a workgroup. */
  readonly tile: number;
  /** Between the fours of an invocation. */
  readonly apart: number;
  /** Where the invocation's first element stands in the tile. */
  readonly lane: string;
}

export type Sides = readonly [rows: Side, columns: Side];

/** Whether each invocation has a tile of its own; then so many of them, wherever they work, make a workgroup. */
const isAlone = ({ height, width }: ProductVariant): boolean => height * width === 1;
const loners = 64;

const foursOf = (elements: number): number[] =>
  range(Math.ceil(elements / quad)).map((g) => Math.min(quad, elements - g * quad));

function sidesOf({ m, n }: TiledProduct, variant: ProductVariant): Sides {
  const { rows, columns, height, width } = variant;
  const tile = tileOf(variant);
  return [
    {
      name: "left",
      origin: "row",
      extent: m,
      own: foursOf(rows),
      tile: tile.rows,
      apart: quad * height,
      lane: isAlone(variant) ? "0" : `i32(lane) / ${width} * ${quad}`,
    },
    {
      name: "right",
      origin: "column",
      extent: n,
      own: foursOf(columns),
      tile: tile.columns,
      apart: quad * width,
      lane: isAlone(variant) ? "0" : `i32(lane) % ${width} * ${quad}`,
    },
  ];
}

/** The sums of row i of the four g, in the columns of the four h. */
const sumOf = (g: number, i: number, h: number): string => `sum${g}_${i}_${h}`;

/**
 * Adds the products of a step along k to an invocation's sums.
 *
 * @param x - a row's element of the left operand
 * @param y - four columns' elements of the right operand
 */
export function addProducts(
  code: Code,
  type: ProductType,
  [rows, columns]: Sides,
  x: (g: number, i: number) => string,
  y: (h: number) => string,
): void {
  for (const h of columns.own.keys()) {
    for (const [g, own] of rows.own.entries()) {
      for (const i of range(own)) {
        const [sum, factor] = [sumOf(g, i, h), `vec4<${type}>(${x(g, i)})`];
        const added = type === "f32" ? `fma(${factor}, ${y(h)}, ${sum})` : `${sum} + ${factor} * ${y(h)}`;
        code.line(`${sum} = ${added};`);
      }
    }
  }
}

/**
 * Adds the products of four steps along k, each element's in the order of k. The operands' fours are in variables
 * `left{g}_{i}`, where i counts the steps, or the elements of a group where four steps stand side by side.
 */
export function addFourSteps(code: Code, product: TiledProduct, sides: Sides): void {
  const { left, right, type } = product;
  for (const p of range(quad)) {
    for (const h of sides[1].own.keys()) {
      const four =
        right.along === "outer"
          ? `right${h}_${p}`
          : `vec4<${type}>(${range(quad)
              .map((j) => `right${h}_${j}[${p}]`)
              .join(", ")})`;
      code.line(`let y${h}_${p} = ${four};`);
    }
    const x = (g: number, i: number) =>
      left.along === "outer" ? `left${g}_${p}[${i}]` : `left${g}_${i}[${p}]`;
    addProducts(code, type, sides, x, (h) => `y${h}_${p}`);
  }
}

/**
 * A product by blocks of sums in registers and, where the variant says so, tiles of the operands in a workgroup's memory.
 * Every variant adds the products of an element in the order of k.
 */
export function emitTiledProduct(product: TiledProduct, variant: ProductVariant): DeviceKernel {
  const { m, n, matrices, split, table } = product;
  const tile = tileOf(variant);
  const places = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * matrices * split.pieces;
  if (places === 0) return { shaders: [], table, memory: 0 };
  const groups = Math.ceil(places / (isAlone(variant) ? loners : 1));
  const shader: Shader = { text: textOf(product, variant), groups: gridOf(groups) };
  if (split.pieces === 1) return { shaders: [shader], table, memory: 0 };
  return { shaders: [shader, addPieces(product)], table, memory: split.pieces * matrices * m * n };
}

function textOf(product: TiledProduct, variant: ProductVariant): string {
  const { type, table, words, split } = product;
  const code = new Code();
  const sides = sidesOf(product, variant);
  const [rows, columns] = sides;
  const isShared = variant.depth > 0;
  findPlace(code, product, sides, variant);
  for (const [g, own] of rows.own.entries())
    for (const i of range(own))
      for (const h of columns.own.keys()) code.line(`var ${sumOf(g, i, h)} = vec4<${type}>();`);
  if (isShared) sweepTiles(code, product, sides, variant);
  else product.sweep(code, sides);
  store(code, product, sides, split.pieces === 1 ? product.target : pieceOf(product), isShared);
  const tiles = sides.map(
    ({ name, tile }) =>
      `var<workgroup> ${name}_tile: array<vec4<${type}>, ${(tile * variant.depth) / quad}>;`,
  );
  return shaderText({
    lines: code.lines,
    table,
    invocations: isAlone(variant) ? loners : variant.height * variant.width,
    words,
    shared: isShared ? tiles : [],
    functions: product.floats?.functions ?? "",
  });
}

/** Which part of the result is this invocation's, and where the operands begin. */
function findPlace(code: Code, product: TiledProduct, sides: Sides, variant: ProductVariant): void {
  const { m, n, k, split, matrices, left, right } = product;
  const [rows, columns] = sides.map(({ extent, tile }) => Math.ceil(extent / tile)) as [number, number];
  const tiles = rows * columns;
  code.line(
    `let place = i32(${groupNumber}${isAlone(variant) ? ` * ${loners}u + lane` : ""});`,
    `if (place >= ${tiles * matrices * split.pieces}) { return; }`,
    `let piece = place / ${tiles} % ${split.pieces};`,
    `let matrix = place / ${tiles * split.pieces};`,
    `let tile_row = place % ${tiles} / ${columns} * ${sides[0].tile};`,
    `let tile_column = place % ${columns} * ${sides[1].tile};`,
    ...sides.map(({ origin, lane }) => `let ${origin} = tile_${origin} + ${lane};`),
  );
  // Those of a tile help to load it, wherever they stand.
  if (variant.depth === 0) code.line(`if (row >= ${m} || column >= ${n}) { return; }`);
  left.begin(code);
  right.begin(code);
  code.line(
    `let first = piece * ${split.length};`,
    `let last = ${split.pieces === 1 ? k : `min(${k}, first + ${split.length})`};`,
  );
}

/** A workgroup loads a part of the operands, from which all its invocations read. */
function sweepTiles(code: Code, product: TiledProduct, sides: Sides, variant: ProductVariant): void {
  const { k, split, left, right } = product;
  const { depth, height, width } = variant;
  const operands = { left, right };
  const isRagged = k % depth !== 0 || split.length % depth !== 0;
  const slots = sides.flatMap((side) =>
    slotsOf(side, operands[side.name], depth, height * width).map((slot) => ({ side, ...slot })),
  );
  for (const { side, name, outer } of slots)
    operands[side.name].place(code, name, `tile_${side.origin} + ${outer}`);
  code.block(`for (var base = first; base < last; base += ${depth})`, () => {
    for (const { side, name, at, inner, condition } of slots) {
      code.block(condition, () => {
        // Their product is -0, the only number that leaves every sum as it is.
        const nothing =
          side.name === "right" && product.type === "f32" ? "vec4<u32>(0x80000000u)" : "vec4<u32>()";
        code.line(`let inner = base + ${inner};`);
        const four = operands[side.name].load(code, name, "inner", nothing, isRagged);
        code.line(`${side.name}_tile[${at}] = ${foursFromWords(four, product.type)};`);
      });
    }
    code.line("workgroupBarrier();");
    code.block(`for (var p = 0; p < ${depth}; p += ${quad})`, () => {
      for (const { name, own, lane, apart, tile } of sides) {
        for (const g of own.keys()) {
          for (const i of range(quad)) {
            const outer = plus(lane, g * apart);
            const at =
              operands[name].along === "outer"
                ? `(p + ${i}) * ${tile / quad} + (${outer}) / ${quad}`
                : `(${plus(outer, i)}) * ${depth / quad} + p / ${quad}`;
            code.line(`let ${name}${g}_${i} = ${name}_tile[${at}];`);
          }
        }
      }
      addFourSteps(code, product, sides);
    });
    code.line("workgroupBarrier();");
  });
}

/** The fours of a tile that an invocation loads: where they stand in the tile, and which elements they are. */
function slotsOf({ name, tile }: Side, { along }: Operand, depth: number, invocations: number) {
  const fours = (tile * depth) / quad;
  const inLine = along === "outer" ? tile / quad : depth / quad;
  return range(Math.ceil(fours / invocations)).map((slot) => {
    const before = slot * invocations;
    const at = before === 0 ? "i32(lane)" : `(i32(lane) + ${before})`;
    const [line, inside] = [`${at} / ${inLine}`, `${at} % ${inLine} * ${quad}`];
    return {
      name: `${name}_four${slot}`,
      at,
      outer: along === "outer" ? inside : line,
      inner: along === "outer" ? line : inside,
      condition: fours - before < invocations ? `if (lane < ${fours - before}u)` : "",
    };
  });
}

export const foursFromWords = (words: string, type: ProductType): string =>
  type === "u32" ? words : `bitcast<vec4<${type}>>(${words})`;

const foursToWords = (fours: string, type: ProductType): string =>
  type === "u32" ? fours : `bitcast<vec4<u32>>(${fours})`;

function store(code: Code, { type }: TiledProduct, sides: Sides, target: Target, isShared: boolean): void {
  const [rows, columns] = sides;
  // An invocation that reads for itself has begun inside.
  const isInside = ({ extent, tile }: Side, four: number): boolean =>
    extent % tile === 0 || (!isShared && four === 0 && extent % quad === 0);
  target.begin(code);
  for (const h of columns.own.keys())
    target.place(code, `to${h}`, plus(columns.origin, h * columns.apart), isInside(columns, h));
  for (const [g, own] of rows.own.entries()) {
    for (const i of range(own)) {
      const row = plus(rows.origin, g * rows.apart + i);
      code.block(isInside(rows, g) ? "" : `if (${row} < ${rows.extent})`, () => {
        for (const h of columns.own.keys()) {
          const [sum, four] = [sumOf(g, i, h), `to${h}`];
          const has = (j: number) => target.has(four, j, isInside(columns, h));
          if (target.quads) {
            code.guarded(has(0), `heap[(${target.at(four, 0, row)}) >> 2u] = ${foursToWords(sum, type)};`);
            continue;
          }
          for (const j of range(quad))
            code.guarded(has(j), `heap[${target.at(four, j, row)}] = ${toWord(`${sum}[${j}]`, type)};`);
        }
      });
    }
  }
}

/** A piece's part of the kernel's own memory: one piece after the other, each as dense as it can be. */
function pieceOf({ matrices, m, n, words }: TiledProduct): Target {
  return {
    quads: words !== "u32",
    begin: (code) => code.line(`let to = ${ownMemory} + (piece * ${matrices} + matrix) * ${m * n};`),
    place: (code, four, column) => code.line(`let ${four} = ${column};`),
    has: (four, j, isInside) => (isInside ? null : `${plus(four, j)} < ${n}`),
    at: (four, j, row) => plus(`to + (${row}) * ${n} + ${four}`, j),
  };
}

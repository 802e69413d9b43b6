import type { Matrix } from "@amari/core/backend";
import { type FloatContext, FloatReader, singles, widthOf } from "../float-reader.ts";
import type { DeviceKernel } from "../shader.ts";
import { TableLayout } from "../table.ts";
import { type Code, plus, range } from "./code.ts";
import { type DotStage, matricesOf } from "./dot-stage.ts";
import { MatrixOperand } from "./matrix-operand.ts";
import { matrixTarget } from "./matrix-target.ts";
import { type Split, splitOfTiles } from "./split.ts";
import {
  addFourSteps,
  addProducts,
  emitTiledProduct,
  foursFromWords,
  quad,
  type Sides,
  type TiledProduct,
} from "./tiled-product.ts";
import type { ProductVariant } from "./variants.ts";

/** How k is cut depends on the sizes alone, so that the bits do not depend on the variant. */
export const splitOf = (stage: DotStage): Split => splitOfTiles(stage, matricesOf(stage));

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
export function emitMatrixProduct(
  stage: DotStage,
  variant: ProductVariant,
  quads: boolean,
  context: FloatContext = singles,
  split: Split = splitOf(stage),
): DeviceKernel {
  const { batch, m, n, k } = stage;
  const table = new TableLayout(widthOf(context));
  const words = quads ? "vec4<u32>" : "u32";
  const floats = new FloatReader(words, context);
  const left = new MatrixOperand("left", stage.left, { batch, extent: m, table, quads, floats });
  const right = new MatrixOperand("right", stage.right, { batch, extent: n, table, quads, floats });
  const product: TiledProduct = {
    type: "f32",
    matrices: matricesOf(stage),
    m,
    n,
    k,
    split,
    table,
    words,
    floats,
    left,
    right,
    target: matrixTarget(stage, table, quads),
    sweep: (code, sides) => sweepHeap(code, product, sides, left, right),
  };
  return emitTiledProduct(product, variant);
}

/** Each invocation reads for itself, four steps along k at a time. */
function sweepHeap(
  code: Code,
  product: TiledProduct,
  sides: Sides,
  left: MatrixOperand,
  right: MatrixOperand,
): void {
  code.block(`for (var p = first; p + ${quad - 1} < last; p += ${quad})`, () => {
    for (const { name, own, origin, apart } of sides) {
      const operand = name === "left" ? left : right;
      for (const g of own.keys()) {
        const outer = plus(origin, g * apart);
        for (const i of range(quad)) {
          const four =
            operand.along === "outer" ? operand.four(outer, plus("p", i)) : operand.four(plus(outer, i), "p");
          code.line(`let ${name}${g}_${i} = ${foursFromWords(four, product.type)};`);
        }
      }
    }
    addFourSteps(code, product, sides);
  });
  // Only the last piece can end between two quads.
  if (product.k % quad === 0) return;
  const [rows, columns] = sides;
  code.block(`for (var p = last - last % ${quad}; p < last; p++)`, () => {
    for (const h of columns.own.keys()) {
      const outer = plus(columns.origin, h * columns.apart);
      const four = range(quad).map((j) => right.element(plus(outer, j), "p"));
      code.line(`let y${h} = vec4<f32>(${four.join(", ")});`);
    }
    for (const [g, own] of rows.own.entries()) {
      for (const i of range(own))
        code.line(`let x${g}_${i} = ${left.element(plus(rows.origin, g * rows.apart + i), "p")};`);
    }
    const x = (g: number, i: number) => `x${g}_${i}`;
    addProducts(code, product.type, sides, x, (h) => `y${h}`);
  });
}

import { type ArrayOperand, type Geometry, sizeOf } from "@amari/core/backend";
import { emitConvolution } from "../emit/convolution/convolution.ts";
import { type Parts, partsOf } from "../emit/convolution/convolution-product.ts";
import type { DotStage } from "../emit/dot/dot-stage.ts";
import { emitMatrixProduct } from "../emit/dot/matrix-product.ts";
import type { ProductVariant } from "../emit/dot/variants.ts";
import type { DeviceKernel } from "../emit/shader.ts";

/** Products that are taken to be alike, and one of them that stands for all. */
export interface ProductClass {
  readonly name: string;
  /** Words of its buffers 0, 1 and 2. */
  readonly words: readonly number[];
  /** How many multiplications it has. */
  readonly multiplications: number;
  emit(variant: ProductVariant): DeviceKernel;
}

/** Sizes beyond this, and very small ones, are taken to be alike. */
const largestSide = 2048;
const smallestSide = 16;
const mostMultiplications = 2 ** 33;

/** Of a convolution's input or result. */
const mostWords = 2 ** 23;

const powerFrom = (x: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, x)));

/** Dense products of matrices with sides of powers of two, of the same layout. */
export function matrixProductClass({ left, right, m, n, k, batch }: DotStage, quads: boolean): ProductClass {
  const side = (x: number): number => Math.min(largestSide, Math.max(smallestSide, powerFrom(x)));
  const [rows, columns, depth] = [side(m), side(n), side(k)];
  const each = rows * columns * depth;
  const matrices = Math.max(1, Math.min(powerFrom(sizeOf(batch)), mostMultiplications / each));
  const isTransposed = ({ rowStride, columnStride }: DotStage["left"]) =>
    rowStride === 1 && columnStride !== 1;
  const [isLeft, isRight] = [isTransposed(left), isTransposed(right)];
  const stage: DotStage = {
    kind: "dot",
    left: denseMatrix(0, rows, depth, isLeft),
    right: denseMatrix(1, depth, columns, isRight),
    result: denseMatrix(2, rows, columns, false),
    batch: [matrices],
    m: rows,
    n: columns,
    k: depth,
  };
  const layout = [isLeft, isRight].map((is) => (is ? "T" : "N")).join("");
  return {
    name: `${matrices} x ${rows} x ${depth} x ${columns} ${layout}${quads ? "" : " word by word"}`,
    words: [rows * depth, depth * columns, rows * columns].map((size) => matrices * size),
    multiplications: matrices * each,
    emit: (variant) => emitMatrixProduct(stage, variant, quads),
  };
}

const denseMatrix = (
  buffer: number,
  height: number,
  width: number,
  isTransposed: boolean,
): DotStage["left"] => ({
  buffer,
  offset: 0,
  batchStrides: [height * width],
  rowStride: isTransposed ? 1 : width,
  columnStride: isTransposed ? height : 1,
});

/** Convolutions of the same geometry, whose numbers of images and channels are rounded up to powers of two. */
export function convolutionClass({ stage, type, groups, axes }: Parts): ProductClass {
  const geometry = stage.step.attributes as Geometry;
  const [batch, , ...input] = stage.input.shape as [number, number, ...number[]];
  const [outputs, perGroup, ...window] = stage.window.shape as [number, number, ...number[]];
  const channels = powerFrom(perGroup);
  const results = groups * powerFrom(outputs / groups);
  const places = axes.map((axis) => axis.results);
  const each = results * channels * sizeOf(window) * sizeOf(places);
  const words = Math.max(groups * channels * sizeOf(input), results * sizeOf(places));
  const most = Math.min(mostMultiplications / each, mostWords / words);
  const images = Math.max(1, Math.min(powerFrom(batch), Math.floor(most)));
  const shape = [images, results, ...places];
  const [x, w] = [
    denseLike(0, [images, groups * channels, ...input], stage.input),
    denseLike(1, [results, channels, ...window], stage.window),
  ];
  const parts = partsOf({ ...stage, input: x, window: w, result: 2 }, shape, type);
  const { strides, padding, inputDilation, kernelDilation } = geometry;
  const how = [strides, padding, inputDilation, kernelDilation].map((list) => list.join(" ")).join("; ");
  return {
    name: `${type} ${layoutOf(x)} by ${layoutOf(w)}, ${groups} groups, ${how}`,
    words: [x.shape, w.shape, shape].map(sizeOf),
    multiplications: images * each,
    emit: (variant) => emitConvolution(parts, variant),
  };
}

/** A dense array of a shape, whose axes stand in memory in the order of another's. */
function denseLike(buffer: number, shape: readonly number[], { strides: like }: ArrayOperand): ArrayOperand {
  const inner = shape.map((_, axis) => axis).sort((a, b) => Math.abs(like[a]!) - Math.abs(like[b]!) || b - a);
  const strides = shape.map(() => 0);
  let inside = 1;
  for (const axis of inner) {
    strides[axis] = inside;
    inside *= shape[axis]!;
  }
  return { buffer, shape, offset: 0, strides };
}

const layoutOf = ({ shape, strides }: ArrayOperand): string => `${shape.join("x")} / ${strides.join(" ")}`;

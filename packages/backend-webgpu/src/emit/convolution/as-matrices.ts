import { type ArrayOperand, type Matrix, sizeOf } from "@amari/core/backend";
import { type DotStage, matricesOf } from "../dot/dot-stage.ts";
import type { Split } from "../dot/split.ts";
import { quad } from "../dot/tiled-product.ts";
import type { Parts } from "./convolution-product.ts";
import { splitOf } from "./sizes.ts";
import { placesOf, tapsOf, type WindowAxis } from "./window-axis.ts";

/** Fewer places leave a tile of a matrix for each image mostly empty. */
const fewPlaces = 32;

/** Matrices that are there, and how their k is cut. */
interface Matrices {
  readonly dot: DotStage;
  readonly split: Split;
}

/**
 * The convolution as a product of matrices that are there, which needs no windows; null where it has none. Where that
 * depends on how the operands stand in memory, the sums are those by windows, in the same order.
 */
export function asMatrices(parts: Parts): Matrices | null {
  const pointwise = asPointwise(parts);
  if (pointwise !== null) {
    return { dot: withColumns(pointwise), split: splitOf(pointwise, matricesOf(pointwise), 1) };
  }
  const dot = asDot(parts);
  return dot && { dot: withColumns(dot), split: parts.split };
}

/** The same with more columns than rows where there are few, since an invocation has four columns. */
function withColumns(dot: DotStage): DotStage {
  const { left, right, result, m, n } = dot;
  if (n >= quad || m <= n) return dot;
  const transposed = ({ rowStride, columnStride, ...rest }: Matrix): Matrix => ({
    ...rest,
    rowStride: columnStride,
    columnStride: rowStride,
  });
  return {
    ...dot,
    left: transposed(right),
    right: transposed(left),
    result: transposed(result),
    m: n,
    n: m,
  };
}

/** Where windows hold one place, or all of the input. */
function asDot(parts: Parts): DotStage | null {
  if (parts.type !== "f32" || parts.k === 0) return null;
  const { stage, axes, groups, batch, outputs, m, order } = parts;
  const { input, window, result } = stage;
  const hasOthers = [...order.lines, order.run].some(({ edge }) => edge !== null);
  if (hasOthers || axes.some(({ phases }) => phases.length > 1)) return null;
  const sums = collapse(
    [...order.lines, order.run].map(({ extent, weights, image }) => ({ extent, strides: [weights, image] })),
  );
  const places = collapse(
    axes.map((axis, i) => ({ extent: placesOf(axis), strides: [axis.step * input.strides[i + 2]!] })),
  );
  if (sums === null || places === null) return null;
  const startIn = ({ strides, offset }: ArrayOperand, of: "start" | "first"): number =>
    axes.reduce((sum, { phases }, i) => sum + phases[0]![of] * strides[i + 2]!, offset);
  const [weightStride, imageStride] = sums.strides as [number, number];
  const channel = places.extent;
  const images = { extent: batch, stride: input.strides[0]!, result: outputs * channel };
  const inside = { extent: channel, stride: places.strides[0]!, result: 1 };
  // One place of each image, or the places of each.
  const [columns, matrices] = channel === 1 ? [images, inside] : [inside, images];
  if (channel !== 1 && channel < fewPlaces && batch > 1) return null;
  return {
    kind: "dot",
    left: {
      buffer: window.buffer,
      offset: startIn(window, "first"),
      batchStrides: [m * window.strides[0]!, 0],
      rowStride: window.strides[0]!,
      columnStride: weightStride,
    },
    right: {
      buffer: input.buffer,
      offset: startIn(input, "start"),
      batchStrides: [window.shape[1]! * input.strides[1]!, matrices.stride],
      rowStride: imageStride,
      columnStride: columns.stride,
    },
    result: {
      buffer: result,
      offset: 0,
      batchStrides: [m * channel, matrices.result],
      rowStride: channel,
      columnStride: columns.result,
    },
    batch: [groups, matrices.extent],
    m,
    n: columns.extent,
    k: sums.extent,
  };
}

/** Where the input is a single place, each place of the result has a product of its own, by another element of the kernel. */
function asPointwise(parts: Parts): DotStage | null {
  const { stage, type, axes, groups, batch, outputs, m, k } = parts;
  const { input, window, result } = stage;
  if (type !== "f32" || k === 0 || !axes.every(meetsOneTap) || axes.every((axis) => tapsOf(axis) === 1))
    return null;
  const results = axes.map((axis) => axis.results);
  const channel = sizeOf(results);
  return {
    kind: "dot",
    left: {
      buffer: window.buffer,
      offset: axes.reduce(
        (offset, { phases }, i) => offset - phases[0]!.start * window.strides[i + 2]!,
        window.offset,
      ),
      batchStrides: [m * window.strides[0]!, ...axes.map(({ step }, i) => -step * window.strides[i + 2]!)],
      rowStride: window.strides[0]!,
      columnStride: window.strides[1]!,
    },
    right: {
      buffer: input.buffer,
      offset: input.offset,
      batchStrides: [window.shape[1]! * input.strides[1]!, ...axes.map(() => 0)],
      rowStride: input.strides[1]!,
      columnStride: input.strides[0]!,
    },
    result: {
      buffer: result,
      offset: 0,
      batchStrides: [m * channel, ...results.map((_, i) => sizeOf(results.slice(i + 1)))],
      rowStride: channel,
      columnStride: outputs * channel,
    },
    batch: [groups, ...results],
    m,
    n: batch,
    k: window.shape[1]!,
  };
}

/** Whether place q meets the only element of the input, by tap `-start - q step`. */
function meetsOneTap(axis: WindowAxis): boolean {
  const { extent, phases, tapStep, kernelStep, step, results } = axis;
  if (extent !== 1 || phases.length !== 1 || tapStep !== 1 || kernelStep !== 1) return false;
  const { start, first, taps } = phases[0]!;
  return first === 0 && -start < taps && -start - (results - 1) * step >= 0;
}

interface Strided {
  readonly extent: number;
  readonly strides: readonly number[];
}

/** Axes, the outermost first, as one; null where they cannot be walked in equal steps. */
function collapse(axes: readonly Strided[]): Strided | null {
  return axes
    .filter(({ extent }) => extent !== 1)
    .reduceRight<Strided | null>(
      (inner, outer) => {
        if (inner === null) return null;
        if (inner.extent === 1) return outer;
        const fits = outer.strides.every((stride, i) => stride === inner.extent * inner.strides[i]!);
        return fits ? { extent: outer.extent * inner.extent, strides: inner.strides } : null;
      },
      { extent: 1, strides: axes[0]?.strides.map(() => 0) ?? [] },
    );
}

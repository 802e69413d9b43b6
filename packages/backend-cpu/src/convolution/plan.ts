import { type ArrayOperand, type Geometry, sizeOf, stridesOf } from "@amari/core/backend";
import { type Tile, tileOf } from "../matmul/blocking.ts";
import { type MatmulDType, vectorTypes } from "../matmul/vector-type.ts";
import type { Target } from "../wasm/target.ts";
import { type AxisPhase, axisOf, axisPhases } from "./axis-phases.ts";

/** Products that one kernel sums: as much of a window as the first-level cache holds beside the elements it meets. */
export const blockDepth = 512;

/** What a tile that is stored element by element costs, in tiles that are stored by vectors. */
const scatteredStore = 1.2;

/** What a tile of one vector costs, in whole tiles. */
const narrowTile = 0.6;

/** A convolution to plan: operands with strides, a dense result. */
export interface ConvolutionShape {
  readonly geometry: Geometry;
  readonly input: Omit<ArrayOperand, "buffer">;
  readonly window: Omit<ArrayOperand, "buffer">;
  readonly result: readonly number[];
  readonly dtype: MatmulDType;
  readonly target: Target;
}

/**
 * A convolution as matrix products, of the window's rows with columns that lie at tabled places of a copy of the input.
 * Addresses and strides are in bytes.
 */
export interface ConvolutionPlan {
  readonly dtype: MatmulDType;
  readonly tile: Tile;
  /**
   * What stands side by side in a vector: neighbours of a row of places, or the same place of several images. A result
   * of few places, as a kernel's gradient is, fills vectors with images only.
   */
  readonly columns: "places" | "images";
  readonly groups: number;
  /** Outputs of a group: the rows of the products. */
  readonly outputs: number;
  /** Channels of a group. */
  readonly channels: number;
  readonly images: number;
  /** Images that are computed together. */
  readonly imagesPerItem: number;
  readonly inputStrides: { readonly image: number; readonly channel: number };
  readonly windowStrides: { readonly output: number; readonly channel: number };
  readonly resultStrides: { readonly image: number; readonly output: number };
  readonly inputOffset: number;
  readonly windowOffset: number;
  readonly phases: readonly Phase[];
}

/** Places of the result that are computed alike. */
export interface Phase {
  /** Elements of the window that meet the input: products per channel. */
  readonly taps: number;
  /** Bytes of the copy of one channel. */
  readonly copyBytes: number;
  /** Channels whose copies are made and multiplied together. */
  readonly channelsPerBlock: number;
  /** How a channel is copied: `from, to, count` for each row. */
  readonly copies: readonly number[];
  /** From element to element of a row that is copied. */
  readonly copyStep: number;
  /** Where the elements of a window stand in the copies of a block, for each channel and tap. */
  readonly inputAt: readonly number[];
  /** Where they stand in the operand that holds the windows. */
  readonly windowAt: readonly number[];
  /** The first element in the copy and in the result, for each row of columns. */
  readonly rows: readonly number[];
  /** Columns in a row, and how far apart they stand in the result. */
  readonly columns: number;
  readonly columnStride: number;
}

/** Decides how a convolution is computed. */
export function planConvolution(shape: ConvolutionShape): ConvolutionPlan {
  const { geometry, input, window, result, dtype, target } = shape;
  const { bytes, lanes } = vectorTypes[dtype];
  const tile = tileOf(target.relaxed, target.revectorised);
  const tileColumns = tile.vectors * lanes;
  const [images, outputs] = result as [number, number, ...number[]];
  const axes = result.slice(2).map((places, axis) => {
    const [n, k] = [input.shape[axis + 2]!, window.shape[axis + 2]!];
    return axisPhases(axisOf(geometry, axis, n, k, places));
  });
  const resultStrides = stridesOf(result);
  const last = axes.at(-1)!;
  const rowLength = last[0]?.places ?? 0;
  const rowTiles = tilesOf(rowLength, tileColumns, lanes) * ((last[0]?.step ?? 1) > 1 ? scatteredStore : 1);
  const imageTiles = Math.ceil(images / tileColumns) * rowLength * scatteredStore;
  const columns = imageTiles < rowTiles * images ? "images" : "places";
  const place = columns === "images" ? tileColumns : 1;
  const scaled = (strides: readonly number[]) => strides.map((stride) => stride * bytes);
  const [inputStrides, windowStrides, outStrides] = [
    scaled(input.strides),
    scaled(window.strides),
    scaled(resultStrides),
  ];
  const channels = window.shape[1]!;
  return {
    dtype,
    tile,
    columns,
    groups: geometry.groups,
    outputs: outputs / geometry.groups,
    channels,
    images,
    imagesPerItem: place,
    inputStrides: { image: inputStrides[0]!, channel: inputStrides[1]! },
    windowStrides: { output: windowStrides[0]!, channel: windowStrides[1]! },
    resultStrides: { image: outStrides[0]!, output: outStrides[1]! },
    inputOffset: input.offset * bytes,
    windowOffset: window.offset * bytes,
    phases: combinations(axes).map((phase) =>
      planPhase(phase, {
        bytes,
        columns,
        place: place * bytes,
        channels,
        input: inputStrides,
        window: windowStrides,
        result: outStrides,
        tileColumns,
      }),
    ),
  };
}

/** How many tiles a row of columns costs. */
function tilesOf(columns: number, tileColumns: number, lanes: number): number {
  const rest = columns % tileColumns;
  const edge = rest === 0 ? 0 : rest <= lanes ? narrowTile : 1;
  return Math.floor(columns / tileColumns) + edge;
}

/** One choice from each list, the last list's running fastest. */
const combinations = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((heads, list) => heads.flatMap((head) => list.map((item) => [...head, item])), [[]]);

/** Sums of one number from each list, the last list's running fastest. */
const sums = (...lists: readonly (readonly number[])[]): number[] =>
  combinations(lists).map((terms) => terms.reduce((a, b) => a + b, 0));

/** 0, stride, 2 stride, ... */
const steps = (count: number, stride: number): number[] =>
  Array.from({ length: count }, (_, i) => i * stride);

interface Layout {
  readonly bytes: number;
  readonly columns: ConvolutionPlan["columns"];
  /** Bytes of one place in the copy: those of an element, or of one for each image of an item. */
  readonly place: number;
  readonly channels: number;
  readonly input: readonly number[];
  readonly window: readonly number[];
  readonly result: readonly number[];
  readonly tileColumns: number;
}

function planPhase(axes: readonly AxisPhase[], layout: Layout): Phase {
  const { place, channels, input, window, result } = layout;
  const inCopy = stridesOf(axes.map(({ extent }) => extent)).map((stride) => stride * place);
  const copyBytes = sizeOf(axes.map(({ extent }) => extent)) * place;
  const taps = sizeOf(axes.map((axis) => axis.taps.length));
  const channelsPerBlock = Math.max(1, Math.min(channels, Math.floor(blockDepth / Math.max(1, taps))));

  const outer = axes.slice(0, -1);
  const row = axes.at(-1)!;
  const rowInput = input.at(-1)!;
  const copyFrom = outer.map(({ copies }, axis) =>
    copies.flatMap(({ from, step, count }) => steps(count, step).map((i) => (from + i) * input[axis + 2]!)),
  );
  const copyTo = outer.map(({ copies }, axis) =>
    copies.flatMap(({ to, count }) => steps(count, 1).map((i) => (to + i) * inCopy[axis]!)),
  );
  const pieces = row.copies.map(
    ({ from, count, to }) => [from * rowInput, to * inCopy.at(-1)!, count] as const,
  );
  const starts = sums(...copyTo);
  const copies = sums(...copyFrom).flatMap((from, i) =>
    pieces.flatMap(([inRow, to, count]) => [from + inRow, starts[i]! + to, count]),
  );

  const tapsAt = (at: (axis: AxisPhase, index: number) => readonly number[], channelStride: number) =>
    sums(steps(channelsPerBlock, channelStride), ...axes.map(at));
  const placesOf = (phases: readonly AxisPhase[]) => ({
    inCopy: sums(...phases.map(({ places }, axis) => steps(places, inCopy[axis]!))),
    inResult: sums(
      ...phases.map(({ first, step, places }, axis) =>
        steps(places, step * result[axis + 2]!).map((at) => at + first * result[axis + 2]!),
      ),
    ),
  });
  // Where images stand side by side, each place is a row of its own.
  const byImages = layout.columns === "images";
  const found = placesOf(byImages ? axes : outer);
  const inRow = byImages ? 0 : row.first * result.at(-1)!;
  return {
    taps,
    copyBytes,
    channelsPerBlock,
    copies,
    copyStep: (row.copies[0]?.step ?? 1) * rowInput,
    inputAt: tapsAt((axis, i) => axis.taps.map(({ at }) => at * inCopy[i]!), copyBytes),
    windowAt: tapsAt((axis, i) => axis.taps.map(({ tap }) => tap * window[i + 2]!), window[1]!),
    rows: found.inCopy.flatMap((at, i) => [at, found.inResult[i]! + inRow]),
    columns: byImages ? layout.tileColumns : row.places,
    columnStride: byImages ? result[0]! : row.step * result.at(-1)!,
  };
}

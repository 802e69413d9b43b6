import { hasUnevenTaps, leavesInput, tapsOf, type WindowAxis } from "./window-axis.ts";

/** What is summed over: the channels of a group, or the taps along a spatial axis. */
export interface SumAxis {
  /** Of the number along it, in shaders. */
  readonly name: string;
  readonly extent: number;
  /** Its strides in the operands. */
  readonly weights: number;
  readonly image: number;
  /** The name of the number of taps of a phase, where the phases differ in it. */
  readonly taps: string | null;
  /** Where places leave the input. */
  readonly edge: Edge | null;
}

/** The condition that a place's element along a spatial axis is there. */
interface Edge {
  readonly axis: number;
  readonly tapStep: number;
  readonly extent: number;
}

/** The order of a sum: element p of line l is number `l run + p`. */
export interface SumOrder {
  /** From the outermost to the innermost. */
  readonly lines: readonly SumAxis[];
  readonly run: SumAxis;
}

/** A run along the window is at least so long, or as long as one along the channels. */
const longRun = 16;

/**
 * Channels inside the window, where all that depends on a place in the window is computed once for all channels; a long or
 * comparatively long window inside the channels, where neighbours in memory are read one after the other; and so where
 * there is but one place.
 */
export function sumOrder(
  channels: { readonly extent: number; readonly weights: number; readonly image: number },
  axes: readonly WindowAxis[],
  weightStrides: readonly number[],
  imageStrides: readonly number[],
): SumOrder {
  const ofChannels: SumAxis = { name: "c", ...channels, taps: null, edge: null };
  const ofWindow = axes.map(
    (axis, number): SumAxis => ({
      name: `t${number}`,
      extent: tapsOf(axis),
      weights: axis.kernelStep * weightStrides[number]!,
      image: axis.tapStep * imageStrides[number]!,
      taps: hasUnevenTaps(axis) ? `taps${number}` : null,
      edge: leavesInput(axis) ? { axis: number, tapStep: axis.tapStep, extent: axis.extent } : null,
    }),
  );
  const inner = ofWindow.findLast(({ extent }) => extent > 1);
  const isAlongWindow =
    inner !== undefined &&
    (inner.extent >= Math.min(channels.extent, longRun) || axes.every(({ results }) => results === 1));
  const run = isAlongWindow ? inner : ofChannels;
  return { lines: [ofChannels, ...ofWindow].filter((axis) => axis !== run), run };
}

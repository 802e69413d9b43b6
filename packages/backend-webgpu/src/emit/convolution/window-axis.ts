import type { Geometry } from "@amari/core/backend";

/**
 * One spatial axis of a convolution without dilation of its input. Zeros between the input's elements meet only some
 * elements of the kernel, which ones depends on the place: places that are `apart` from each other meet the same, and are a
 * phase. Within a phase place q and tap t meet at the input's element `start + q step + t tapStep` and the kernel's element
 * `first + t kernelStep`.
 */
export interface WindowAxis {
  /** Elements of the input. */
  readonly extent: number;
  /** Places of the result. */
  readonly results: number;
  /** Places between two neighbours of a phase. */
  readonly apart: number;
  readonly step: number;
  readonly tapStep: number;
  readonly kernelStep: number;
  readonly phases: readonly Phase[];
}

export interface Phase {
  readonly start: number;
  readonly first: number;
  /** How many elements of the kernel it meets. */
  readonly taps: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The spatial axes of a convolution. */
export function windowAxes(
  { strides, padding, inputDilation, kernelDilation }: Geometry,
  input: readonly number[],
  kernel: readonly number[],
  results: readonly number[],
): WindowAxis[] {
  return results.map((places, axis): WindowAxis => {
    // There are no zeros between the elements of a single one.
    const dilation = input[axis] === 1 ? 1 : inputDilation[axis]!;
    const [stride, tap, before] = [strides[axis]!, kernelDilation[axis]!, padding[axis]![0]];
    const apart = dilation / gcd(stride, dilation);
    const kernelStep = dilation / gcd(tap, dilation);
    const phases = Array.from({ length: Math.min(apart, places) }, (_, place): Phase => {
      const at = (first: number): number => place * stride + first * tap - before;
      let first = 0;
      while (first < kernelStep && at(first) % dilation !== 0) first++;
      // Where no element of the kernel ever meets one of the input.
      if (first === kernelStep) return { start: 0, first: 0, taps: 0 };
      return {
        start: at(first) / dilation,
        first,
        taps: Math.max(0, Math.ceil((kernel[axis]! - first) / kernelStep)),
      };
    });
    return {
      extent: input[axis]!,
      results: places,
      apart,
      step: (stride * apart) / dilation,
      tapStep: (tap * kernelStep) / dilation,
      kernelStep,
      phases,
    };
  });
}

/** Places of a phase, at most. */
export const placesOf = ({ results, apart }: WindowAxis): number => Math.ceil(results / apart);

/** Elements of the kernel that a place meets, at most. */
export const tapsOf = ({ phases }: WindowAxis): number => Math.max(0, ...phases.map(({ taps }) => taps));

/** Whether the phases meet different numbers of them. */
export const hasUnevenTaps = (axis: WindowAxis): boolean =>
  axis.phases.some(({ taps }) => taps !== tapsOf(axis));

/** Whether some place meets what is not there. */
export const leavesInput = (axis: WindowAxis): boolean =>
  axis.phases.some(({ start }) => {
    const last = start + (placesOf(axis) - 1) * axis.step + (tapsOf(axis) - 1) * axis.tapStep;
    return start < 0 || last >= axis.extent;
  });

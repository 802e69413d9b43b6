import type { Geometry } from "@amari/core/backend";

/** The sizes along one spatial axis, and how the window slides there. */
export interface Axis {
  readonly input: number;
  readonly window: number;
  readonly places: number;
  readonly stride: number;
  readonly before: number;
  readonly inputDilation: number;
  readonly windowDilation: number;
}

/**
 * Places of the result along one axis, `first + step t`, whose windows meet the input alike: element `tap` of the window
 * stands at `at + t` of a copy of the input with `extent` elements, so that the place after is the neighbour.
 */
export interface AxisPhase {
  readonly first: number;
  readonly step: number;
  readonly places: number;
  readonly extent: number;
  readonly taps: readonly { readonly tap: number; readonly at: number }[];
  /** How the copy is made: `count` elements of the input, `step` apart, side by side; zeros elsewhere. */
  readonly copies: readonly {
    readonly from: number;
    readonly step: number;
    readonly count: number;
    readonly to: number;
  }[];
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** What is known of one spatial axis. */
export const axisOf = (
  { strides, padding, inputDilation, kernelDilation }: Geometry,
  axis: number,
  input: number,
  window: number,
  places: number,
): Axis => ({
  input,
  window,
  places,
  stride: strides[axis]!,
  before: padding[axis]![0],
  inputDilation: inputDilation[axis]!,
  windowDilation: kernelDilation[axis]!,
});

/**
 * Takes strides and dilations out of one axis.
 *
 * Zeros between the elements of the input are met by the same elements of the window at every so many places: those
 * places are a phase, whose windows hold only the elements that meet the input. Within a phase the window moves by whole
 * elements, `move` of them at a time. The input is copied in `move` parts of elements that stand `move` apart; then the
 * window moves by one. Parts that no window meets are left out, and so are elements of the window that only see padding.
 */
export function axisPhases(axis: Axis): AxisPhase[] {
  const period = axis.inputDilation / gcd(axis.stride, axis.inputDilation);
  const phases = Math.min(period, axis.places);
  return Array.from({ length: phases }, (_, first) => axisPhase(axis, first, period));
}

function axisPhase(axis: Axis, first: number, period: number): AxisPhase {
  const { input, window, stride, before, inputDilation, windowDilation } = axis;
  const places = Math.ceil((axis.places - first) / period);
  const move = (period * stride) / inputDilation;
  const starts: { tap: number; start: number }[] = [];
  for (let tap = 0; tap < window; tap++) {
    const at = first * stride + tap * windowDilation - before;
    const start = at / inputDilation;
    const seesInput = start < input && start + (places - 1) * move >= 0;
    if (at % inputDilation === 0 && seesInput) starts.push({ tap, start });
  }
  const lowest = Math.min(...starts.map(({ start }) => start));
  const parts = [...new Set(starts.map(({ start }) => (start - lowest) % move))];
  const reach = Math.max(0, ...starts.map(({ start }) => Math.floor((start - lowest) / move) + places));
  return {
    first,
    step: period,
    places,
    extent: parts.length * reach,
    taps: starts.map(({ tap, start }) => {
      const offset = start - lowest;
      return { tap, at: parts.indexOf(offset % move) * reach + Math.floor(offset / move) };
    }),
    copies: parts.flatMap((part, index) => {
      const origin = lowest + part;
      const skipped = origin >= 0 ? 0 : Math.ceil(-origin / move);
      const end = Math.min(reach, Math.ceil((input - origin) / move));
      if (end <= skipped) return [];
      const from = origin + skipped * move;
      return [{ from, step: move, count: end - skipped, to: index * reach + skipped }];
    }),
  };
}

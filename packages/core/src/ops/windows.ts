import { promote } from "../define/coerce.ts";
import { type Defined, define, on } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type * as Signatures from "../define/signatures.ts";
import { viewPrimitive } from "../define/view.ts";
import { ArgumentError, AxisError } from "../errors/errors.ts";
import type { Kernel, StridedView } from "../operation.ts";
import { checkShape, range, showShape, stridesOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";

/** A part of an array: its first element, the steps from one to the next along each axis, and how many there are. */
export interface Window {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: Shape;
}

export const slicePrimitive: Primitive<Window> = viewPrimitive<Window>("slice", {
  shape: (_, { shape }) => shape,
  view: (input, { starts, steps }, shape) => ({
    shape,
    strides: input.strides.map((stride, i) => stride * steps[i]!),
    offset: input.strides.reduce((offset, stride, i) => offset + stride * starts[i]!, input.offset),
  }),
  transpose: (cotangent, operand, { starts, steps, shape }) => {
    const spans = shape.map((n, i) => (n === 0 ? 0 : (n - 1) * steps[i]! + 1));
    return apply(padPrimitive, [cotangent], {
      low: starts,
      high: operand.shape.map((n, i) => n - starts[i]! - spans[i]!),
      interior: steps.map((step) => step - 1),
      value: "0",
    });
  },
  batch: ({ starts, steps, shape }, size) => ({
    starts: [0, ...starts],
    steps: [1, ...steps],
    shape: [size, ...shape],
  }),
});

/** Where a window stands in a dense array. */
export function windowOf(whole: Shape, { starts, steps, shape }: Window): StridedView {
  const strides = stridesOf(whole);
  return {
    shape,
    strides: strides.map((stride, axis) => stride * steps[axis]!),
    offset: strides.reduce((offset, stride, axis) => offset + stride * starts[axis]!, 0),
  };
}

/**
 * One entry per leading axis: an index (drops the axis), `[start, end]`, `[start, end, step]` with a positive step, or
 * null for the whole axis. Negative positions count from the end; ranges are clipped to the axis.
 *
 * @example x.slice(0, [1, 3]) is NumPy's x[0, 1:3]
 * @throws AxisError for more entries than axes or an index out of range
 */
export const slice: Defined<Signatures.SliceFunction, Signatures.SliceMethod> = define(
  {
    name: "slice",
    family: "view",
    primitive: slicePrimitive as Primitive,
    cases: [
      on([[5]], (x) => slice(x, [1, 4])),
      on([[4, 5]], (x) => slice(x, -1, [0, 5, 2])),
      on([[4, 5]], (x) => slice(x, null, [3, 3])),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, ...entries: readonly Signatures.SliceEntry[]): Tensor => {
    if (entries.length > x.rank) {
      throw new AxisError(`slice: ${entries.length} entries for the ${x.rank} axes of ${showShape(x.shape)}`);
    }
    const window = x.shape.map((n, axis) => resolveEntry(entries[axis] ?? null, n, axis));
    const isWhole = window.every(
      ([start, step, length], i) => start === 0 && step === 1 && length === x.shape[i],
    );
    const shape = window.map(([, , length]) => length);
    const part = isWhole
      ? x
      : apply(slicePrimitive, [x], {
          starts: window.map(([s]) => s),
          steps: window.map(([, s]) => s),
          shape,
        });
    return part.reshape(shape.filter((_, axis) => typeof entries[axis] !== "number"));
  }) as Signatures.SliceFunction,
);

function resolveEntry(
  entry: Signatures.SliceEntry,
  size: number,
  axis: number,
): readonly [number, number, number] {
  if (entry === null) return [0, 1, size];
  if (typeof entry === "number") {
    const index = entry < 0 ? entry + size : entry;
    if (!Number.isInteger(entry) || index < 0 || index >= size) {
      throw new AxisError(`slice: index ${entry} is out of range for axis ${axis} of size ${size}`);
    }
    return [index, 1, 1];
  }
  const [start, end, step = 1] = entry;
  if (![start, end, step].every(Number.isInteger) || step < 1) {
    throw new ArgumentError(
      `slice: expected [start, end, step] of integers with step >= 1, got [${entry.join(", ")}]`,
    );
  }
  const clip = (position: number) => Math.min(Math.max(position < 0 ? position + size : position, 0), size);
  const first = clip(start);
  return [first, step, Math.max(0, Math.ceil((clip(end) - first) / step))];
}

interface Padding {
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Elements between neighbours: what the adjoint of a strided slice needs. */
  readonly interior: readonly number[];
  /** What is put around and between, as text: attributes are compared as JSON, which has no infinities. */
  readonly value: string;
}

export const padPrimitive: Primitive<Padding> = {
  name: "pad",
  kernel: {
    kind: "assemble",
    assembly: ([shape], { low, interior, value }: Padding, padded) => ({
      fill: Number(value),
      windows: [windowOf(padded, { starts: low, steps: interior.map((n) => n + 1), shape: shape! })],
    }),
  } as Kernel,
  type: ([input], { low, high, interior }) => ({
    shape: checkShape(input!.shape.map((n, i) => n + low[i]! + high[i]! + Math.max(0, n - 1) * interior[i]!)),
    dtype: input!.dtype,
  }),
  jvp: ({ tangents, attributes }) => apply(padPrimitive, [tangents[0]!], { ...attributes, value: "0" }),
  transpose: ({ cotangents, inputs, attributes: { low, interior } }) => {
    const steps = interior.map((n) => n + 1);
    return [apply(slicePrimitive, [cotangents[0]!], { starts: low, steps, shape: inputs[0]!.shape })];
  },
  batch: ({ inputs, attributes: { low, high, interior, value } }) =>
    apply(padPrimitive, inputs, {
      low: [0, ...low],
      high: [0, ...high],
      interior: [0, ...interior],
      value,
    }),
};

/**
 * Puts `value` (default 0) around x: `widths` has `[before, after]` for each axis.
 *
 * @throws ArgumentError unless there is a pair of non-negative integers for each axis
 */
export const pad: Defined<Signatures.PadFunction, Signatures.PadMethod> = define(
  {
    name: "pad",
    family: "view",
    primitive: padPrimitive as Primitive,
    cases: [
      on([[2, 3]], (x) =>
        pad(x, [
          [1, 0],
          [0, 2],
        ]),
      ),
      on([[0]], (x) => pad(x, [[1, 1]])),
      on([[]], (x) => pad(x, [])),
      on([[3]], (x) => pad(x, [[1, 1]], 7)),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, widths: readonly (readonly [number, number])[], value = 0): Tensor => {
    const flat = widths.flat();
    if (widths.length !== x.rank || flat.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ArgumentError(
        `pad: expected [before, after] of non-negative integers for each of the ${x.rank} axes, ` +
          `got ${JSON.stringify(widths)}`,
      );
    }
    if (flat.every((n) => n === 0)) return x;
    const [operand] = promote([x, value], "pad") as [Tensor, Tensor];
    return apply(padPrimitive, [operand], {
      low: widths.map(([n]) => n),
      high: widths.map(([, n]) => n),
      interior: widths.map(() => 0),
      value: Object.is(value, -0) ? "-0" : String(value),
    });
  }) as Signatures.PadFunction,
);

/** Windows of some size that slide over the last axes, a stride at a time. */
export interface SlidingWindows {
  readonly window: readonly number[];
  readonly strides: readonly number[];
  /** How many places a window takes along each of the axes. */
  readonly places: readonly number[];
}

const windowsPrimitive = viewPrimitive<SlidingWindows>("windows", {
  shape: (input, { window, places }) => [...input.slice(0, -window.length), ...places, ...window],
  view: ({ strides: own, offset }, { strides }, shape) => {
    const lead = own.slice(0, -strides.length);
    const spatial = own.slice(-strides.length);
    const steps = spatial.map((stride, axis) => stride * strides[axis]!);
    return { shape, strides: [...lead, ...steps, ...spatial], offset };
  },
  transpose: (cotangent, operand, { window, strides }) => {
    const rank = window.length;
    const lead = operand.shape.length - rank;
    return window.reduce(
      // The window's axes stand after those of the places; each is gone once it has been added up.
      (sum, _, axis) =>
        overlapAdd(sum, lead + axis, lead + rank, strides[axis]!, operand.shape[lead + axis]!),
      cotangent,
    );
  },
  batch: (attributes) => attributes,
});

/** All windows over the last axes of x: `[...lead, ...places, ...window]`, where x stands. */
export const slidingWindows = (x: Tensor, attributes: SlidingWindows): Tensor =>
  apply(windowsPrimitive, [x], attributes);

/**
 * Adds windows along an axis up where they overlap: the adjoint of cutting `size` elements into them. Each window is cut
 * into parts as long as the stride; equal parts of all windows lie side by side, and the sums of parts are shifted.
 */
function overlapAdd(x: Tensor, axis: number, windowAxis: number, stride: number, size: number): Tensor {
  const parts = Math.ceil(x.shape[windowAxis]! / stride);
  const whole = fit(x, windowAxis, 0, parts * stride).moveAxis(windowAxis, axis + 1);
  const places = x.shape[axis]!;
  const length = (places + parts - 1) * stride;
  const shifted = range(0, parts).map((part) => {
    const begin = part * stride;
    const rows = fit(whole, axis + 1, -begin, stride);
    return fit(rows.reshape(rows.shape.toSpliced(axis, 2, places * stride)), axis, begin, length);
  });
  return fit(
    shifted.reduce((sum, part) => sum.add(part)),
    axis,
    0,
    size,
  );
}

/** `size` elements along an axis, of which the first stands at `at`: cut or filled up with zeros at both ends. */
function fit(x: Tensor, axis: number, at: number, size: number): Tensor {
  const n = x.shape[axis]!;
  const [first, end] = [Math.max(0, -at), Math.min(n, size - at)];
  const part = x.slice(...range(0, axis).map(() => null), [first, end]);
  const [low, high] = [Math.max(0, at), Math.max(0, size - at - n)];
  return low === 0 && high === 0
    ? part
    : part.pad(x.shape.map((_, i) => (i === axis ? [low, high] : [0, 0])));
}

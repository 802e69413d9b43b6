import type { PadWidth, SpatialPadding } from "../define/signatures.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import { range, showShape } from "../shape.ts";
import type { Shape } from "../shape-types.ts";

// What convolutions and poolings share: a window that slides over the spatial axes of `[batch, channels, ...spatial]`.

/** How far `n` elements reach that stand `dilation` apart. */
export const spanOf = (n: number, dilation: number): number => (n === 0 ? 0 : (n - 1) * dilation + 1);

/** The sizes after batch and channels. @throws ShapeError where x has no spatial axis */
export function spatialShape(shape: Shape, what: string): Shape {
  if (shape.length < 3) {
    throw new ShapeError(
      `${what}: expected x of shape [batch, channels, ...spatial] with at least one spatial axis, ` +
        `got ${showShape(shape)}; a missing batch or channel axis is added by x.expandDims(0) or x.expandDims(1)`,
    );
  }
  return shape.slice(2);
}

/** An option that has one positive integer for each spatial axis, or one for all. */
export function perAxis(
  value: number | readonly number[],
  rank: number,
  name: string,
  what: string,
  least = 1,
): readonly number[] {
  const list = typeof value === "number" ? range(0, rank).map(() => value) : value;
  if (list.length !== rank || list.some((n) => !Number.isInteger(n) || n < least)) {
    throw new ArgumentError(
      `${what}: expected ${name} to be an integer of at least ${least}, or one for each of the ${rank} spatial axes, ` +
        `got ${JSON.stringify(value)}`,
    );
  }
  return list;
}

/** How a window slides: its reach (dilation counted in) and its steps, for each spatial axis. */
export interface Sliding {
  readonly spans: readonly number[];
  readonly strides: readonly number[];
}

/**
 * The zeros before and after each spatial axis. "same" gives `ceil(n / stride)` places; where the zeros are odd in
 * number, one more comes after (as in TensorFlow and JAX).
 */
export function resolvePadding(
  padding: SpatialPadding,
  input: Shape,
  { spans, strides }: Sliding,
  what: string,
): readonly PadWidth[] {
  if (padding === "valid") return input.map(() => [0, 0]);
  if (padding === "same") {
    return input.map((n, axis) => {
      const places = Math.ceil(n / strides[axis]!);
      const total = Math.max(0, (places - 1) * strides[axis]! + spans[axis]! - n);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  const pairs = typeof padding === "number" ? input.map(() => [padding, padding] as const) : padding;
  const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2;
  const fits = Array.isArray(pairs) && pairs.length === input.length && pairs.every(isPair);
  if (!fits || pairs.flat().some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ArgumentError(
      `${what}: expected padding to be "same", "valid", a non-negative integer or [before, after] for each of the ` +
        `${input.length} spatial axes, got ${JSON.stringify(padding)}`,
    );
  }
  return pairs;
}

/** How many places a window takes along each axis. @throws ShapeError where there is none */
export function placesOf(
  input: Shape,
  padding: readonly PadWidth[],
  { spans, strides }: Sliding,
  what: string,
): Shape {
  return input.map((n, axis) => {
    const [before, after] = padding[axis]!;
    const room = n + before + after - spans[axis]!;
    if (room < 0) {
      throw new ShapeError(
        `${what}: a window that reaches over ${spans[axis]} elements does not fit spatial axis ${axis} of size ${n} ` +
          `with padding [${before}, ${after}]; use a smaller window or dilation, or more padding (padding: "same")`,
      );
    }
    return Math.floor(room / strides[axis]!) + 1;
  });
}

import { composite, type Defined, define, integers, on } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import type * as Signatures from "../define/signatures.ts";
import { type DType, isFloat } from "../dtype.ts";
import { ArgumentError } from "../errors/errors.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { conv } from "./convolution.ts";
import { ones } from "./creation.ts";
import { perAxis, placesOf, resolvePadding, spatialShape } from "./spatial.ts";
import { slidingWindows } from "./windows.ts";

interface Pooling {
  readonly window: Shape;
  readonly strides: readonly number[];
  readonly padding: readonly Signatures.PadWidth[];
  /** How many places the window takes along each spatial axis. */
  readonly places: Shape;
}

function resolvePooling(
  x: Tensor,
  window: number | readonly number[],
  { strides = window, padding = "valid" }: Signatures.PoolOptions,
  what: string,
): Pooling {
  const spatial = spatialShape(x.shape, what);
  const spans = perAxis(window, spatial.length, "the window", what);
  const sliding = { spans, strides: perAxis(strides, spatial.length, "strides", what) };
  const pairs = resolvePadding(padding, spatial, sliding, what);
  pairs.forEach((pair, axis) => {
    if (Math.max(...pair) >= spans[axis]!) {
      throw new ArgumentError(
        `${what}: expected padding less than the window, so that no window lies in the padding alone; ` +
          `got [${pair.join(", ")}] on spatial axis ${axis} for a window of ${spans[axis]}`,
      );
    }
  });
  const places = placesOf(spatial, pairs, sliding, what);
  return { window: spans, strides: sliding.strides, padding: pairs, places };
}

/** What no element is less than. */
const lowest = (dtype: DType): number => {
  if (isFloat(dtype)) return -Infinity;
  return dtype === "uint32" ? 0 : -(2 ** 31);
};

/**
 * The largest element of each window that slides over the spatial axes of x `[batch, channels, ...spatial]`. Padding
 * never wins, NaN does. Equal elements share the derivative, as in `max`. The window is `window` elements long on every
 * spatial axis, or as a list says; strides are the window unless given, so that windows do not overlap.
 *
 * @example images.maxPool(2) // [N, C, 28, 28] to [N, C, 14, 14]
 * @throws ShapeError where the window does not fit the padded input, ArgumentError for options that are no positive
 * integers or padding as large as the window
 */
export const maxPool: Defined<Signatures.PoolFunction, Signatures.PoolMethod> = define(
  composite("maxPool", [
    on([[2, 2, 5]], (x) => maxPool(x, 2)),
    on([[1, 2, 4, 3]], (x) => maxPool(x, [3, 2], { strides: [2, 1], padding: 1 })),
    on([[1, 1, 2, 3, 2]], (x) => maxPool(x, 2, { padding: "same" })),
    on([[0, 2, 3]], (x) => maxPool(x, 2)),
    on([[1, 1, 4]], (x) => maxPool(x, 2, { strides: 3, padding: 1 }), integers(-3, 3)),
  ]),
  ((
    operand: Tensor,
    windowSize: number | readonly number[],
    options: Signatures.PoolOptions = {},
  ): Tensor => {
    const [x] = accepted([operand], "number", "maxPool") as [Tensor];
    const { window, strides, padding, places } = resolvePooling(x, windowSize, options, "maxPool");
    const padded = x.pad([[0, 0], [0, 0], ...padding], lowest(x.dtype));
    const axes = window.map((_, axis) => axis - window.length);
    return slidingWindows(padded, { window, strides, places }).max(axes);
  }) as Signatures.PoolFunction,
);

/**
 * The mean of each window that slides over the spatial axes of x `[batch, channels, ...spatial]`, a float. The window is
 * `window` elements long on every spatial axis, or as a list says; strides are the window unless given. Zeros of padding
 * count as elements unless `countIncludePadding` is false. The mean over whole channels is `x.mean([2, 3])`.
 *
 * @example images.averagePool(3, { strides: 2, padding: "same", countIncludePadding: false })
 * @throws ShapeError where the window does not fit the padded input, ArgumentError for options that are no positive
 * integers or padding as large as the window
 */
export const averagePool: Defined<Signatures.AveragePoolFunction, Signatures.AveragePoolMethod> = define(
  composite(
    "averagePool",
    [
      on([[2, 2, 5]], (x) => averagePool(x, 2)),
      on([[1, 2, 4, 3]], (x) => averagePool(x, [3, 2], { strides: [2, 1], padding: 1 })),
      on([[1, 1, 2, 3, 2]], (x) => averagePool(x, 2, { padding: "same", countIncludePadding: false })),
      on([[0, 2, 3]], (x) => averagePool(x, 2)),
      on([[1, 1, 4]], (x) => averagePool(x, 2), integers(-3, 3)),
    ],
    4,
  ),
  ((
    operand: Tensor,
    windowSize: number | readonly number[],
    { countIncludePadding = true, ...options }: Signatures.AveragePoolOptions = {},
  ): Tensor => {
    const [x] = accepted([operand], "float", "averagePool") as [Tensor];
    const { window, strides, padding, places } = resolvePooling(x, windowSize, options, "averagePool");
    const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
    const { dtype } = x;
    // Channels do not mix, so that they are as many examples of one channel each.
    const kernel = ones([1, 1, ...window], { dtype }) as Tensor;
    const sum = (y: Tensor) => conv(y, kernel, { strides, padding });
    const total = sum(x.reshape([batch * channels, 1, ...spatial]));
    const count = countIncludePadding
      ? window.reduce((size, n) => size * n, 1)
      : sum(ones([1, 1, ...spatial], { dtype }) as Tensor);
    return total.div(count).reshape([batch, channels, ...places]);
  }) as Signatures.AveragePoolFunction,
);

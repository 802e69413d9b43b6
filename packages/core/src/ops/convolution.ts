import { promote } from "../define/coerce.ts";
import { composite, type Defined, define, integers, on } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { routinePrimitive } from "../define/routine.ts";
import type * as Signatures from "../define/signatures.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import { checkShape, range, showShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { perAxis, placesOf, resolvePadding, spanOf, spatialShape } from "./spatial.ts";

/** How a kernel slides over its input; each list has an entry for every spatial axis. */
interface Geometry {
  readonly strides: readonly number[];
  /** Zeros before and after the (dilated) input; negative where elements are cut off. */
  readonly padding: readonly Signatures.PadWidth[];
  /** How far apart the elements of the input stand. */
  readonly inputDilation: readonly number[];
  /** How far apart the elements of the kernel stand. */
  readonly kernelDilation: readonly number[];
  /** Into how many parts the channels are split that do not mix. */
  readonly groups: number;
}

const resultSize = (n: number, k: number, axis: number, geometry: Geometry): number => {
  const [before, after] = geometry.padding[axis]!;
  const room =
    spanOf(n, geometry.inputDilation[axis]!) + before + after - spanOf(k, geometry.kernelDilation[axis]!);
  return Math.max(0, Math.floor(room / geometry.strides[axis]!) + 1);
};

/**
 * Which elements meet: for each place of the result in row-major order, the flat positions
 * `kernel, input, kernel, input, ...` within one channel. What falls on a zero of padding or dilation is left out.
 */
function meetings(input: Shape, kernel: Shape, result: Shape, geometry: Geometry): readonly number[][] {
  return result.reduce<number[][]>(
    (table, places, axis) => {
      const [n, k] = [input[axis]!, kernel[axis]!];
      const along = range(0, places).map((place) => meetingsAlong(place, n, k, axis, geometry));
      return table.flatMap((outer) =>
        along.map((inner) => {
          const list: number[] = [];
          for (let i = 0; i < outer.length; i += 2) {
            for (let j = 0; j < inner.length; j += 2) {
              list.push(outer[i]! * k + inner[j]!, outer[i + 1]! * n + inner[j + 1]!);
            }
          }
          return list;
        }),
      );
    },
    [[0, 0]],
  );
}

function meetingsAlong(place: number, n: number, k: number, axis: number, geometry: Geometry): number[] {
  const list: number[] = [];
  for (let j = 0; j < k; j++) {
    const at =
      place * geometry.strides[axis]! + j * geometry.kernelDilation[axis]! - geometry.padding[axis]![0];
    const i = at / geometry.inputDilation[axis]!;
    if (Number.isInteger(i) && i >= 0 && i < n) list.push(j, i);
  }
  return list;
}

/**
 * `[N, C, ...n] x [O, C / groups, ...k] -> [N, O, ...m]`: the cross-correlation that neural networks call convolution,
 * `y[n, o, q] = sum_{c, j} x[n, c, (q stride + j kernelDilation - before) / inputDilation] kernel[o, c, j]`, over whole
 * indices within x. It stays itself under differentiation: with dilations on both sides, its adjoints are convolutions
 * (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4).
 */
const convolution: Primitive<Geometry> = routinePrimitive<Geometry>(
  "convolution",
  ([x, kernel], geometry, [output]) => {
    const [batch, channels, ...n] = x!.shape as [number, number, ...number[]];
    const [outputs, perGroup, ...k] = kernel!.shape as [number, number, ...number[]];
    const table = meetings(n, k, output!.shape.slice(2), geometry);
    const [inputSize, kernelSize] = [sizeOf(n), sizeOf(k)];
    const times = isFloat(x!.dtype) ? (a: number, b: number) => a * b : Math.imul;
    let at = 0;
    for (let b = 0; b < batch; b++) {
      for (let o = 0; o < outputs; o++) {
        const group = Math.floor((o * geometry.groups) / outputs);
        for (const list of table) {
          let sum = 0;
          for (let c = 0; c < perGroup; c++) {
            const inputStart = (b * channels + group * perGroup + c) * inputSize;
            const kernelStart = (o * perGroup + c) * kernelSize;
            for (let t = 0; t < list.length; t += 2) {
              sum += times(kernel!.data[kernelStart + list[t]!]!, x!.data[inputStart + list[t + 1]!]!);
            }
          }
          output!.data[at++] = sum;
        }
      }
    }
  },
  {
    type: ([x, kernel], geometry) => {
      const [batch, , ...n] = x!.shape as [number, number, ...number[]];
      const spatial = n.map((size, axis) => resultSize(size, kernel!.shape[axis + 2]!, axis, geometry));
      return { shape: checkShape([batch, kernel!.shape[0]!, ...spatial]), dtype: x!.dtype };
    },
    jvp: ({ inputs: [x, kernel], tangents: [dx, dk], attributes }) => {
      const left = dx ? apply(convolution, [dx, kernel!], attributes) : null;
      const right = dk ? apply(convolution, [x!, dk], attributes) : null;
      return left && right ? left.add(right) : (left ?? right)!;
    },
    transpose: ({ cotangents: [ct], inputs: [x, kernel], linear, attributes }) => [
      linear[0] ? inputAdjoint(ct!, kernel!, x!.shape.slice(2), attributes) : null,
      linear[1] ? kernelAdjoint(ct!, x!, kernel!.shape.slice(2), attributes) : null,
    ],
    batch: ({ inputs: [x, kernel], batched, size, attributes }) => {
      if (!batched[1]) return mapInputs(x!, kernel!, attributes);
      if (!batched[0]) return mapKernels(x!, kernel!, size, attributes);
      return mapBoth(x!, kernel!, size, attributes);
    },
  },
);

/** Splits an axis in two, the first of the given size. */
const split = (x: Tensor, axis: number, first: number, second: number): Tensor =>
  x.reshape(x.shape.toSpliced(axis, 1, first, second));

/** Joins an axis with the next. */
const join = (x: Tensor, axis: number): Tensor =>
  x.reshape(x.shape.toSpliced(axis, 2, x.shape[axis]! * x.shape[axis + 1]!));

/**
 * The adjoint in the input: each cotangent is spread over the elements that its window saw. The element of the kernel
 * that met input i at place q is j with `q stride + j kernelDilation - before = i inputDilation`; solved for the flipped
 * j this is a convolution of the cotangent in which stride and input dilation have changed places.
 */
function inputAdjoint(ct: Tensor, kernel: Tensor, input: Shape, geometry: Geometry): Tensor {
  const { strides, padding, inputDilation, kernelDilation, groups } = geometry;
  const [outputs, , ...k] = kernel.shape as [number, number, ...number[]];
  const swapped = join(split(kernel, 0, groups, outputs / groups).moveAxis(2, 1), 0);
  const spans = k.map((size, axis) => spanOf(size, kernelDilation[axis]!));
  return apply(convolution, [ct, swapped.flip(range(2, swapped.rank))], {
    strides: inputDilation,
    padding: input.map((n, axis): Signatures.PadWidth => {
      const before = (k[axis]! - 1) * kernelDilation[axis]! - padding[axis]![0];
      const reach = spanOf(ct.shape[axis + 2]!, strides[axis]!) + before;
      return [before, (n - 1) * inputDilation[axis]! + spans[axis]! - reach];
    }),
    inputDilation: strides,
    kernelDilation,
    groups,
  });
}

/**
 * The adjoint in the kernel: element j saw the inputs that stand `stride` apart from `j kernelDilation - before` on, so
 * the cotangent slides over the input as a kernel. What was the batch is summed over and takes the place of the channels.
 */
function kernelAdjoint(ct: Tensor, x: Tensor, kernel: Shape, geometry: Geometry): Tensor {
  const { strides, padding, inputDilation, kernelDilation, groups } = geometry;
  const [, channels, ...n] = x.shape as [number, number, ...number[]];
  const exchanged = join(
    split(x, 1, groups, channels / groups)
      .moveAxis(2, 0)
      .moveAxis(2, 1),
    1,
  );
  const gradient = apply(convolution, [exchanged, ct.moveAxis(1, 0)], {
    strides: kernelDilation,
    padding: kernel.map((k, axis): Signatures.PadWidth => {
      const [before] = padding[axis]!;
      const reach = spanOf(n[axis]!, inputDilation[axis]!) + before;
      const span = spanOf(ct.shape[axis + 2]!, strides[axis]!);
      return [before, (k - 1) * kernelDilation[axis]! + span - reach];
    }),
    inputDilation,
    kernelDilation: strides,
    groups,
  });
  return gradient.moveAxis(1, 0);
}

/** Inputs `[B, N, C, ...]` with one kernel are a longer batch. */
function mapInputs(x: Tensor, kernel: Tensor, geometry: Geometry): Tensor {
  const [size, batch] = x.shape as [number, number];
  return split(apply(convolution, [join(x, 0), kernel], geometry), 0, size, batch);
}

/** Kernels `[B, O, C / groups, ...]` on one input are more channels of the result, within each group. */
function mapKernels(x: Tensor, kernel: Tensor, size: number, geometry: Geometry): Tensor {
  const { groups } = geometry;
  const outputs = kernel.shape[1]!;
  const grouped = split(kernel, 1, groups, outputs / groups).moveAxis(0, 1);
  const result = apply(convolution, [x, join(join(grouped, 0), 0)], geometry);
  const apart = split(split(result, 1, groups, (size * outputs) / groups), 2, size, outputs / groups);
  return join(apart.moveAxis(2, 0), 2);
}

/** Inputs with a kernel each are channels that do not mix: more groups. */
function mapBoth(x: Tensor, kernel: Tensor, size: number, geometry: Geometry): Tensor {
  const outputs = kernel.shape[1]!;
  if (size === 0) {
    // Zero groups would be no convolution. One with an empty batch and no outputs has the right type, and no elements.
    const nothing = apply(convolution, [join(x, 0), join(kernel, 0)], geometry);
    return nothing.reshape([0, x.shape[1]!, outputs, ...nothing.shape.slice(2)]);
  }
  const channels = join(x.moveAxis(0, 1), 1);
  const result = apply(convolution, [channels, join(kernel, 0)], {
    ...geometry,
    groups: size * geometry.groups,
  });
  return split(result, 1, size, outputs).moveAxis(1, 0);
}

/** Brings operands to one dtype and checks that ranks, channels and groups fit. */
function operands(x: Tensor, kernel: Tensor, groups: number, what: string): readonly [Tensor, Tensor] {
  const pair = promote([x, kernel], what);
  const shapes = `x ${showShape(x.shape)} and kernel ${showShape(kernel.shape)}`;
  const isTransposed = what === "convTranspose";
  const layout = isTransposed
    ? "[channels, outputs / groups, ...window]"
    : "[outputs, channels / groups, ...window]";
  spatialShape(x.shape, what);
  if (kernel.rank !== x.rank) {
    throw new ShapeError(`${what}: expected a kernel ${layout} with as many axes as x, got ${shapes}`);
  }
  if (sizeOf(kernel.shape.slice(2)) === 0)
    throw new ShapeError(`${what}: expected a kernel with at least one element in its window, got ${shapes}`);
  const [first, second] = kernel.shape as [number, number];
  if (!Number.isInteger(groups) || groups < 1 || first % groups !== 0) {
    throw new ArgumentError(
      `${what}: expected groups to be a positive integer that divides the first axis of the kernel, ` +
        `got groups ${groups} and ${shapes}`,
    );
  }
  const expected = isTransposed ? first : second * groups;
  if (x.shape[1] !== expected) {
    const sum = isTransposed ? `${first}` : `${second} x ${groups} groups = ${expected}`;
    throw new ShapeError(
      `${what}: x has ${x.shape[1]} channels (axis 1), the kernel ${layout} is for ${sum}: got ${shapes}`,
    );
  }
  return accepted(pair, "number", what) as [Tensor, Tensor];
}

/**
 * The convolution (cross-correlation: the kernel is not flipped) of x `[batch, channels, ...spatial]` with a kernel
 * `[outputs, channels / groups, ...window]`: `[batch, outputs, ...places]`. The rank says whether it is 1-d, 2-d, 3-d.
 *
 * @example images.conv(kernel, { strides: 2, padding: "same" }) // [N, 3, 28, 28] and [8, 3, 5, 5]: [N, 8, 14, 14]
 * @throws ShapeError where ranks or channels do not fit or the window does not fit the padded input, ArgumentError for
 * options that are no positive integers or groups that do not divide the outputs
 */
export const conv: Defined<Signatures.ConvFunction, Signatures.ConvMethod> = define(
  {
    name: "conv",
    family: "contraction",
    primitive: convolution as Primitive,
    cases: [
      on(
        [
          [2, 2, 5],
          [3, 2, 2],
        ],
        (x, k) => conv(x, k),
      ),
      on(
        [
          [1, 2, 4, 3],
          [2, 1, 2, 2],
        ],
        (x, k) =>
          conv(x, k, {
            strides: [2, 1],
            padding: [
              [1, 0],
              [1, 2],
            ],
            dilation: [1, 2],
            groups: 2,
          }),
      ),
      on(
        [
          [1, 1, 2, 2, 3],
          [1, 1, 2, 1, 3],
        ],
        (x, k) => conv(x, k, { padding: "same" }),
      ),
      on(
        [
          [2, 1, 7],
          [2, 1, 2],
        ],
        (x, k) => conv(x, k, { strides: 3 }),
      ),
      on(
        [
          [0, 2, 3],
          [2, 2, 3],
        ],
        (x, k) => conv(x, k),
      ),
      on(
        [
          [2, 0, 3],
          [2, 0, 2],
        ],
        (x, k) => conv(x, k),
      ),
      on(
        [
          [1, 1, 4],
          [1, 1, 2],
        ],
        (x, k) => conv(x, k),
        integers(-3, 3),
      ),
    ],
    ulp: 4,
    notDifferentiable: null,
  },
  (
    input: Tensor,
    window: Tensor,
    { strides = 1, padding = "valid", dilation = 1, groups = 1 }: Signatures.ConvOptions = {},
  ): Tensor => {
    const [x, kernel] = operands(input, window, groups, "conv");
    const spatial = x.shape.slice(2);
    const kernelDilation = perAxis(dilation, spatial.length, "dilation", "conv");
    const sliding = {
      strides: perAxis(strides, spatial.length, "strides", "conv"),
      spans: kernelDilation.map((d, axis) => spanOf(kernel.shape[axis + 2]!, d)),
    };
    const pairs = resolvePadding(padding, spatial, sliding, "conv");
    placesOf(spatial, pairs, sliding, "conv");
    return apply(convolution, [x, kernel], {
      strides: sliding.strides,
      padding: pairs,
      inputDilation: spatial.map(() => 1),
      kernelDilation,
      groups,
    });
  },
);

/**
 * The adjoint of {@link conv} in its input, also called transposed convolution or deconvolution: x
 * `[batch, channels, ...spatial]` and a kernel `[channels, outputs / groups, ...window]`, the kernel of the convolution
 * that it is the adjoint of, give `[batch, outputs, ...larger]`. Along each axis the size is
 * `(n - 1) stride + span(window) - before - after + outputPadding`; with padding "same" it is `n stride`.
 *
 * @throws ShapeError where ranks or channels do not fit or nothing is left, ArgumentError for unfit options
 */
export const convTranspose: Defined<Signatures.ConvTransposeFunction, Signatures.ConvTransposeMethod> =
  define(
    composite(
      "convTranspose",
      [
        on(
          [
            [2, 2, 3],
            [2, 3, 2],
          ],
          (x, k) => convTranspose(x, k),
        ),
        on(
          [
            [1, 2, 2, 3],
            [2, 1, 3, 2],
          ],
          (x, k) =>
            convTranspose(x, k, {
              strides: 2,
              padding: 1,
              dilation: [1, 2],
              groups: 2,
              outputPadding: [1, 0],
            }),
        ),
        on(
          [
            [1, 1, 3],
            [1, 2, 3],
          ],
          (x, k) => convTranspose(x, k, { strides: 2, padding: "same" }),
        ),
        on(
          [
            [0, 1, 3],
            [1, 1, 2],
          ],
          (x, k) => convTranspose(x, k),
        ),
      ],
      4,
    ),
    (input: Tensor, window: Tensor, options: Signatures.ConvTransposeOptions = {}): Tensor => {
      const { strides = 1, padding = "valid", dilation = 1, groups = 1, outputPadding = 0 } = options;
      const what = "convTranspose";
      const [x, kernel] = operands(input, window, groups, what);
      const spatial = x.shape.slice(2);
      const steps = perAxis(strides, spatial.length, "strides", what);
      const kernelDilation = perAxis(dilation, spatial.length, "dilation", what);
      const extra = perAxis(outputPadding, spatial.length, "outputPadding", what, 0);
      if (extra.some((n, axis) => n >= steps[axis]!)) {
        throw new ArgumentError(
          `${what}: expected outputPadding to be less than the strides [${steps.join(", ")}], got [${extra.join(", ")}]: ` +
            "it chooses among the sizes that the convolution brings to the size of x",
        );
      }
      const spans = kernelDilation.map((d, axis) => spanOf(kernel.shape[axis + 2]!, d));
      const enlarged = spatial.map((n, axis) => n * steps[axis]!);
      const pairs = resolvePadding(padding, enlarged, { spans, strides: steps }, what);
      const size = spatial.map((n, axis) => {
        if (padding === "same") return enlarged[axis]!;
        const [before, after] = pairs[axis]!;
        return (n - 1) * steps[axis]! + spans[axis]! - before - after + extra[axis]!;
      });
      if (size.some((n) => n < 1)) {
        throw new ShapeError(
          `${what}: a result of spatial shape ${showShape(size)} has no elements; use less padding, or x with more ` +
            `elements than ${showShape(spatial)}`,
        );
      }
      return inputAdjoint(x, kernel, size, {
        strides: steps,
        padding: pairs,
        inputDilation: spatial.map(() => 1),
        kernelDilation,
        groups,
      });
    },
  );

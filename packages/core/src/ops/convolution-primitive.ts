import { apply, type Primitive } from "../define/primitive.ts";
import type { PadWidth } from "../define/signatures.ts";
import { isFloat } from "../dtype.ts";
import type { DenseArray, Geometry, Kernel } from "../operation.ts";
import { checkShape, range, sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { spanOf } from "./spatial.ts";

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

/** The definition in plain loops, its sums in float64. */
function convolve(
  [x, kernel]: readonly DenseArray[],
  geometry: Geometry,
  [output]: readonly DenseArray[],
): void {
  const [batch, channels, ...n] = x!.shape as [number, number, ...number[]];
  const [outputs, perGroup, ...k] = kernel!.shape as [number, number, ...number[]];
  const table = meetings(n, k, output!.shape.slice(2), geometry);
  const [inputSize, kernelSize] = [sizeOf(n), sizeOf(k)];
  const [inputs, weights, results] = [x!.data, kernel!.data, output!.data];
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
            sum += times(weights[kernelStart + list[t]!]!, inputs[inputStart + list[t + 1]!]!);
          }
        }
        results[at++] = sum;
      }
    }
  }
}

/**
 * `[N, C, ...n] x [O, C / groups, ...k] -> [N, O, ...m]`: the cross-correlation that neural networks call convolution,
 * `y[n, o, q] = sum_{c, j} x[n, c, (q stride + j kernelDilation - before) / inputDilation] kernel[o, c, j]`, over whole
 * indices within x. It stays itself under differentiation: with dilations on both sides, its adjoints are convolutions
 * (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4).
 *
 * Whether an infinite weight meets the zeros of padding, which makes a NaN, is left to the backend.
 */
export const convolution: Primitive<Geometry> = {
  name: "convolution",
  kernel: { kind: "convolution", run: convolve } as Kernel,
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
};

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
export function inputAdjoint(ct: Tensor, kernel: Tensor, input: Shape, geometry: Geometry): Tensor {
  const { strides, padding, inputDilation, kernelDilation, groups } = geometry;
  const [outputs, , ...k] = kernel.shape as [number, number, ...number[]];
  const swapped = join(split(kernel, 0, groups, outputs / groups).moveAxis(2, 1), 0);
  const spans = k.map((size, axis) => spanOf(size, kernelDilation[axis]!));
  return apply(convolution, [ct, swapped.flip(range(2, swapped.rank))], {
    strides: inputDilation,
    padding: input.map((n, axis): PadWidth => {
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
    padding: kernel.map((k, axis): PadWidth => {
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

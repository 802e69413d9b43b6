import { ArgumentError, grad, jit, ShapeError, type Tensor, tensor, vjp, vmap, zeros } from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

const runs = { numRuns: 50 };

/** A convolution with every option spelt out, one entry for each spatial axis. */
interface Example {
  readonly x: Tensor;
  readonly kernel: Tensor;
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Numbers that no symmetry makes equal. */
const numbers = (shape: readonly number[], seed = 1): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, (_, i) => Math.sin(1.7 * i * seed + seed)),
    { shape },
  ) as Tensor;
};

const span = (n: number, dilation: number) => (n - 1) * dilation + 1;

const examples: fc.Arbitrary<Example> = fc
  .record({
    batch: fc.integer({ min: 0, max: 2 }),
    groups: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 2 }),
    outputs: fc.integer({ min: 1, max: 2 }),
    axes: fc.array(
      fc.record({
        kernel: fc.integer({ min: 1, max: 3 }),
        stride: fc.integer({ min: 1, max: 4 }),
        dilation: fc.integer({ min: 1, max: 2 }),
        before: fc.integer({ min: 0, max: 2 }),
        after: fc.integer({ min: 0, max: 2 }),
        room: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ batch, groups, channels, outputs, axes }) => {
    const sizes = axes.map(({ kernel, dilation, before, after, room }) =>
      Math.max(1, span(kernel, dilation) - before - after + room),
    );
    return {
      x: numbers([batch, channels * groups, ...sizes]),
      kernel: numbers([outputs * groups, channels, ...axes.map((axis) => axis.kernel)], 2),
      strides: axes.map(({ stride }) => stride),
      padding: axes.map(({ before, after }) => [before, after] as const),
      dilation: axes.map(({ dilation }) => dilation),
      groups,
    };
  });

const conv = ({ x, kernel, ...options }: Example): Tensor => x.conv(kernel, options);

/** All indices of a shape, in row-major order. */
const indicesOf = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (rows, n) => rows.flatMap((row) => Array.from({ length: n }, (_, i) => [...row, i])),
    [[]],
  );

/** Reads an element, zero outside. */
function reader(x: Tensor): (index: readonly number[]) => number {
  const data = x.dataSync();
  return (index) =>
    index.every((i, axis) => i >= 0 && i < x.shape[axis]!)
      ? data[x.shape.reduce((at, n, axis) => at * n + index[axis]!, 0)]!
      : 0;
}

/** The definition, index by index. */
function byLoops({ x, kernel, strides, padding, dilation, groups }: Example): Tensor {
  const places = strides.map((stride, axis) => {
    const size = x.shape[axis + 2]! + padding[axis]![0] + padding[axis]![1];
    return Math.floor((size - span(kernel.shape[axis + 2]!, dilation[axis]!)) / stride) + 1;
  });
  const [readX, readKernel] = [reader(x), reader(kernel)];
  const [outputs, perGroup] = kernel.shape as [number, number];
  const shape = [x.shape[0]!, outputs, ...places];
  const elements = indicesOf(shape).map(([n, o, ...q]) => {
    const firstChannel = Math.floor(o! / (outputs / groups)) * perGroup;
    return indicesOf(kernel.shape.slice(1)).reduce((sum, [c, ...j]) => {
      const at = q.map((p, axis) => p * strides[axis]! + j[axis]! * dilation[axis]! - padding[axis]![0]);
      return sum + readX([n!, firstChannel + c!, ...at]) * readKernel([o!, c!, ...j]);
    }, 0);
  });
  return tensor(Float64Array.from(elements), { shape }) as Tensor;
}

const close = { absolute: 1e-12, relative: 1e-12 };

describe("conv", () => {
  it("is its defining sum for 1 to 3 axes, any strides, padding, dilation and groups", () => {
    fc.assert(
      fc.property(examples, (example) => {
        expectClose(conv(example), byLoops(example), close);
      }),
      runs,
    );
  });

  it("does not flip the kernel", () => {
    expectClose(f64([[[1, 2, 4]]]).conv(f64([[[1, 10]]])), f64([[[21, 42]]]));
  });

  it("is a matrix product over the channels where the window has one element", () => {
    const [x, w] = [numbers([2, 3, 4]), numbers([5, 3], 2)];
    expectClose(x.conv(w.expandDims(2)), w.matmul(x), close);
  });

  it("with padding same gives ceil(n / stride) places, and the odd zero comes last", () => {
    const x = f64([[[1, 2, 3, 4, 5]]]);
    expect(x.conv(zeros([1, 1, 3]) as Tensor, { strides: 2, padding: "same" }).shape).toEqual([1, 1, 3]);
    expectClose(x.conv(f64([[[1, 10]]]), { padding: "same" }), f64([[[21, 32, 43, 54, 5]]]));
    expectClose(x.conv(f64([[[1, 1, 1]]]), { padding: "same" }), x.conv(f64([[[1, 1, 1]]]), { padding: 1 }));
  });

  it("takes windows as large as the input, strides larger than the window and empty batches", () => {
    expectClose(f64([[[1, 2, 3]]]).conv(f64([[[1, 1, 1]]])), f64([[[6]]]));
    expectClose(f64([[[1, 2, 3, 4, 5, 6]]]).conv(f64([[[1, 1]]]), { strides: 4 }), f64([[[3, 11]]]));
    const empty = zeros([0, 2, 4], { dtype: "float64" }) as Tensor;
    expect(empty.conv(numbers([3, 2, 2])).shape).toEqual([0, 3, 3]);
    const [, pullback] = vjp((k: Tensor) => empty.conv(k), numbers([3, 2, 2]));
    expectClose(pullback(zeros([0, 3, 3], { dtype: "float64" }) as Tensor)[0], numbers([3, 2, 2]).mul(0), {
      signedZeros: false,
    });
  });

  it("wraps integers modulo 2^32", () => {
    expect(
      i32([[[65537, 1]]])
        .conv(i32([[[65537, 0]]]))
        .arraySync(),
    ).toEqual([[[131073]]]);
  });

  it("runs compiled", () => {
    const [x, kernel] = [numbers([1, 2, 4, 4]), numbers([2, 2, 3, 3], 2)];
    const loss = (k: Tensor) => x.conv(k, { padding: "same" }).square().sum() as Tensor<[]>;
    expectClose(jit(grad(loss))(kernel), grad(loss)(kernel));
  });
});

const small: readonly (readonly [string, (x: Tensor, k: Tensor) => Tensor, Tensor, Tensor])[] = [
  ["1-d", (x, k) => x.conv(k), numbers([2, 2, 3]), numbers([2, 2, 2], 2)],
  [
    "2-d with strides that leave elements over, uneven padding, dilation and groups",
    (x, k) =>
      x.conv(k, {
        strides: [2, 3],
        padding: [
          [1, 0],
          [0, 2],
        ],
        dilation: [1, 2],
        groups: 2,
      }),
    numbers([1, 2, 4, 4]),
    numbers([2, 1, 2, 2], 2),
  ],
  ["3-d", (x, k) => x.conv(k, { padding: "same" }), numbers([1, 1, 2, 1, 2]), numbers([1, 1, 2, 1, 2], 2)],
  [
    "padding beyond the window",
    (x, k) => x.conv(k, { padding: 3 }),
    numbers([1, 1, 2]),
    numbers([1, 1, 2], 2),
  ],
  [
    "transposed, strided",
    (x, k) => x.convTranspose(k, { strides: 2, padding: 1, outputPadding: 1 }),
    numbers([1, 2, 2]),
    numbers([2, 1, 3], 2),
  ],
];

describe.each(small)("the derivatives of a convolution, %s", (_, f, x, kernel) => {
  it("agree with finite differences to second order, in the input and in the kernel", () => {
    checkGrads(f, [x, kernel]);
  });

  it("hold to third order: the gradient of a cubic passes its own check to second order", () => {
    const gradient = grad((y: Tensor, k: Tensor) => f(y, k).pow(3).sum() as Tensor<[]>, {
      argnums: [0, 1],
    } as object);
    checkGrads(gradient as unknown as (y: Tensor, k: Tensor) => Tensor, [x, kernel]);
  });
});

describe("vmap of conv", () => {
  const f = (x: Tensor, k: Tensor) => x.conv(k, { groups: 2, strides: 2, padding: 1 });
  const xs = numbers([3, 2, 4, 5]);
  const kernels = numbers([3, 6, 2, 2], 2);
  const each = (call: (i: number) => Tensor): Tensor =>
    tensor(Float64Array.from([0, 1, 2].flatMap((i) => [...call(i).dataSync()])), {
      shape: [3, ...call(0).shape],
    }) as Tensor;

  it("maps inputs, kernels and both", () => {
    expectClose(
      vmap(f, { inAxes: [0, null] } as object)(xs, kernels.slice(0)),
      each((i) => f(xs.slice(i), kernels.slice(0))),
      close,
    );
    expectClose(
      vmap(f, { inAxes: [null, 0] } as object)(xs.slice(0), kernels),
      each((i) => f(xs.slice(0), kernels.slice(i))),
      close,
    );
    expectClose(
      vmap(f)(xs, kernels),
      each((i) => f(xs.slice(i), kernels.slice(i))),
      close,
    );
  });

  it("gives gradients for each example", () => {
    const gradient = grad((k: Tensor, x: Tensor) => f(x, k).square().sum() as Tensor<[]>);
    expectClose(
      vmap(gradient, { inAxes: [null, 0] } as object)(kernels.slice(0), xs),
      each((i) => gradient(kernels.slice(0), xs.slice(i))),
      close,
    );
    const none = vmap(gradient)(kernels.slice([0, 0]), xs.slice([0, 0]));
    expect(none.shape).toEqual([0, 6, 2, 2]);
  });

  it("nests", () => {
    const both = vmap(vmap(f, { inAxes: [null, 0] } as object), { inAxes: [0, null] } as object)(xs, kernels);
    expectClose(both.slice(1, 2), f(xs.slice(1), kernels.slice(2)), close);
  });
});

describe("convTranspose", () => {
  it("is the adjoint of conv: <conv x, y> = <x, convTranspose y>", () => {
    fc.assert(
      fc.property(examples, ({ x, kernel, ...options }) => {
        const y = numbers(x.conv(kernel, options).shape, 3);
        // Elements that the strides leave over are not seen in the size of the result: they must be named.
        const outputPadding = options.strides.map((stride, axis) => {
          const [before, after] = options.padding[axis]!;
          const reach = span(kernel.shape[axis + 2]!, options.dilation[axis]!);
          return (x.shape[axis + 2]! + before + after - reach) % stride;
        });
        const adjoint = y.convTranspose(kernel, { ...options, outputPadding });
        expect(adjoint.shape).toEqual(x.shape);
        expectClose(x.conv(kernel, options).mul(y).sum(), x.mul(adjoint).sum(), { absolute: 1e-10 });
      }),
      runs,
    );
  });

  it("spreads each element over a window", () => {
    expectClose(f64([[[1, 2]]]).convTranspose(f64([[[1, 10, 100]]])), f64([[[1, 12, 120, 200]]]));
    expectClose(
      f64([[[1, 2]]]).convTranspose(f64([[[1, 10]]]), { strides: 3, outputPadding: 2 }),
      f64([[[1, 10, 0, 2, 20, 0, 0]]]),
    );
  });

  it("with padding same enlarges by the stride", () => {
    const x = numbers([1, 2, 3, 4]);
    for (const size of [1, 2, 3, 4, 5]) {
      expect(x.convTranspose(numbers([2, 3, size, 1]), { strides: [3, 2], padding: "same" }).shape).toEqual([
        1, 3, 9, 8,
      ]);
    }
  });
});

const [x, k] = [numbers([1, 4, 5]), numbers([2, 4, 3])];

describe("an operand or option that does not fit is explained", () => {
  it.each<[string, () => Tensor, new (message: string) => Error, RegExp]>([
    ["no batch axis", () => x.slice(0).conv(k), ShapeError, /expandDims/],
    ["ranks", () => x.conv(numbers([2, 4])), ShapeError, /as many axes as x/],
    ["channels", () => x.conv(numbers([2, 3, 3])), ShapeError, /x has 4 channels .* is for 3 x 1 groups = 3/],
    ["channels of a transposed one", () => x.convTranspose(numbers([3, 4, 3])), ShapeError, /is for 3:/],
    [
      "groups and outputs",
      () => x.conv(numbers([3, 2, 3]), { groups: 2 }),
      ArgumentError,
      /divides the first axis/,
    ],
    ["groups of zero", () => x.conv(k, { groups: 0 }), ArgumentError, /positive integer/],
    ["a window without elements", () => x.conv(numbers([2, 4, 0])), ShapeError, /at least one element/],
    [
      "a window too large",
      () => x.conv(numbers([2, 4, 6])),
      ShapeError,
      /does not fit spatial axis 0 of size 5/,
    ],
    ["a dilation too large", () => x.conv(k, { dilation: 3 }), ShapeError, /reaches over 7 elements/],
    ["strides of zero", () => x.conv(k, { strides: 0 }), ArgumentError, /strides/],
    [
      "strides of another rank",
      () => x.conv(k, { strides: [1, 2] }),
      ArgumentError,
      /each of the 1 spatial axes/,
    ],
    ["negative padding", () => x.conv(k, { padding: -1 }), ArgumentError, /"same", "valid"/],
    ["an unknown padding", () => x.conv(k, { padding: "full" as "same" }), ArgumentError, /"same", "valid"/],
    [
      "output padding of a whole stride",
      () => k.convTranspose(numbers([4, 1, 2]), { strides: 2, outputPadding: 2 }),
      ArgumentError,
      /less than the strides/,
    ],
    [
      "nothing left",
      () => numbers([1, 1, 1]).convTranspose(numbers([1, 1, 1]), { padding: 1 }),
      ShapeError,
      /no elements/,
    ],
  ])("%s", (_, call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });
});

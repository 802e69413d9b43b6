import { promote } from "../define/coerce.ts";
import { composite, type Defined, define, integers, on } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type * as Signatures from "../define/signatures.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import { showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { convolution, inputAdjoint } from "./convolution-primitive.ts";
import { perAxis, placesOf, resolvePadding, spanOf, spatialShape } from "./spatial.ts";

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
 * A backend may multiply the zeros of padding or skip them, so an infinite or NaN factor beside them may give NaN.
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
  ((
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
  }) as Signatures.ConvFunction,
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

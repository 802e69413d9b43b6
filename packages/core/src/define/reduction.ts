import type { Combine } from "../compile/kernel.ts";
import type { DType } from "../dtype.ts";
import type { Kernel } from "../operation.ts";
import { reduceShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply, type NotDifferentiable, type Primitive, type Tangent } from "./primitive.ts";

/** The axes that a reduction folds, sorted; the result lacks them. */
export interface Axes {
  readonly axes: readonly number[];
}

/** How a reduction is declared: a fold from `initial` by `combine`. */
export interface ReductionSpec {
  readonly initial: (dtype: DType) => number;
  readonly combine: Combine;
  readonly jvp: ((x: Tensor, dx: Tensor, y: Tensor, axes: readonly number[]) => Tangent) | NotDifferentiable;
  readonly transpose?: (
    cotangent: Tensor,
    operand: { readonly shape: readonly number[] },
    axes: readonly number[],
  ) => Tensor;
}

/** The graph operation of a reduction. */
export function reductionPrimitive(name: string, spec: ReductionSpec): Primitive<Axes> {
  const { initial, combine, jvp, transpose } = spec;
  const primitive: Primitive<Axes> = {
    name,
    kernel: { kind: "reduce", initial, combine } satisfies Kernel,
    type: ([x], { axes }) => ({ shape: reduceShape(x!.shape, axes), dtype: x!.dtype }),
    jvp:
      typeof jvp === "function"
        ? ({ inputs, tangents, outputs, attributes }) =>
            jvp(inputs[0]!, tangents[0]!, outputs[0]!, attributes.axes)
        : jvp,
    ...(transpose && {
      transpose: ({ cotangents, inputs, attributes }) => [
        transpose(cotangents[0]!, inputs[0]!, attributes.axes),
      ],
    }),
    batch: ({ inputs, attributes }) =>
      apply(primitive, inputs, { axes: attributes.axes.map((axis) => axis + 1) }),
  };
  return primitive;
}

/** Puts axes of size 1 back where a reduction removed them. */
export const restoreAxes = (reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor =>
  reduced.reshape(reduceShape(shape, axes, true));

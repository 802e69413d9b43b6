import type { Kernel, Simplification, StridedView, TensorType } from "../operation.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { apply, type Primitive } from "./primitive.ts";

/** How a view is declared: the same elements under other indices, so it is linear and its tangent is itself. */
export interface ViewSpec<A> {
  readonly shape: (input: Shape, attributes: A) => Shape;
  /** The strides of the result; `null` where strides cannot express it. */
  readonly view: (input: StridedView, attributes: A, shape: Shape) => StridedView | null;
  /** The adjoint: brings a cotangent of the result back to the operand. */
  readonly transpose: (cotangent: Tensor, operand: TensorType, attributes: A) => Tensor;
  /** The attributes that leave a new first axis of the given size alone. */
  readonly batch: (attributes: A, size: number) => A;
  /** An exact rewriting; that a view changes nothing is noticed without one. */
  readonly simplify?: Simplification;
  /** Whether the compiler must not look through it. */
  readonly opaque?: boolean;
}

/** The graph operation of a view. */
export function viewPrimitive<A>(name: string, spec: ViewSpec<A>): Primitive<A> {
  const primitive: Primitive<A> = {
    name,
    kernel: { kind: "view", view: spec.view } as Kernel,
    ...(spec.simplify && { simplify: spec.simplify }),
    ...(spec.opaque && { opaque: true }),
    type: ([input], attributes) => ({ shape: spec.shape(input!.shape, attributes), dtype: input!.dtype }),
    jvp: ({ tangents, attributes }) => apply(primitive, [tangents[0]!], attributes),
    transpose: ({ cotangents, inputs, attributes }) => [
      spec.transpose(cotangents[0]!, inputs[0]!.node, attributes),
    ],
    batch: ({ inputs, size, attributes }) => apply(primitive, inputs, spec.batch(attributes, size)),
  };
  return primitive;
}

import { promote } from "../define/coerce.ts";
import { composite, type DefinedFunction, defineFunction, on } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type { ConcatFunction, StackFunction } from "../define/signatures.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import type { Kernel } from "../operation.ts";
import { checkShape, resolveAxis, sameShape, showShape, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { zerosLike } from "./creation.ts";

interface Axis {
  readonly axis: number;
}

const concatPrimitive: Primitive<Axis> = {
  name: "concat",
  kernel: {
    kind: "assemble",
    assembly: (inputs, { axis }: Axis, whole) => {
      const strides = stridesOf(whole);
      let start = 0;
      const windows = inputs.map((shape) => {
        const offset = start * strides[axis]!;
        start += shape[axis]!;
        return { shape, strides, offset };
      });
      return { fill: null, windows };
    },
  } as Kernel,
  type: (inputs, { axis }) => {
    const { shape, dtype } = inputs[0]!;
    const total = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
    return { shape: checkShape(shape.map((n, i) => (i === axis ? total : n))), dtype };
  },
  jvp: ({ inputs, tangents, attributes }) =>
    apply(
      concatPrimitive,
      tangents.map((tangent, i) => tangent ?? (zerosLike(inputs[i]!) as Tensor)),
      attributes,
    ),
  transpose: ({ cotangents, inputs, linear, attributes: { axis } }) => {
    let start = 0;
    return inputs.map(({ shape }, i) => {
      const end = start + shape[axis]!;
      const part = linear[i]
        ? cotangents[0]!.slice(...shape.map((_, at) => (at === axis ? ([start, end] as const) : null)))
        : null;
      start = end;
      return part;
    });
  },
  batch: ({ inputs, batched, size, attributes: { axis } }) =>
    apply(
      concatPrimitive,
      inputs.map((x, i) => (batched[i] ? x : x.broadcastTo([size, ...x.shape]))),
      { axis: axis + 1 },
    ),
};

/**
 * Tensors joined along an existing axis (default 0); the other dimensions must agree.
 *
 * @throws ShapeError where they do not, ArgumentError for an empty list
 */
export const concat: DefinedFunction<ConcatFunction> = defineFunction(
  {
    name: "concat",
    family: "routine",
    primitive: concatPrimitive as Primitive,
    cases: [
      on(
        [
          [2, 3],
          [1, 3],
        ],
        (a, b) => concat([a, b]),
      ),
      on(
        [
          [2, 1],
          [2, 0],
          [2, 2],
        ],
        (a, b, c) => concat([a, b, c], -1),
      ),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((tensors: readonly Tensor[], axis = 0): Tensor => {
    if (tensors.length === 0) throw new ArgumentError("concat: expected at least one tensor, got none");
    const promoted = promote(tensors, "concat");
    const first = promoted[0]!;
    if (first.rank === 0) throw new ShapeError("concat: scalars have no axis to join along; use stack");
    const at = resolveAxis(axis, first.rank, "concat");
    for (const { shape } of promoted) {
      if (!sameShape(shape.toSpliced(at, 1), first.shape.toSpliced(at, 1))) {
        throw new ShapeError(
          `concat: ${showShape(shape)} does not join ${showShape(first.shape)} along axis ${at}: ` +
            "all other dimensions must agree",
        );
      }
    }
    return promoted.length === 1 ? first : apply(concatPrimitive, promoted, { axis: at });
  }) as unknown as ConcatFunction,
);

/** Tensors of one shape joined along a new axis (default 0). @throws ShapeError where their shapes differ */
export const stack: DefinedFunction<StackFunction> = defineFunction(
  composite("stack", [
    on(
      [
        [2, 3],
        [2, 3],
      ],
      (a, b) => stack([a, b]),
    ),
    on([[2], [2], [2]], (a, b, c) => stack([a, b, c], -1)),
    on([[], []], (a, b) => stack([a, b])),
  ]),
  ((tensors: readonly Tensor[], axis = 0): Tensor => {
    const first = tensors[0];
    if (first === undefined) throw new ArgumentError("stack: expected at least one tensor, got none");
    for (const { shape } of tensors) {
      if (!sameShape(shape, first.shape)) {
        throw new ShapeError(
          `stack: expected equal shapes, got ${showShape(first.shape)} and ${showShape(shape)}`,
        );
      }
    }
    const at = resolveAxis(axis, first.rank + 1, "stack");
    return concat(
      tensors.map((x) => x.expandDims(at)),
      at,
    ) as Tensor;
  }) as unknown as StackFunction,
);

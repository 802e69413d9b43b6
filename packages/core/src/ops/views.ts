import { composite, type Defined, define, on } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import type * as Signatures from "../define/signatures.ts";
import { lastCounts } from "../define/simplifications.ts";
import { viewPrimitive } from "../define/view.ts";
import { AxisError, ShapeError } from "../errors/errors.ts";
import type { StridedView } from "../operation.ts";
import {
  broadcastShapes,
  checkShape,
  invertPermutation,
  range,
  resolveAxes,
  resolveAxis,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";

interface ToShape {
  readonly shape: Shape;
}

const reshapePrimitive = viewPrimitive<ToShape>("reshape", {
  shape: (_, { shape }) => shape,
  view: (input, _, shape) =>
    isDense(input) ? { shape, strides: stridesOf(shape), offset: input.offset } : null,
  transpose: (cotangent, operand) => cotangent.reshape(operand.shape),
  batch: ({ shape }, size) => ({ shape: [size, ...shape] }),
  simplify: lastCounts,
});

/** Whether the elements stand in row-major order without gaps. */
export function isDense({ shape, strides }: StridedView): boolean {
  const dense = stridesOf(shape);
  return sizeOf(shape) === 0 || strides.every((stride, i) => stride === dense[i] || shape[i] === 1);
}

/**
 * The same elements in row-major order under another shape; one dimension may be -1 and is worked out.
 *
 * @throws ShapeError where the numbers of elements differ
 */
export const reshape: Defined<Signatures.ReshapeFunction, Signatures.ReshapeMethod> = define(
  {
    name: "reshape",
    family: "view",
    primitive: reshapePrimitive as Primitive,
    cases: [
      on([[2, 3]], (x) => reshape(x, [3, 2])),
      on([[]], (x) => reshape(x, [1, 1])),
      on([[0, 3]], (x) => reshape(x, [3, 0])),
      on([[2, 3]], (x) => reshape(x.permute([1, 0]), [-1])),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, shape: Shape): Tensor => {
    const target = inferDimension(x.shape, shape);
    return sameShape(x.shape, target) ? x : apply(reshapePrimitive, [x], { shape: target });
  }) as Signatures.ReshapeFunction,
);

function inferDimension(from: Shape, to: Shape): Shape {
  const unknown = to.indexOf(-1);
  const size = sizeOf(from);
  const known = sizeOf(to.filter((n) => n !== -1));
  const target = unknown < 0 ? to : to.map((n, i) => (i === unknown ? size / known : n));
  if (to.indexOf(-1, unknown + 1) >= 0 && unknown >= 0) {
    throw new ShapeError(`reshape: at most one dimension may be -1, got ${showShape(to)}`);
  }
  if (unknown >= 0 && (known === 0 || size % known !== 0)) {
    throw new ShapeError(
      `reshape: ${size} elements of ${showShape(from)} do not divide into ${showShape(to)}`,
    );
  }
  checkShape(target);
  if (sizeOf(target) !== size) {
    throw new ShapeError(
      `reshape: ${showShape(from)} has ${size} elements, ${showShape(to)} has ${sizeOf(target)}; ` +
        "they must agree (use -1 for one dimension to have it worked out)",
    );
  }
  return target;
}

const permutePrimitive = viewPrimitive<{ readonly axes: readonly number[] }>("permute", {
  shape: (input, { axes }) => axes.map((axis) => input[axis]!),
  view: ({ strides, offset }, { axes }, shape) => ({
    shape,
    strides: axes.map((axis) => strides[axis]!),
    offset,
  }),
  transpose: (cotangent, _, { axes }) => cotangent.permute(invertPermutation(axes)),
  batch: ({ axes }) => ({ axes: [0, ...axes.map((axis) => axis + 1)] }),
  simplify: (term) => {
    const inner = term.operands[0]!;
    if (inner.operation !== term.operation) return null;
    const [outer, first] = [term, inner].map(({ attributes }) => attributes as { axes: readonly number[] });
    const axes = outer!.axes.map((axis) => first!.axes[axis]!);
    return { ...term, attributes: { axes }, operands: inner.operands };
  },
});

/**
 * Axis i of the result is axis `axes[i]` of x.
 *
 * @throws AxisError unless `axes` names every axis once
 */
export const permute: Defined<Signatures.PermuteFunction, Signatures.PermuteMethod> = define(
  {
    name: "permute",
    family: "view",
    primitive: permutePrimitive as Primitive,
    cases: [
      on([[2, 3, 4]], (x) => permute(x, [2, 0, 1])),
      on([[]], (x) => permute(x, [])),
      on([[0, 2]], (x) => permute(x, [1, 0])),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, axes: readonly number[]): Tensor => {
    const resolved = axes.map((axis) => resolveAxis(axis, x.rank, "permute"));
    if (new Set(resolved).size !== x.rank || axes.length !== x.rank) {
      throw new AxisError(
        `permute: expected each of the ${x.rank} axes of ${showShape(x.shape)} once, got [${axes.join(", ")}]`,
      );
    }
    if (resolved.every((axis, i) => axis === i)) return x;
    return apply(permutePrimitive, [x], { axes: resolved });
  }) as Signatures.PermuteFunction,
);

/** The axes in reverse order: the transpose of a matrix. For batches of matrices see {@link matrixTranspose}. */
export const transpose: Defined<Signatures.TransposeFunction, Signatures.TransposeMethod> = define(
  composite("transpose", [
    on([[2, 3]], (x) => transpose(x)),
    on([[2, 3, 4]], (x) => transpose(x)),
    on([[]], (x) => transpose(x)),
  ]),
  ((x: Tensor): Tensor => permute(x, range(0, x.rank).reverse()) as Tensor) as Signatures.TransposeFunction,
);

/** The last two axes exchanged. @throws ShapeError for rank below 2 */
export const matrixTranspose: Defined<Signatures.MatrixTransposeFunction, Signatures.MatrixTransposeMethod> =
  define(
    composite("matrixTranspose", [
      on([[2, 3]], (x) => matrixTranspose(x)),
      on([[4, 2, 3]], (x) => matrixTranspose(x)),
    ]),
    ((x: Tensor): Tensor => {
      if (x.rank < 2)
        throw new ShapeError(`matrixTranspose: expected at least two axes, got ${showShape(x.shape)}`);
      return permute(x, [...range(0, x.rank - 2), x.rank - 1, x.rank - 2]) as Tensor;
    }) as Signatures.MatrixTransposeFunction,
  );

/** The axis `from` moved to the place `to`, the others in order. */
export const moveAxis: Defined<Signatures.MoveAxisFunction, Signatures.MoveAxisMethod> = define(
  composite("moveAxis", [
    on([[2, 3, 4]], (x) => moveAxis(x, 0, -1)),
    on([[2, 3, 4]], (x) => moveAxis(x, 2, 1)),
  ]),
  ((x: Tensor, from: number, to: number): Tensor => {
    const source = resolveAxis(from, x.rank, "moveAxis");
    const axes = range(0, x.rank).filter((axis) => axis !== source);
    axes.splice(resolveAxis(to, x.rank, "moveAxis"), 0, source);
    return permute(x, axes) as Tensor;
  }) as Signatures.MoveAxisFunction,
);

const broadcastPrimitive = viewPrimitive<ToShape>("broadcastTo", {
  shape: (_, { shape }) => shape,
  view: (input, _, shape) => ({
    shape,
    strides: input.strides.map((stride, i) => (input.shape[i] === shape[i] ? stride : 0)),
    offset: input.offset,
  }),
  transpose: (cotangent, operand) => {
    const repeated = range(0, operand.shape.length).filter((i) => operand.shape[i] !== cotangent.shape[i]);
    return cotangent.sum(repeated, { keepDims: true });
  },
  batch: ({ shape }, size) => ({ shape: [size, ...shape] }),
  simplify: lastCounts,
});

/**
 * Repeats x along new leading axes and along axes of size 1, without copying.
 *
 * @throws ShapeError where x does not broadcast to `shape`
 */
export const broadcastTo: Defined<Signatures.BroadcastToFunction, Signatures.BroadcastToMethod> = define(
  {
    name: "broadcastTo",
    family: "view",
    primitive: broadcastPrimitive as Primitive,
    cases: [
      on([[3]], (x) => broadcastTo(x, [2, 3])),
      on([[]], (x) => broadcastTo(x, [2, 2])),
      on([[2, 1, 3]], (x) => broadcastTo(x, [2, 4, 3])),
      on([[1]], (x) => broadcastTo(x, [0])),
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, shape: Shape): Tensor => {
    if (sameShape(x.shape, shape)) return x;
    checkShape(shape);
    if (x.rank > shape.length || !sameShape(broadcastShapes(x.shape, shape, "broadcastTo"), shape)) {
      throw new ShapeError(
        `broadcastTo: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}: ` +
          "only axes of size 1 and missing leading axes can be repeated",
      );
    }
    const aligned = reshape(x, [
      ...range(0, shape.length - x.rank).map(() => 1),
      ...x.shape,
    ] as Shape) as Tensor;
    return sameShape(aligned.shape, shape) ? aligned : apply(broadcastPrimitive, [aligned], { shape });
  }) as Signatures.BroadcastToFunction,
);

/** A new axis of size 1 at the place `axis` of the result. */
export const expandDims: Defined<Signatures.ExpandDimsFunction, Signatures.ExpandDimsMethod> = define(
  composite("expandDims", [on([[2, 3]], (x) => expandDims(x, 1)), on([[]], (x) => expandDims(x, -1))]),
  ((x: Tensor, axis: number): Tensor => {
    const at = resolveAxis(axis, x.rank + 1, "expandDims");
    return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)] as Shape) as Tensor;
  }) as Signatures.ExpandDimsFunction,
);

/** Drops axes of size 1: those given, or all. @throws ShapeError where a given axis has another size */
export const squeeze: Defined<Signatures.SqueezeFunction, Signatures.SqueezeMethod> = define(
  composite("squeeze", [on([[1, 3, 1]], (x) => squeeze(x)), on([[1, 3, 1]], (x) => squeeze(x, 0))]),
  ((x: Tensor, axis?: number | readonly number[]): Tensor => {
    const axes =
      axis === undefined
        ? range(0, x.rank).filter((i) => x.shape[i] === 1)
        : resolveAxes(axis, x.rank, "squeeze");
    for (const i of axes) {
      if (x.shape[i] !== 1)
        throw new ShapeError(`squeeze: axis ${i} of ${showShape(x.shape)} has size ${x.shape[i]}, not 1`);
    }
    return reshape(
      x,
      x.shape.filter((_, i) => !axes.includes(i)),
    ) as Tensor;
  }) as Signatures.SqueezeFunction,
);

const flipPrimitive = viewPrimitive<{ readonly axes: readonly number[] }>("flip", {
  shape: (input) => input,
  view: ({ shape, strides, offset }, { axes }) => ({
    shape,
    strides: strides.map((stride, i) => (axes.includes(i) ? -stride : stride)),
    offset: axes.reduce((at, axis) => at + Math.max(0, shape[axis]! - 1) * strides[axis]!, offset),
  }),
  transpose: (cotangent, _, { axes }) => cotangent.flip(axes),
  batch: ({ axes }) => ({ axes: axes.map((axis) => axis + 1) }),
});

/** The order reversed along the given axes, or along all. */
export const flip: Defined<Signatures.FlipFunction, Signatures.FlipMethod> = define(
  {
    name: "flip",
    family: "view",
    primitive: flipPrimitive as Primitive,
    cases: [on([[2, 3]], (x) => flip(x, 1)), on([[4]], (x) => flip(x)), on([[0, 2]], (x) => flip(x))],
    ulp: 0,
    notDifferentiable: null,
  },
  ((x: Tensor, axes?: number | readonly number[]): Tensor =>
    apply(flipPrimitive, [x], { axes: resolveAxes(axes, x.rank, "flip") })) as Signatures.FlipFunction,
);

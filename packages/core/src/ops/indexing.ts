import { composite, type Defined, define, integers } from "../define/definition.ts";
import { apply, type Primitive } from "../define/primitive.ts";
import { alongAxis, routinePrimitive } from "../define/routine.ts";
import type { OneHotFunction, OneHotMethod, TakeFunction, TakeMethod } from "../define/signatures.ts";
import { type DType, isInteger } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors/errors.ts";
import type { DenseArray } from "../operation.ts";
import { checkShape, resolveAxis, sameShape, showShape } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { iota } from "./creation.ts";
import { where } from "./logic.ts";

interface AlongAxis {
  readonly axis: number;
}

/** The adjoint's attributes: how long the axis was. */
interface Scatter extends AlongAxis {
  readonly length: number;
}

/** The position that an index means, or -1 where it is out of range: negative indices count from the end. */
const position = (index: number, length: number): number => {
  const resolved = index < 0 ? index + length : index;
  return resolved >= 0 && resolved < length ? resolved : -1;
};

/** Adds each update to the place of the result that its index names; shapes are `outer x count x inner`. */
function addByIndex(updates: DenseArray, indices: DenseArray, axis: number, output: DenseArray): void {
  const { length, inner } = alongAxis(output.shape, axis);
  const { outer, length: count } = alongAxis(indices.shape, axis);
  const [from, at, to] = [updates.data, indices.data, output.data];
  for (let flat = 0, o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      for (let i = 0; i < inner; i++, flat++) {
        const place = position(at[flat]!, length);
        if (place >= 0) to[(o * length + place) * inner + i]! += from[flat]!;
      }
    }
  }
}

const shiftAxis = <A extends AlongAxis>(attributes: A): A => ({ ...attributes, axis: attributes.axis + 1 });

const align = (inputs: readonly Tensor[], batched: readonly boolean[], size: number): Tensor[] =>
  inputs.map((x, i) => (batched[i] ? x : x.broadcastTo([size, ...x.shape])));

/** `result[.., k, ..] = x[.., indices[.., k, ..], ..]`: operands agree in all axes but one. */
const gather: Primitive<AlongAxis> = {
  name: "gather",
  kernel: { kind: "gather" },
  type: ([x, indices]) => ({ shape: indices!.shape, dtype: x!.dtype }),
  jvp: ({ inputs, tangents, attributes }) => apply(gather, [tangents[0]!, inputs[1]!], attributes),
  transpose: ({ cotangents, inputs: [x, indices], attributes: { axis } }) => [
    scatter(cotangents[0]!, indices!, { axis, length: x!.shape[axis]! }),
    null,
  ],
  batch: ({ inputs, batched, size, attributes }) =>
    apply(gather, align(inputs, batched, size), shiftAxis(attributes)),
};

/** The adjoint of gather: adds each element to the place that its index names, in order; out of range is dropped. */
const scatterAdd: Primitive<Scatter> = routinePrimitive<Scatter>(
  "scatterAdd",
  ([updates, indices], { axis }, [output]) => addByIndex(updates!, indices!, axis, output!),
  {
    type: ([updates], { axis, length }) => ({
      shape: checkShape(updates!.shape.with(axis, length)),
      dtype: updates!.dtype,
    }),
    jvp: ({ inputs, tangents, attributes }) => apply(scatterAdd, [tangents[0]!, inputs[1]!], attributes),
    transpose: ({ cotangents, inputs, attributes: { axis } }) => [
      apply(gather, [cotangents[0]!, inputs[1]!], { axis }),
      null,
    ],
    batch: ({ inputs, batched, size, attributes }) =>
      apply(scatterAdd, align(inputs, batched, size), shiftAxis(attributes)),
  },
);

/**
 * The sum of updates by place. With one index in each row nothing meets, so the place is a condition on the position: a
 * loss that picks the logit of the right class stays elementwise, and so part of the kernel around it.
 */
function scatter(updates: Tensor, indices: Tensor, attributes: Scatter): Tensor {
  const { axis, length } = attributes;
  if (indices.shape[axis] !== 1) return apply(scatterAdd, [updates, indices], attributes);
  const shape = checkShape(indices.shape.with(axis, length));
  const places = iota(shape, axis, { dtype: indices.dtype }) as Tensor;
  const resolved = where(indices.lt(0), indices.add(length), indices);
  return where(places.eq(resolved), updates, 0) as Tensor;
}

function checkIndices(indices: Tensor, what: string): void {
  if (!isInteger(indices.dtype)) {
    throw new DTypeError(
      `${what}: expected int32 or uint32 indices, got ${indices.dtype}; write indices.astype("int32")`,
    );
  }
}

/**
 * One element along `axis` for every index: x and the indices agree in all other axes (NumPy's take_along_axis).
 * Negative indices count from the end; an index out of range reads NaN (0 for integers).
 *
 * @throws DTypeError unless the indices are integers, ShapeError where the other axes differ
 */
export const takeAlongAxis: Defined<
  <I extends Shape>(x: Tensor, indices: Tensor<I>, axis: number) => Tensor<I>,
  <I extends Shape>(this: Tensor, indices: Tensor<I>, axis: number) => Tensor<I>
> = define(
  {
    name: "takeAlongAxis",
    family: "routine",
    primitive: gather as Primitive,
    cases: [
      {
        operands: [{ shape: [3, 4] }, { shape: [3, 2], domain: integers(0, 3) }],
        call: (x, i) => takeAlongAxis(x, i, 1),
      },
      {
        operands: [{ shape: [3] }, { shape: [5], domain: integers(-3, 2) }],
        call: (x, i) => takeAlongAxis(x, i, 0),
      },
      {
        operands: [{ shape: [3, 2] }, { shape: [0, 2], domain: integers(0, 2) }],
        call: (x, i) => takeAlongAxis(x, i, 0),
      },
    ],
    ulp: 0,
    notDifferentiable: null,
  },
  <I extends Shape>(x: Tensor, indices: Tensor<I>, axis: number): Tensor<I> => {
    checkIndices(indices, "takeAlongAxis");
    const at = resolveAxis(axis, x.rank, "takeAlongAxis");
    if (x.rank !== indices.rank || !sameShape(x.shape.toSpliced(at, 1), indices.shape.toSpliced(at, 1))) {
      throw new ShapeError(
        `takeAlongAxis: ${showShape(x.shape)} and indices ${showShape(indices.shape)} must agree in all axes but ${at}`,
      );
    }
    return apply(gather, [x, indices], { axis: at }) as Tensor<I>;
  },
);

/** The adjoint of {@link takeAlongAxis}: sums elements into `length` places along `axis`, by index. */
export const scatterAddAlongAxis: Defined<
  (updates: Tensor, indices: Tensor, axis: number, length: number) => Tensor,
  (this: Tensor, indices: Tensor, axis: number, length: number) => Tensor
> = define(
  {
    name: "scatterAddAlongAxis",
    family: "routine",
    primitive: scatterAdd as Primitive,
    cases: [
      {
        operands: [{ shape: [3, 2] }, { shape: [3, 2], domain: integers(0, 3) }],
        call: (x, i) => scatterAddAlongAxis(x, i, 1, 4),
      },
      {
        operands: [{ shape: [0] }, { shape: [0], domain: integers(0, 3) }],
        call: (x, i) => scatterAddAlongAxis(x, i, 0, 2),
      },
    ],
    ulp: 4,
    notDifferentiable: null,
  },
  (updates: Tensor, indices: Tensor, axis: number, length: number): Tensor => {
    checkIndices(indices, "scatterAddAlongAxis");
    if (!sameShape(updates.shape, indices.shape)) {
      throw new ShapeError(
        `scatterAddAlongAxis: expected equal shapes, got ${showShape(updates.shape)} and ${showShape(indices.shape)}`,
      );
    }
    return scatter(updates, indices, {
      axis: resolveAxis(axis, updates.rank, "scatterAddAlongAxis"),
      length,
    });
  },
);

/**
 * Whole slices of x along `axis` (default 0), one for each index: the axis is replaced by the shape of the indices.
 * Negative indices count from the end; an index out of range reads NaN (0 for integers).
 *
 * @throws DTypeError unless the indices are integers
 */
export const take: Defined<TakeFunction, TakeMethod> = define(
  composite("take", [
    { operands: [{ shape: [4, 3] }, { shape: [2], domain: integers(0, 3) }], call: (x, i) => take(x, i) },
    {
      operands: [{ shape: [4, 3] }, { shape: [2, 2], domain: integers(0, 2) }],
      call: (x, i) => take(x, i, 1),
    },
    { operands: [{ shape: [4] }, { shape: [], domain: integers(-4, 3) }], call: (x, i) => take(x, i) },
    { operands: [{ shape: [4, 2] }, { shape: [0], domain: integers(0, 3) }], call: (x, i) => take(x, i) },
  ]),
  ((x: Tensor, indices: Tensor, axis = 0): Tensor => {
    checkIndices(indices, "take");
    const at = resolveAxis(axis, x.rank, "take");
    const [before, after] = [x.shape.slice(0, at), x.shape.slice(at + 1)];
    const flat = indices.reshape([...before.map(() => 1), indices.size, ...after.map(() => 1)]);
    const picked = apply(gather, [x, flat.broadcastTo([...before, indices.size, ...after])], { axis: at });
    return picked.reshape([...before, ...indices.shape, ...after]);
  }) as unknown as TakeFunction,
);

/**
 * A new last axis of `classes` elements: 1 (of `dtype`, default float32) at the index, 0 elsewhere. An index out of
 * range gives zeros.
 */
export const oneHot: Defined<OneHotFunction, OneHotMethod> = define(
  composite("oneHot", [
    { operands: [{ shape: [4], domain: integers(0, 2) }], call: (i) => oneHot(i, 3) },
    { operands: [{ shape: [], domain: integers(0, 2) }], call: (i) => oneHot(i, 3) },
  ]),
  ((indices: Tensor, classes: number, { dtype = "float32" }: { readonly dtype?: DType } = {}): Tensor => {
    checkIndices(indices, "oneHot");
    if (!Number.isInteger(classes) || classes < 0)
      throw new ArgumentError(`oneHot: expected a number of classes, got ${classes}`);
    const shape: Shape = [...indices.shape, classes];
    return indices
      .expandDims(-1)
      .eq(iota(shape, -1 + shape.length, { dtype: indices.dtype }) as Tensor)
      .astype(dtype);
  }) as unknown as OneHotFunction,
);

import type { Kernel, StridedView } from "../operation.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import type { Affine } from "./kernel.ts";

/** Where a value is read: the index along each of its axes, as a function of the loops. */
export type IndexMap = readonly Affine[];

/** Reads a value at the loops themselves. */
export const identityMap = (rank: number, loops: number): IndexMap =>
  Array.from({ length: rank }, (_, axis) => ({
    offset: 0,
    strides: Array.from({ length: loops }, (_, loop) => Number(loop === axis)),
  }));

/** `offset + sum of strides[i] * indices[i]`, as a function of the loops. */
export function combineAffine(
  offset: number,
  strides: readonly number[],
  indices: IndexMap,
  loops: number,
): Affine {
  // Maps may be of fewer loops: they do not move along the others.
  let total = offset;
  const result = new Array<number>(loops).fill(0);
  indices.forEach((index, axis) => {
    const stride = strides[axis]!;
    total += stride * index.offset;
    for (let loop = 0; loop < loops; loop++) result[loop]! += stride * (index.strides[loop] ?? 0);
  });
  return { offset: total, strides: result };
}

/** Where the element of a dense array of `shape` stands that an index map reads. */
export const flatIndex = (map: IndexMap, shape: Shape, loops: number): Affine =>
  combineAffine(0, stridesOf(shape), map, loops);

type View = Extract<Kernel, { kind: "view" }>["view"];

/**
 * The index map of a view's operand, given that of its result. The view's own strides answer it: seen on an array
 * whose stride is 1 along one axis and 0 along the others, they are the index along that axis.
 *
 * `null` where the view reinterprets row-major elements (a reshape) and the indices are not affine in the loops.
 */
export function throughView(
  view: View,
  attributes: unknown,
  operand: Shape,
  result: Shape,
  map: IndexMap,
  extents: readonly number[],
): IndexMap | null {
  const isTrivial = map.length === 0 || sizeOf(operand) === 1;
  if (isTrivial && sizeOf(operand) === 1)
    return operand.map(() => ({ offset: 0, strides: extents.map(() => 0) }));
  const indices: Affine[] = [];
  for (let axis = 0; axis < operand.length; axis++) {
    const unit: StridedView = {
      shape: operand,
      strides: operand.map((_, i) => Number(i === axis)),
      offset: 0,
    };
    const seen = view(unit, attributes as never, result);
    if (seen === null) return splitFlatIndex(flatIndex(map, result, extents.length), operand, extents);
    indices.push(combineAffine(seen.offset, seen.strides, map, extents.length));
  }
  return indices;
}

/**
 * The indices along the axes of `shape` of the element at a flat position: each loop's stride belongs to the axis
 * whose own stride divides it. `null` where a loop runs across the border of an axis.
 */
export function splitFlatIndex(flat: Affine, shape: Shape, extents: readonly number[]): IndexMap | null {
  const axisStrides = stridesOf(shape);
  const indices = shape.map(() => ({ offset: 0, strides: extents.map(() => 0) }));
  let rest = flat.offset;
  if (rest < 0) return null;
  for (let axis = 0; axis < shape.length; axis++) {
    indices[axis]!.offset = Math.floor(rest / axisStrides[axis]!);
    rest %= axisStrides[axis]!;
  }
  for (let loop = 0; loop < extents.length; loop++) {
    const stride = flat.strides[loop]!;
    if (stride === 0 || extents[loop] === 1) continue;
    if (stride < 0) return null;
    const axis = axisStrides.findIndex((own, i) => own <= stride && shape[i] !== 1);
    if (axis < 0 || stride % axisStrides[axis]! !== 0) return null;
    indices[axis]!.strides[loop] = stride / axisStrides[axis]!;
  }
  const fits = indices.every(({ offset, strides }, axis) => {
    const last = strides.reduce(
      (sum, stride, loop) => sum + stride * Math.max(0, extents[loop]! - 1),
      offset,
    );
    return last < shape[axis]!;
  });
  return fits ? indices : null;
}

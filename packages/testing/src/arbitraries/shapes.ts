import fc from "fast-check";

/** Which shapes are generated. */
export interface ShapeConstraints {
  /** Default 0. */
  readonly minRank?: number;
  /** Default 4. */
  readonly maxRank?: number;
  /** The smallest dimension; 0 includes shapes without elements. Default 0. */
  readonly min?: number;
  /** The largest dimension. Default 4. */
  readonly max?: number;
}

/** Shapes, scalars and shapes without elements included. */
export function shapes({
  minRank = 0,
  maxRank = 4,
  min = 0,
  max = 4,
}: ShapeConstraints = {}): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { minLength: minRank, maxLength: maxRank });
}

/** Shapes that broadcast together: `count` of them (default 2), and the shape of the result. */
export function broadcastableShapes(
  constraints: ShapeConstraints = {},
  count = 2,
): fc.Arbitrary<{ operands: number[][]; result: number[] }> {
  return shapes(constraints).chain((target) => {
    const operand = fc
      .tuple(
        fc.integer({ min: 0, max: target.length }),
        fc.array(fc.boolean(), { minLength: target.length, maxLength: target.length }),
      )
      .map(([dropped, collapsed]) => target.map((n, i) => (collapsed[i] ? 1 : n)).slice(dropped));
    return fc
      .array(operand, { minLength: count, maxLength: count })
      .map((operands) => ({ operands, result: resultOf(operands) }));
  });
}

/** NumPy's rule, written anew: per axis from the right, the dimension that is not 1. */
function resultOf(operands: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...operands.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const dimensions = operands.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return dimensions.find((n) => n !== 1) ?? 1;
  });
}

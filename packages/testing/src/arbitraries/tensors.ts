import { type DType, type Tensor, tensor } from "@amari/core";
import fc from "fast-check";
import { type ShapeConstraints, shapes } from "./shapes.ts";

/** Which tensors are generated. */
export interface TensorConstraints {
  /** A shape, or which shapes. Default: all of {@link shapes}. */
  readonly shape?: readonly number[] | ShapeConstraints;
  /** Default float64. */
  readonly dtype?: DType;
  /** The least element, for numbers. Default -10, or 0 for uint32. */
  readonly min?: number;
  /** The greatest element, for numbers. Default 10. */
  readonly max?: number;
  /** Whether NaN, the infinities and -0 occur among floats. Default false. */
  readonly special?: boolean;
}

/** Numbers that a tensor of a dtype can hold exactly. */
function elements({
  dtype = "float64",
  min,
  max = 10,
  special = false,
}: TensorConstraints): fc.Arbitrary<number> {
  if (dtype === "bool") return fc.integer({ min: 0, max: 1 });
  if (dtype === "int32" || dtype === "uint32") {
    return fc.integer({ min: min ?? (dtype === "uint32" ? 0 : -10), max });
  }
  // A grid of fractions with few bits: sums and products of a few of them are exact, and counterexamples readable.
  const grid = 2 ** 6;
  const finite = fc.integer({ min: (min ?? -10) * grid, max: max * grid }).map((k) => k / grid + 0);
  if (!special) return finite;
  return fc.oneof({ arbitrary: finite, weight: 3 }, fc.constantFrom(Number.NaN, Infinity, -Infinity, -0));
}

/**
 * Tensors of one dtype, within bounds, with or without special values.
 *
 * @example fc.property(tensors({ shape: [2, 3] }), (x) => expectClose(x.neg().neg(), x))
 */
export function tensors(constraints: TensorConstraints = {}): fc.Arbitrary<Tensor> {
  const { shape, dtype = "float64" } = constraints;
  const shapeArbitrary = Array.isArray(shape)
    ? fc.constant(shape as number[])
    : shapes(shape as ShapeConstraints | undefined);
  return shapeArbitrary.chain((dimensions) => {
    const size = dimensions.reduce((a, b) => a * b, 1);
    return fc
      .array(elements(constraints), { minLength: size, maxLength: size })
      .map((values) => tensor(values, { shape: dimensions, dtype }) as Tensor);
  });
}

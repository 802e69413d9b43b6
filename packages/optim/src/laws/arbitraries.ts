import fc from "fast-check";
import type { Matrix } from "./arrays.ts";

/**
 * Numbers m 2^e with |m| < 1: zero is common, magnitudes reach from 2^-32 to 2^12. Their squares neither underflow nor
 * lose bits when scaled by a power of two.
 */
export const real: fc.Arbitrary<number> = fc
  .tuple(fc.integer({ min: -(2 ** 20), max: 2 ** 20 }), fc.integer({ min: -12, max: 12 }))
  .map(([mantissa, exponent]) => mantissa * 2 ** (exponent - 20));

/** Numbers that are clearly not zero: 2^-6 to 2^6. */
export const nonzero: fc.Arbitrary<number> = fc
  .tuple(fc.integer({ min: 2 ** 19, max: 2 ** 20 }), fc.integer({ min: -5, max: 6 }), fc.boolean())
  .map(([mantissa, exponent, negative]) => (negative ? -1 : 1) * mantissa * 2 ** (exponent - 20));

export const vector = (element: fc.Arbitrary<number>, length: number): fc.Arbitrary<number[]> =>
  fc.array(element, { minLength: length, maxLength: length });

export const matrix = (
  element: fc.Arbitrary<number>,
  rows: number,
  columns: number,
): fc.Arbitrary<number[][]> => fc.array(vector(element, columns), { minLength: rows, maxLength: rows });

/** Parameters and the gradients of a few steps. */
export interface Sample {
  readonly parameters: Matrix;
  readonly gradients: readonly Matrix[];
}

/** Parameters of shape [rows, columns] and gradients of `steps` steps. */
export const sample = (
  rows: number,
  columns: number,
  steps: number,
  element: fc.Arbitrary<number> = real,
): fc.Arbitrary<Sample> =>
  fc.record({
    parameters: matrix(element, rows, columns),
    gradients: fc.array(matrix(element, rows, columns), { minLength: steps, maxLength: steps }),
  });

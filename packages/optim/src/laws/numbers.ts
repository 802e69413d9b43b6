// Arithmetic on plain arrays, for what laws expect.

/** Half the distance from 1 to the next float64: the largest relative error of one rounding. */
export const unitRoundoff: number = 2 ** -53;

export const rms = (x: readonly number[]): number => {
  const largest = Math.max(...x.map(Math.abs), 0);
  if (largest === 0) return 0;
  return largest * Math.sqrt(x.reduce((sum, xi) => sum + (xi / largest) ** 2, 0) / x.length);
};

/** The largest absolute difference of two vectors. */
export const distance = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(...a.map((ai, i) => Math.abs(ai - b[i]!)), 0) : Infinity;

/**
 * The largest distance between corresponding vectors, in units of the largest element of the second list: 0 where both
 * are all zeros, NaN where one has a NaN.
 */
export function relativeDistance(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): number {
  const size = Math.max(...b.flat().map(Math.abs));
  const largest = Math.max(...a.map((ai, i) => distance(ai, b[i]!)));
  return largest === 0 ? 0 : largest / (size === 0 ? 1 : size);
}

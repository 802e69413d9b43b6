/** The middle of the sorted values, or the mean of the two middle ones; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The Euclidean distance of `estimate` from `truth`, relative to the length of `truth`. */
export function relativeError(estimate: readonly number[], truth: readonly number[]): number {
  const difference = Math.hypot(...estimate.map((value, i) => value - truth[i]!));
  return difference / Math.hypot(...truth);
}

/** The median over the elements of estimate / truth. */
export const medianRatio = (estimate: readonly number[], truth: readonly number[]): number =>
  median(estimate.map((value, i) => value / truth[i]!));

/** The ratio estimate / truth that is farthest from 1 on a logarithmic scale. */
export const worstRatio = (estimate: readonly number[], truth: readonly number[]): number =>
  estimate
    .map((value, i) => value / truth[i]!)
    .reduce((worst, ratio) => (Math.abs(Math.log(ratio)) > Math.abs(Math.log(worst)) ? ratio : worst), 1);

/** Pearson's correlation of the logarithms: 1 where the estimate is the truth up to a power law. */
export function logCorrelation(estimate: readonly number[], truth: readonly number[]): number {
  const pairs = estimate
    .map((value, i) => [Math.log(value), Math.log(truth[i]!)] as const)
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  const [meanA, meanB] = [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))];
  const covariance = mean(pairs.map(([a, b]) => (a - meanA) * (b - meanB)));
  const deviation = (i: 0 | 1, center: number) => Math.sqrt(mean(pairs.map((p) => (p[i] - center) ** 2)));
  return covariance / (deviation(0, meanA) * deviation(1, meanB));
}

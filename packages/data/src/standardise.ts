import { type Shape, ShapeError, type Tensor } from "@amari/core";

/** The mean and the standard deviation of each feature. */
export interface FeatureStatistics {
  /** Of shape [features]. */
  readonly mean: Tensor;
  /** Of shape [features]: the root of the mean squared distance from the mean, 1 for a feature that is constant. */
  readonly deviation: Tensor;
}

/**
 * The mean and the standard deviation of each column over all axes but the last.
 *
 * @throws ShapeError for a scalar
 */
export function featureStatistics(x: Tensor): FeatureStatistics {
  if (x.rank === 0)
    throw new ShapeError("featureStatistics: expected features on the last axis, got a scalar");
  const examples = Array.from({ length: x.rank - 1 }, (_, axis) => axis);
  const deviation: Tensor = x.variance(examples).sqrt();
  return { mean: x.mean(examples) as Tensor, deviation: deviation.eq(0).where(1, deviation) };
}

/**
 * `(x - mean) / deviation` for each feature. Give the statistics of the training data for the test data too, else the
 * two are on different scales.
 *
 * @param statistics default those of x itself, after which every feature has mean 0 and variance 1
 * @example
 * const statistics = featureStatistics(train.x);
 * const [a, b] = [standardise(train.x, statistics), standardise(test.x, statistics)];
 * @throws ShapeError where the statistics are of another number of features
 */
export function standardise<S extends Shape>(
  x: Tensor<S>,
  statistics: FeatureStatistics = featureStatistics(x),
): Tensor<S> {
  const features = x.shape.at(-1);
  if (statistics.mean.shape[0] !== features) {
    throw new ShapeError(
      `standardise: x has ${String(features)} features on its last axis, the statistics are of ${statistics.mean.size}`,
    );
  }
  return (x as Tensor).sub(statistics.mean).div(statistics.deviation) as Tensor as Tensor<S>;
}

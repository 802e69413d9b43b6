import { random, type Tensor } from "@amari/core";
import { featureStatistics, iris, standardise, trainTestSplit } from "@amari/data";

/** Inputs and class labels, cut into a part to train on and a part that is only looked at in the end. */
export interface Split {
  /** `[N, 4]` float64, standardised. */
  readonly trainX: Tensor;
  /** `[N]` int32. */
  readonly trainY: Tensor;
  readonly testX: Tensor;
  readonly testY: Tensor;
}

/** The key is fixed, so that the numbers of different seeds are about the same held-out flowers. */
const splitKey = 0;

/**
 * Fisher's iris, two thirds of each species to train on. The features are standardised by the mean and standard deviation
 * of the training part, so nothing of the held-out part enters the training.
 */
export function irisSplit(): Split {
  const { x, y } = iris({ dtype: "float64" });
  const { train, test } = trainTestSplit(
    random.key(splitKey),
    { x: x as Tensor, y: y as Tensor },
    { testShare: 1 / 3, stratifyBy: y },
  );
  const statistics = featureStatistics(train.x as Tensor);
  return {
    trainX: standardise(train.x as Tensor, statistics).realise(),
    trainY: train.y as Tensor,
    testX: standardise(test.x as Tensor, statistics).realise(),
    testY: test.y as Tensor,
  };
}

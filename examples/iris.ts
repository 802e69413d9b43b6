// A small neural network on Fisher's iris: split, standardise, batches, FAdam, held-out accuracy, and how far FAdam's
// estimate of the Fisher information is from the exact one. `pnpm start` does the same thoroughly.

import { batches, featureStatistics, iris, standardise, trainTestSplit } from "@amari/data";
import {
  accuracy,
  applyUpdates,
  crossEntropy,
  fadam,
  fisher,
  jit,
  random,
  type Tensor,
  treeLeaves,
  valueAndGrad,
} from "amari";

const flowers = iris({ dtype: "float64" });
const key = random.key(0);
const { train, test } = trainTestSplit(key, { x: flowers.x, y: flowers.y }, { stratifyBy: flowers.y });
const statistics = featureStatistics(train.x);
const trainX: Tensor = standardise(train.x, statistics);
const testX: Tensor = standardise(test.x, statistics);

const model = fisher.multilayerPerceptron();
let params = fisher.perceptronParameters(random.foldIn(key, 1), [4, 6, 3], { dtype: "float64" });
type Params = typeof params;

const optimizer = fadam({ learningRate: 0.05 });
let state = optimizer.init(params);

const loss = (p: Params, x: Tensor, y: Tensor) => crossEntropy(model.apply(p, x), y).mean() as Tensor<[]>;
const step = jit((p: Params, s: typeof state, x: Tensor, y: Tensor) => {
  const [value, grads] = valueAndGrad(loss)(p, x, y);
  const [updates, next] = optimizer.update(grads, s, p);
  return [applyUpdates(p, updates), next, value] as const;
});

const size = 16;
let value: Tensor | undefined;
for (const batch of batches({ x: trainX, y: train.y }, { size, key, dropLast: true, epochs: 40 })) {
  [params, state, value] = step(params, state, batch.x as Tensor, batch.y as Tensor);
}
console.log(`loss on the last minibatch: ${(await value!.item()).toFixed(4)}`);
console.log(
  `held-out accuracy: ${(100 * (await accuracy(model.apply(params, testX), test.y as Tensor).item())).toFixed(1)}%`,
);

// f averages squared gradients of minibatches, so it is on the scale of F / B.
const exact = fisher.exactFisherDiagonal(model, params, trainX);
const [f, F] = await Promise.all(
  [state.fisher, exact].map(async (tree) => {
    const values = await Promise.all(treeLeaves(tree).map((leaf) => leaf.data()));
    return values.flatMap((leaf) => Array.from(leaf, Number));
  }),
);
const ratios = f!.map((estimate, i) => (estimate * size) / F![i]!).sort((a, b) => a - b);
console.log(
  `FAdam's f times B, relative to the exact Fisher diagonal: median ${ratios[ratios.length >> 1]!.toFixed(2)}`,
);
console.log(
  `  from ${ratios[0]!.toPrecision(2)} to ${ratios.at(-1)!.toPrecision(2)} over ${ratios.length} parameters`,
);

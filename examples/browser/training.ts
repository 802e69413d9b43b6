import { featureStatistics, iris, standardise, trainTestSplit } from "@amari/data";
import {
  accuracy,
  applyUpdates,
  type Backend,
  crossEntropy,
  jit,
  mlp,
  type Optimizer,
  random,
  setDefaultBackend,
  type Tensor,
  tanh,
  valueAndGrad,
} from "amari";

/** What is trained, and how. */
export interface Recipe {
  readonly backend: Backend;
  readonly optimizer: Optimizer;
  readonly hidden: number;
  readonly steps: number;
  /** Ends the training early. */
  readonly signal: AbortSignal;
}

/** What came of a step. */
export interface Step {
  /** The loss before the step. */
  readonly loss: number;
  /** From its start until its loss was read. */
  readonly milliseconds: number;
}

/**
 * Trains a network of one hidden layer on two thirds of the iris flowers, and says after each step how it went. Returns the
 * accuracy on the flowers that were held out.
 */
export async function* train(recipe: Recipe): AsyncGenerator<Step, number> {
  const { backend, optimizer, hidden, steps, signal } = recipe;
  setDefaultBackend(backend);
  const flowers = iris();
  const { train, test } = trainTestSplit(random.key(0), { x: flowers.x, y: flowers.y }, { testShare: 1 / 3 });
  const statistics = featureStatistics(train.x);
  const x = standardise(train.x as Tensor, statistics).realise();
  const y = (train.y as Tensor).realise();
  const model = mlp({ sizes: [4, hidden, 3] as readonly number[], activation: tanh });
  let params = model.init(random.key(1));
  let state = optimizer.init(params);
  const loss = (p: typeof params, x: Tensor, y: Tensor) =>
    crossEntropy(model.apply(p, x) as Tensor, y).mean() as Tensor<[]>;
  const step = jit(
    (p: typeof params, s: typeof state, x: Tensor, y: Tensor) => {
      const [value, gradients] = valueAndGrad(loss)(p, x, y);
      const [updates, next] = optimizer.update(gradients, s, p);
      return [applyUpdates(p, updates), next, value] as const;
    },
    { donate: [0, 1] },
  );
  for (let i = 0; i < steps && !signal.aborted; i++) {
    const start = performance.now();
    let value: Tensor<[]>;
    [params, state, value] = step(params, state, x, y);
    const read = await value.item();
    yield { loss: read, milliseconds: performance.now() - start };
  }
  const held = standardise(test.x as Tensor, statistics);
  return accuracy(model.apply(params, held) as Tensor, test.y as Tensor).item();
}

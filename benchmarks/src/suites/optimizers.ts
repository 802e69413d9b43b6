import { adafactor, adam, adamw, fadafactor, fadam, jit, laprop, mapTree, type Optimizer, sgd } from "amari";
import { classifier } from "../classifier.ts";
import { computed } from "../computed.ts";
import type { BenchmarkCase, BenchmarkSuite } from "../suite.ts";

const learningRate = 1e-3;
const contestants: readonly Optimizer[] = [
  sgd({ learningRate, momentum: 0.9 }),
  adam({ learningRate }),
  adamw({ learningRate }),
  laprop({ learningRate }),
  adafactor({ learningRate }),
  fadam({ learningRate }),
  fadafactor({ learningRate }),
];

const updateOf = (optimizer: Optimizer): BenchmarkCase => ({
  name: optimizer.name,
  prepare: () => {
    const { params } = classifier();
    const gradients = mapTree(params, (leaf) => leaf.mul(0.1).add(0.01).realise());
    const state: unknown = optimizer.init(params);
    const update = jit((g: unknown, s: unknown, p: unknown) => optimizer.update(g as never, s, p));
    return () => computed(update(gradients, state, params));
  },
});

/** The update rules alone. */
export const optimizers: BenchmarkSuite = {
  name: "optimizers",
  about: "One jitted update of each optimizer on the perceptron's 6,922 parameters, float32.",
  budget: { seconds: 0.5, samples: 5 },
  cases: () => contestants.map(updateOf),
};

import {
  adam,
  applyUpdates,
  fadafactor,
  fadam,
  jit,
  type Optimizer,
  sgd,
  type Tensor,
  valueAndGrad,
} from "amari";
import { classifier } from "../classifier.ts";
import { computed } from "../computed.ts";
import type { BenchmarkCase, BenchmarkSuite } from "../suite.ts";

const whole = (name: string, optimizer: Optimizer): BenchmarkCase => ({
  name: `jitted step, ${name}`,
  prepare: () => {
    const { params: initial, x, y, loss } = classifier();
    let params = initial;
    let state: unknown = optimizer.init(params);
    const step = jit(
      (p: unknown, s: unknown, x: Tensor, y: Tensor): [unknown, unknown, Tensor] => {
        const [value, gradients] = valueAndGrad(loss)(p, x, y);
        const [updates, next] = optimizer.update(gradients as never, s, p);
        return [applyUpdates(p, updates), next, value];
      },
      { donate: [0, 1] },
    );
    return () => {
      let value: Tensor;
      [params, state, value] = step(params, state, x, y);
      value.dispose();
    };
  },
});

/** Gradients and whole steps of a small perceptron. */
export const training: BenchmarkSuite = {
  name: "training",
  about: "A perceptron of 6,922 parameters, minibatches of 64, float32.",
  budget: { seconds: 0.7, samples: 5 },
  cases: () => [
    {
      name: "value and gradient, not jitted",
      prepare: () => {
        const { params, x, y, loss } = classifier();
        return () => computed(valueAndGrad(loss)(params, x, y));
      },
    },
    {
      name: "value and gradient, jitted",
      prepare: () => {
        const { params, x, y, loss } = classifier();
        const gradient = jit((p: unknown, x: Tensor, y: Tensor) => valueAndGrad(loss)(p, x, y));
        return () => computed(gradient(params, x, y));
      },
    },
    whole("SGD with momentum", sgd({ learningRate: 1e-3, momentum: 0.9 })),
    whole("Adam", adam({ learningRate: 1e-3 })),
    whole("FAdam", fadam({ learningRate: 1e-3 })),
    whole("FAdafactor", fadafactor({ learningRate: 1e-3 })),
  ],
};

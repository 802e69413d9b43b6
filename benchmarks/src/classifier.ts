import { crossEntropy, mlp, random, type Tensor } from "amari";

const sizes = [32, 64, 64, 10] as const;
const batch = 64;

/** A perceptron of three layers, 6,922 parameters, with a minibatch for it. */
export function classifier(): {
  readonly params: unknown;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly loss: (params: unknown, x: Tensor, y: Tensor) => Tensor<[]>;
} {
  const model = mlp({ sizes, activation: (x) => x.tanh() });
  const key = random.key(0);
  return {
    params: model.init(key),
    x: (random.normal(random.foldIn(key, 1), [batch, sizes[0]]) as Tensor).realise(),
    y: (random.randint(random.foldIn(key, 2), [batch], 0, sizes[3]) as Tensor).realise(),
    loss: (params, x, y) =>
      crossEntropy(model.apply(params as never, x as never) as Tensor, y).mean() as Tensor<[]>,
  };
}

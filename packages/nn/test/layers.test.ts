import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  grad,
  jit,
  mapTrees,
  random,
  ShapeError,
  setDefaultBackend,
  silu,
  type Tensor,
  tanh,
  tensor,
  vmap,
} from "@amari/core";
import { checkGrads } from "@amari/testing";
import { describe, expect, test } from "vitest";
import { crossEntropy, linear, mlp, torchUniform } from "../src/index.ts";

setDefaultBackend(referenceBackend());

const key = random.key(0);
const f64 = { dtype: "float64" } as const;

describe("linear", () => {
  const layer = linear({ inputs: 2, outputs: 3 });
  const params = {
    weight: tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    bias: tensor([0.5, 0, -0.5]),
  };

  test("is x weight + bias along the last axis", () => {
    expect(layer.apply(params, tensor([1, 10])).arraySync()).toEqual([41.5, 52, 62.5]);
    const batch: Tensor = layer.apply(params, tensor([[[1, 0]], [[0, 1]]]));
    expect(batch.arraySync()).toEqual([[[1.5, 2, 2.5]], [[4.5, 5, 5.5]]]);
  });

  test("begins with a zero bias and a weight of the wanted dtype", () => {
    const { weight, bias } = layer.init(key, f64);
    expect([weight.dtype, weight.shape, bias.dtype]).toEqual(["float64", [2, 3], "float64"]);
    expect(bias.arraySync()).toEqual([0, 0, 0]);
    expect(weight.arraySync()).not.toEqual(layer.init(random.key(1), f64).weight.arraySync());
  });

  test("without bias has no bias", () => {
    const plain = linear({ inputs: 2, outputs: 3, bias: false });
    const made = plain.init(key);
    expect(Object.keys(made)).toEqual(["weight"]);
    expect(plain.apply({ weight: params.weight }, tensor([1, 10])).arraySync()).toEqual([41, 52, 63]);
  });

  test("takes the initialiser it is given", () => {
    const { weight } = linear({ inputs: 4, outputs: 3, initialise: torchUniform }).init(key);
    expect(weight.arraySync()).toEqual(torchUniform(key, [4, 3]).arraySync());
  });

  test("maps over examples as over a batch", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const each = vmap((row: Tensor<[2]>) => layer.apply(params, row))(x);
    expect(each.arraySync()).toEqual(layer.apply(params, x).arraySync());
  });

  test("says what does not fit", () => {
    expect(() => linear({ inputs: 0, outputs: 3 })).toThrow(ArgumentError);
    const wrong = tensor([1, 2, 3]) as Tensor;
    expect(() => layer.apply(params, wrong)).toThrow(ShapeError);
  });
});

describe("mlp", () => {
  test("puts the activation between layers and not after the last", () => {
    const model = mlp({ sizes: [2, 2, 1], activation: tanh });
    const one = { weight: tensor([[1, 0], [0, 2]]), bias: tensor([0, 1]) } as const; // biome-ignore format: a matrix
    const two = { weight: tensor([[3], [-4]]), bias: tensor([10]) };
    const y = model.apply([one, two], tensor([0.5, 0.25])).itemSync();
    expect(y).toBeCloseTo(3 * Math.tanh(0.5) - 4 * Math.tanh(1.5) + 10, 5);
  });

  test("gives every layer its own key", () => {
    const [first, second, third] = mlp({ sizes: [3, 3, 3, 3] }).init(key);
    const weights = [first, second, third].map(({ weight }) => JSON.stringify(weight.arraySync()));
    expect(new Set(weights).size).toBe(3);
  });

  test("of two sizes is linear", () => {
    const [only, ...rest] = mlp({ sizes: [4, 3] }).init(key);
    expect(rest).toHaveLength(0);
    expect(only.weight.shape).toEqual([4, 3]);
  });

  test("wants at least two sizes", () => {
    expect(() => mlp({ sizes: [4] })).toThrow(/expected the sizes of inputs, hidden layers and outputs/);
  });

  test("has the derivatives of finite differences, to second order", () => {
    const model = mlp({ sizes: [3, 4, 2], activation: silu });
    const x = random.normal(random.key(2), [5, 3], f64);
    const y = tensor(Int32Array.of(0, 1, 1, 0, 1));
    checkGrads((params) => crossEntropy(model.apply(params, x), y).mean(), [model.init(key, f64)]);
  });

  test("learns exclusive or by gradient descent", () => {
    const model = mlp({ sizes: [2, 8, 2], activation: tanh });
    const x = tensor([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    const y = tensor(Int32Array.of(0, 1, 1, 0));
    type Params = ReturnType<typeof model.init>;
    const loss = (params: Params): Tensor<[]> => crossEntropy(model.apply(params, x), y).mean();
    const step = jit((params: Params): Params => mapTrees((p, g) => p.sub(g), params, grad(loss)(params)));
    let params = model.init(key);
    for (let i = 0; i < 200; i++) params = step(params);
    expect(loss(params).itemSync()).toBeLessThan(0.05);
  });
});

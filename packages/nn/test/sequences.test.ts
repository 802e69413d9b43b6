import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  DTypeError,
  grad,
  jit,
  mapTrees,
  random,
  ShapeError,
  setDefaultBackend,
  type Tensor,
  tensor,
  treeLeaves,
  zeros,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { beforeAll, describe, expect, test } from "vitest";
import {
  crossEntropy,
  dotProductAttention,
  dropout,
  embedding,
  layerNorm,
  lstm,
  selfAttention,
  transformer,
} from "../src/index.ts";

const f64 = { dtype: "float64" } as const;
const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, f64) as Tensor;

describe.each([
  ["reference", referenceBackend],
  ["cpu", cpuBackend],
])("on the %s backend", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend()));

  describe("layerNorm", () => {
    const norm = layerNorm({ size: 4, epsilon: 0 });

    test("gives the last axis mean 0 and variance 1, then scales and shifts", () => {
      const params = { scale: tensor([1, 1, 1, 2]), shift: tensor([0, 0, 10, 0]) };
      const y = norm.apply(params, tensor([[1, 1, 3, 3]]));
      expectClose(y, tensor([[-1, -1, 11, 2]]));
    });

    test("begins as the identity on what is normalised already", () => {
      expectClose(norm.apply(norm.init(), tensor([1, -1, 1, -1])), tensor([1, -1, 1, -1]));
    });

    test("does not see the scale and the shift of its input, but for epsilon", () => {
      const x = normal(1, [3, 4]);
      const params = norm.init(f64);
      expectClose(norm.apply(params, x.mul(7).add(5)), norm.apply(params, x), { absolute: 1e-12 });
      const constant: Tensor = layerNorm({ size: 4 }).apply(params, zeros([3, 4], f64));
      expect(constant.abs().max().itemSync()).toBe(0);
    });

    test("has the derivatives of finite differences", () => {
      const smooth = layerNorm({ size: 4 });
      checkGrads((p, x) => smooth.apply(p, x).sin().sum(), [smooth.init(f64), normal(2, [2, 4])]);
    });

    test("says what does not fit", () => {
      expect(() => norm.apply(norm.init(), tensor([1, 2, 3]) as Tensor)).toThrow(ShapeError);
      expect(() => layerNorm({ size: 0 })).toThrow(ArgumentError);
      expect(() => layerNorm({ size: 2, epsilon: -1 })).toThrow(ArgumentError);
    });
  });

  describe("embedding", () => {
    const table = embedding({ classes: 3, features: 2 });
    const params = { weight: tensor([[1, 2], [3, 4], [5, 6]]) }; // biome-ignore format: a matrix

    test("is a row for each index, of any shape", () => {
      const rows = table.apply(params, tensor([[2, 0]], { dtype: "int32" }));
      expect(rows.arraySync()).toEqual([[[5, 6], [1, 2]]]); // biome-ignore format: a matrix
    });

    test("sends to each row the sum of what its uses want", () => {
      const loss = (p: typeof params): Tensor<[]> =>
        table.apply(p, tensor(Int32Array.of(2, 0, 2))).mul(tensor([1, 10])).sum(); // biome-ignore format: short
      expect(grad(loss)(params).weight.arraySync()).toEqual([[1, 10], [0, 0], [2, 20]]); // biome-ignore format: a matrix
    });

    test("begins with rows of about length 1", () => {
      const { weight } = embedding({ classes: 50, features: 400 }).init(random.key(0), f64);
      const lengths: Tensor = weight.square().sum(1);
      expect(weight.dtype).toBe("float64");
      expect(lengths.min().itemSync()).toBeGreaterThan(0.6);
      expect(lengths.max().itemSync()).toBeLessThan(1.5);
    });

    test("wants integers", () => {
      expect(() => table.apply(params, tensor([1, 2]))).toThrow(DTypeError);
    });
  });

  describe("dropout", () => {
    const key = random.key(3);
    const x = tensor(new Float32Array(4000).fill(3));

    test("zeros the given share and scales the others, so that the mean stays", () => {
      const y = dropout(key, x, { rate: 0.25 });
      const values = [...y.dataSync()];
      expect(new Set(values)).toEqual(new Set([0, 4]));
      // Four standard deviations of 4000 coins.
      expect(Math.abs(values.filter((v) => v === 0).length - 1000)).toBeLessThan(
        4 * Math.sqrt(4000 * 0.1875),
      );
    });

    test("is a function of its key", () => {
      const dropped = dropout(key, x).arraySync();
      expect(dropout(key, x).arraySync()).toEqual(dropped);
      expect(dropout(random.key(4), x).arraySync()).not.toEqual(dropped);
    });

    test("passes the gradient where it passes the value", () => {
      const gradient = grad((x: Tensor<[number]>) => dropout(key, x).sum())(x);
      expect(gradient.mul(3).arraySync()).toEqual(dropout(key, x).arraySync());
    });

    test("at rate 0 is the identity, and refuses rate 1", () => {
      expect(dropout(key, x, { rate: 0 })).toBe(x);
      expect(() => dropout(key, x, { rate: 1 })).toThrow(ArgumentError);
    });
  });

  describe("attention", () => {
    const [q, k, v] = [normal(5, [2, 3, 4]), normal(6, [2, 5, 4]), normal(7, [2, 5, 2])];

    /** Equation 1, one number after the other. */
    function byHand(isSeen: (query: number, key: number) => boolean): number[][][] {
      const [Q, K, V] = [q, k, v].map((x) => x.arraySync() as number[][][]) as [
        number[][][],
        number[][][],
        number[][][],
      ];
      return Q.map((queries, b) =>
        queries.map((query, i) => {
          const weights = K[b]!.map((key, j) =>
            isSeen(i, j) ? Math.exp(query.reduce((sum, x, c) => sum + x * key[c]!, 0) / 2) : 0,
          );
          const total = weights.reduce((a, b) => a + b, 0);
          return V[b]![0]!.map((_, c) => weights.reduce((sum, w, j) => sum + (w / total) * V[b]![j]![c]!, 0));
        }),
      );
    }

    const close = { absolute: 1e-12 };

    test("is softmax(q kᵀ / sqrt(d)) v", () => {
      expectClose(
        dotProductAttention(q, k, v),
        tensor(
          byHand(() => true),
          f64,
        ),
        close,
      );
    });

    test("that is causal sees nothing later; the last query sees all keys", () => {
      const expected = byHand((i, j) => j <= i + 2);
      expectClose(dotProductAttention(q, k, v, { causal: true }), tensor(expected, f64), close);
    });

    test("sees what the mask lets it see", () => {
      const mask = tensor([true, false, true, true, false]);
      const expected = byHand((_, j) => j !== 1 && j !== 4);
      expectClose(dotProductAttention(q, k, v, { mask }), tensor(expected, f64), close);
    });

    test("of one head is the attention of its three projections", () => {
      const layer = selfAttention({ features: 4, heads: 1, bias: false });
      const params = layer.init(random.key(8), f64);
      const x = normal(9, [3, 4]);
      const projected: Tensor = x.matmul(params.input.weight);
      const [a, b, c] = [0, 4, 8].map((at) => projected.slice(null, [at, at + 4])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      expectClose(layer.apply(params, x), dotProductAttention(a, b, c).matmul(params.output.weight), close);
    });

    test("of several heads mixes only the features of each", () => {
      const layer = selfAttention({ features: 4, heads: 2, causal: true });
      const params = layer.init(random.key(8), f64);
      const x = normal(9, [2, 3, 4]);
      const projected: Tensor = x.matmul(params.input.weight).add(params.input.bias as Tensor);
      const part = (which: number, head: number): Tensor => {
        const at = 4 * which + 2 * head;
        return projected.slice(null, null, [at, at + 2]);
      };
      const heads = [0, 1].map((head) =>
        dotProductAttention(part(0, head), part(1, head), part(2, head), { causal: true }),
      ) as [Tensor, Tensor];
      const joined: Tensor = heads[0].pad([[0, 0], [0, 0], [0, 2]]).add(heads[1].pad([[0, 0], [0, 0], [2, 0]])); // biome-ignore format: matrices
      const expected: Tensor = joined.matmul(params.output.weight);
      expectClose(layer.apply(params, x), expected.add(params.output.bias as Tensor), close);
    });

    test("says what does not fit", () => {
      expect(() => selfAttention({ features: 4, heads: 3 })).toThrow(/3 heads do not divide 4 features/);
      const layer = selfAttention({ features: 4, heads: 2 });
      const params = layer.init(random.key(0));
      expect(() => layer.apply(params, zeros([3, 5]) as Tensor)).toThrow(ShapeError);
      expect(() => dotProductAttention(zeros([3]) as Tensor, k, v)).toThrow(ShapeError);
    });
  });

  describe("transformer", () => {
    const model = transformer({ vocabulary: 5, context: 6, features: 4, heads: 2, layers: 2 });
    const params = model.init(random.key(10), f64);
    const tokens = [1, 4, 0, 2, 3, 3];
    const logits = (list: number[]): number[][] =>
      model.apply(params, tensor(Int32Array.from(list))).arraySync() as number[][];

    test("gives logits at each place, for any batch", () => {
      const batch = tensor([[[1, 2]], [[3, 4]], [[0, 0]]], { dtype: "int32" });
      expect(model.apply(params, batch).shape).toEqual([3, 1, 2, 5]);
    });

    test("does not see the future, and sees all of the past", () => {
      const before = logits(tokens);
      tokens.forEach((token, changed) => {
        const after = logits(tokens.with(changed, (token + 1) % 5));
        before.forEach((row, place) => {
          const same = row.every((logit, i) => Math.abs(logit - after[place]![i]!) < 1e-12);
          expect(same).toBe(place < changed);
        });
      });
    });

    test("uses every parameter, with the derivatives of finite differences", () => {
      const small = transformer({ vocabulary: 3, context: 3, features: 2, heads: 1, layers: 1, hidden: 3 });
      const x = tensor(Int32Array.of(1, 0, 2));
      const loss = (p: ReturnType<typeof small.init>): Tensor<[]> =>
        crossEntropy(small.apply(p, x), tensor(Int32Array.of(0, 2, 1))).mean() as Tensor<[]>;
      const initial = small.init(random.key(1), f64);
      checkGrads(loss, [initial], { order: 1 });
      const gradients: readonly Tensor[] = treeLeaves(grad(loss as (p: unknown) => Tensor<[]>)(initial));
      for (const g of gradients) expect(g.abs().max().itemSync()).toBeGreaterThan(0);
    });

    test("refuses sequences longer than its context", () => {
      expect(() => logits([0, 0, 0, 0, 0, 0, 0])).toThrow(ShapeError);
    });
  });

  describe("lstm", () => {
    const layer = lstm({ inputs: 2, features: 3 });
    const params = layer.init(random.key(11), f64);
    const xs = normal(12, [5, 4, 2]);

    test("is the textbook's step", () => {
      const one = lstm({ inputs: 1, features: 1 });
      const [wi, wf, wg, wo] = [0.1, 0.2, 0.3, 0.4];
      const [ui, uf, ug, uo] = [-0.5, 0.6, 0.7, -0.8];
      const p = {
        input: tensor([[wi, wf, wg, wo]], f64),
        recurrent: tensor([[ui, uf, ug, uo]], f64),
        bias: tensor([0, 1, 0, 0], f64),
      };
      const [x, h, c] = [2, 0.3, -0.4];
      const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
      const cell = sigmoid(x * wf + h * uf + 1) * c + sigmoid(x * wi + h * ui) * Math.tanh(x * wg + h * ug);
      const next = one.step(p, { hidden: tensor([h], f64), cell: tensor([c], f64) }, tensor([x], f64));
      expect(next.cell.dataSync()[0]).toBeCloseTo(cell, 12);
      expect(next.hidden.dataSync()[0]).toBeCloseTo(sigmoid(x * wo + h * uo) * Math.tanh(cell), 12);
    });

    test("over a sequence is its steps, from the state it is given", () => {
      const first = { hidden: normal(13, [4, 3]), cell: normal(14, [4, 3]) };
      const [outputs, last] = layer.apply(params, xs, first);
      let state: typeof first = first;
      for (let t = 0; t < 5; t++) {
        state = layer.step(params, state, xs.slice(t));
        expectClose(outputs.slice(t), state.hidden, { absolute: 1e-12 });
      }
      expectClose(last.cell, state.cell, { absolute: 1e-12 });
    });

    test("begins from zeros, in the dtype of the parameters", () => {
      const [outputs] = layer.apply(params, xs);
      expect([outputs.dtype, outputs.shape]).toEqual(["float64", [5, 4, 3]]);
      const [same] = layer.apply(params, xs, layer.initialState([4], f64));
      expectClose(outputs, same);
      expect(params.bias.arraySync()).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    });

    test("has the derivatives of finite differences", () => {
      const loss = (p: typeof params, x: Tensor): Tensor<[]> => {
        const [outputs, { cell }] = layer.apply(p, x);
        return outputs.square().sum().add(cell.sum()) as Tensor<[]>;
      };
      checkGrads(loss, [params, normal(12, [3, 2, 2])], { order: 1 });
    });

    test("says what does not fit", () => {
      expect(() => layer.apply(params, normal(1, [5, 4, 3]))).toThrow(ShapeError);
      expect(() => lstm({ inputs: 2, features: 0.5 })).toThrow(ArgumentError);
    });

    test("learns to remember the first input to the end", () => {
      const memory = lstm({ inputs: 1, features: 4 });
      const signs = tensor(Float32Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 1 : -1)));
      const sequence: Tensor = signs.reshape([1, 16, 1]).pad([[0, 9], [0, 0], [0, 0]]); // biome-ignore format: matrices
      type Params = ReturnType<typeof memory.init>;
      const loss = (p: Params): Tensor<[]> => {
        const [, { hidden }] = memory.apply(p, sequence);
        return hidden.slice(null, 0).sub(signs.mul(0.7)).square().mean() as Tensor<[]>;
      };
      const step = jit((p: Params): Params => mapTrees((p, g) => p.sub(g.mul(0.5)), p, grad(loss)(p)));
      let p = memory.init(random.key(0));
      expect(loss(p).itemSync()).toBeGreaterThan(0.3);
      for (let i = 0; i < 150; i++) p = step(p);
      expect(loss(p).itemSync()).toBeLessThan(0.02);
    });
  });
});

// Amari's workloads, on its public interface.

import { readFileSync } from "node:fs";
import {
  adam,
  applyUpdates,
  crossEntropy,
  grad,
  iota,
  jit,
  type Tensor,
  tensor,
  treeLeaves,
  valueAndGrad,
} from "amari";
import { serve, type Work } from "../serve.ts";
import { checksum, valuesOf } from "../values.ts";
import type { Sizes, Workload } from "../workloads.ts";

type Tensors = Readonly<Record<string, Tensor>>;

function inputsOf({ inputs }: Workload): Tensors {
  const tensors = Object.entries(inputs).map(([name, input]) => {
    const made = tensor(valuesOf(input), { shape: input.shape as number[] }) as Tensor;
    return [name, made.realise()] as const;
  });
  return Object.fromEntries(tensors);
}

const read = (x: Tensor): number[] => checksum(x.dataSync() as Float32Array);

/** A function of tensors, jitted, whose results are freed. */
function kernel(f: (x: Tensors) => unknown, inputs: Tensors): Work {
  const compiled = jit(f as (x: Tensors) => Tensor) as (x: Tensors) => unknown;
  return {
    run: () => {
      for (const leaf of treeLeaves(compiled(inputs))) leaf.dispose();
    },
    check: () => treeLeaves(compiled(inputs)).flatMap(read),
  };
}

/** Steps of Adam on a loss of parameters and a batch. */
function training(
  loss: (params: Tensors, batch: Tensors) => Tensor,
  { params, batch }: { readonly params: Tensors; readonly batch: Tensors },
  { lr, b1, b2, eps }: Sizes,
): Work {
  const optimizer = adam({ learningRate: lr!, beta1: b1!, beta2: b2!, epsilon: eps! });
  let p = params;
  let s: unknown = optimizer.init(p);
  const step = jit(
    (p: Tensors, s: unknown, batch: Tensors): [Tensors, unknown, Tensor] => {
      const [value, grads] = valueAndGrad(loss as (p: Tensors, batch: Tensors) => Tensor<[]>)(p, batch);
      const [updates, state] = optimizer.update(grads, s as never, p);
      return [applyUpdates(p, updates), state, value];
    },
    { donate: [0, 1] },
  ) as (p: Tensors, s: unknown, batch: Tensors) => [Tensors, unknown, Tensor];
  const advance = (): Tensor => {
    let value: Tensor;
    [p, s, value] = step(p, s, batch);
    return value;
  };
  return {
    run: () => advance().dispose(),
    check: () => {
      const losses = Array.from({ length: 21 }, () => (advance() as Tensor<[]>).itemSync());
      return [losses[1]!, losses[20]!];
    },
  };
}

/** Takes the inputs of these names as the batch, the others as parameters. */
function divide(inputs: Tensors, names: readonly string[]) {
  const entries = Object.entries(inputs);
  return {
    params: Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
    batch: Object.fromEntries(entries.filter(([name]) => names.includes(name))),
  };
}

const layerNorm = (x: Tensor, scale: Tensor, shift: Tensor, eps: number): Tensor => {
  const centred: Tensor = x.sub(x.mean(-1, { keepDims: true }));
  const variance: Tensor = centred.square().mean(-1, { keepDims: true });
  return centred.mul(variance.add(eps).rsqrt()).mul(scale).add(shift) as Tensor;
};

const perceptronLoss =
  (layers: number) =>
  (p: Tensors, { x, y }: Tensors): Tensor => {
    let h = x!;
    for (let i = 0; i < layers; i++) {
      const z: Tensor = h.matmul(p[`w${i}`]!).add(p[`b${i}`]!);
      h = i === layers - 1 ? z : (z.relu() as Tensor);
    }
    return crossEntropy(h, y!).mean() as Tensor;
  };

function attention(x: Tensor, qkv: Tensor, out: Tensor, heads: number): Tensor {
  const [batch, length, d] = x.shape as [number, number, number];
  const parts: Tensor = x
    .matmul(qkv)
    .reshape([batch, length, 3, heads, d / heads])
    .permute([2, 0, 3, 1, 4]);
  const [q, k, v] = [0, 1, 2].map((i) => parts.slice(i) as Tensor) as [Tensor, Tensor, Tensor];
  const scores: Tensor = q.matmul(k.permute([0, 1, 3, 2])).mul(1 / Math.sqrt(d / heads));
  const future = iota([length, length], 1).gt(iota([length, length], 0)) as Tensor;
  const weights: Tensor = future.where(Number.NEGATIVE_INFINITY, scores).softmax(-1);
  const mixed: Tensor = weights.matmul(v).permute([0, 2, 1, 3]).reshape([batch, length, d]);
  return mixed.matmul(out) as Tensor;
}

const transformerLoss =
  ({ layers, heads }: Sizes) =>
  (p: Tensors, { tokens, targets }: Tensors): Tensor => {
    let x: Tensor = p["tokenEmbedding"]!.take(tokens!).add(p["positionEmbedding"]!);
    for (let i = 0; i < layers!; i++) {
      const at = (name: string): Tensor => p[`${name}${i}`]!;
      const attended = layerNorm(x, at("norm1Scale"), at("norm1Shift"), 1e-5);
      x = x.add(attention(attended, at("qkv"), at("out"), heads!)) as Tensor;
      const normed = layerNorm(x, at("norm2Scale"), at("norm2Shift"), 1e-5);
      const hidden: Tensor = normed.matmul(at("up")).add(at("upBias")).gelu({ approximate: true });
      x = x.add(hidden.matmul(at("down")).add(at("downBias"))) as Tensor;
    }
    const logits: Tensor = layerNorm(x, p["normScale"]!, p["normShift"]!, 1e-5).matmul(p["head"]!);
    return crossEntropy(logits, targets!).mean() as Tensor;
  };

/** Adam on one tensor, the gradient given. */
function adamOn({ p, g }: Tensors, { lr = 0.001, b1 = 0.9, b2 = 0.999, eps = 1e-8 }: Sizes): Work {
  const optimizer = adam({ learningRate: lr, beta1: b1, beta2: b2, epsilon: eps });
  let parameter = p!;
  let state: unknown = optimizer.init(parameter);
  const step = jit(
    (p: Tensor, s: unknown, g: Tensor): [Tensor, unknown] => {
      const [updates, next] = optimizer.update(g, s as never, p);
      return [applyUpdates(p, updates), next];
    },
    { donate: [0, 1] },
  ) as (p: Tensor, s: unknown, g: Tensor) => [Tensor, unknown];
  const run = (): void => {
    [parameter, state] = step(parameter, state, g!);
  };
  return {
    run,
    check: () => {
      for (let i = 0; i < 3; i++) run();
      return read(parameter);
    },
  };
}

function prepare(workload: Workload): Work {
  const { sizes } = workload;
  const inputs = inputsOf(workload);
  switch (workload.kind) {
    case "matmul":
      return kernel(({ a, b }) => a!.matmul(b!), inputs);
    case "add":
      return kernel(({ x, z }) => x!.add(z!), inputs);
    case "chain":
      return kernel(
        ({ x }) => x!.mul(sizes["a"]!).add(sizes["b"]!).tanh().mul(x!).add(x!.neg().exp()),
        inputs,
      );
    case "sum":
      return kernel(({ x }) => x!.sum(sizes["axis"]!), inputs);
    case "softmax":
      return kernel(({ x }) => x!.softmax(-1), inputs);
    case "layernorm":
      return kernel(({ x, scale, shift }) => layerNorm(x!, scale!, shift!, sizes["eps"]!), inputs);
    case "conv":
      return kernel(({ x, w }) => x!.conv(w!, { padding: sizes["pad"]! }), inputs);
    case "convGradient": {
      const loss = (x: Tensor, w: Tensor) =>
        x.conv(w, { padding: sizes["pad"]! }).square().sum().div(2) as Tensor<[]>;
      const gradients = grad(loss, { argnums: [0, 1] });
      return kernel(({ x, w }) => gradients(x!, w!), inputs);
    }
    case "mlp":
      return training(perceptronLoss(sizes.sizes!.length - 1), divide(inputs, ["x", "y"]), sizes);
    case "transformer":
      return training(transformerLoss(sizes), divide(inputs, ["tokens", "targets"]), sizes);
    case "adam":
      return adamOn(inputs, sizes);
  }
}

const { version } = JSON.parse(
  readFileSync(new URL("../../../packages/amari/package.json", import.meta.url), "utf8"),
);
await serve({ amari: version, node: process.versions.node }, prepare);

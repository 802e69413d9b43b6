// Amari's workloads, on its public interface.

import { readFileSync } from "node:fs";
import { webgpu } from "@amari/backend-webgpu";
import {
  adam,
  applyUpdates,
  crossEntropy,
  grad,
  jit,
  layerNorm,
  mlp,
  profile,
  type StateOf,
  setDefaultBackend,
  type Tensor,
  type TransformerParams,
  tensor,
  transformer,
  treeLeaves,
  valueAndGrad,
} from "amari";
import { type DeviceTimes, serve, type Work } from "../serve.ts";
import { checksum, valuesOf } from "../values.ts";
import type { Sizes, Workload } from "../workloads.ts";

type Tensors = Readonly<Record<string, Tensor>>;

const gpu = process.env["PEER_BACKEND"] === "webgpu" ? await webgpu() : null;
if (gpu !== null) setDefaultBackend(gpu);

/** A run is over when its results are there: at once on the CPU, which is then not made to wait for a promise. */
const finished = (): void | Promise<void> => gpu?.flush();

/** What the device's clock says: of the kernels by themselves, and of runs that nobody waits for. */
const onDevice = (f: (...args: never[]) => unknown, args: () => readonly unknown[], start: () => void) =>
  gpu === null ? {} : { device: () => timeOnDevice(f, args(), start) };

async function timeOnDevice(
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  start: () => void,
): Promise<DeviceTimes> {
  const { milliseconds } = await profile(f as (...args: unknown[]) => unknown, { rounds: 5 })(...args);
  const streams: number[] = [];
  for (let round = 0; round < 3; round++) {
    await gpu!.flush();
    const begin = performance.now();
    for (let i = 0; i < streamed; i++) start();
    await gpu!.flush();
    streams.push((performance.now() - begin) / streamed);
  }
  return { kernels: milliseconds, stream: Math.min(...streams) };
}

/** Runs that follow each other unawaited, where the device is to be kept busy. */
const streamed = 8;

function inputsOf({ inputs }: Workload): Tensors {
  const tensors = Object.entries(inputs).map(([name, input]) => {
    const made = tensor(valuesOf(input), { shape: input.shape as number[] }) as Tensor;
    return [name, made.realise()] as const;
  });
  return Object.fromEntries(tensors);
}

const read = async (x: Tensor): Promise<number[]> => checksum((await x.data()) as Float32Array);

/** A function of tensors, jitted, whose results are freed. */
function kernel(f: (x: Tensors) => unknown, inputs: Tensors): Work {
  const compiled = jit(f as (x: Tensors) => Tensor) as (x: Tensors) => unknown;
  const start = (): void => {
    for (const leaf of treeLeaves(compiled(inputs))) leaf.dispose();
  };
  return {
    run: () => {
      start();
      return finished();
    },
    check: async () => (await Promise.all(treeLeaves(compiled(inputs)).map(read))).flat(),
    ...onDevice(f, () => [inputs], start),
  };
}

/** Steps of Adam on a loss of parameters and a batch. */
function training<P extends object>(
  loss: (params: P, batch: Tensors) => Tensor<[]>,
  initial: P,
  batch: Tensors,
  { lr, b1, b2, eps }: Sizes,
): Work {
  const optimizer = adam({ learningRate: lr!, beta1: b1!, beta2: b2!, epsilon: eps! });
  type State = StateOf<typeof optimizer, P>;
  type Step = (p: P, s: State, batch: Tensors) => [P, State, Tensor<[]>];
  const update: Step = (p, s, batch) => {
    const [value, grads] = valueAndGrad(loss)(p, batch);
    const [updates, state] = optimizer.update(grads as P, s, p);
    return [applyUpdates(p, updates), state, value];
  };
  const step = jit(update, { donate: [0, 1] }) as Step;
  let p = initial;
  let s: State = optimizer.init(p);
  const advance = (): Tensor<[]> => {
    let value: Tensor<[]>;
    [p, s, value] = step(p, s, batch);
    return value;
  };
  const start = (): void => advance().dispose();
  return {
    run: () => {
      start();
      return finished();
    },
    check: async () => {
      const losses: number[] = [];
      for (let i = 0; i < 21; i++) losses.push(await advance().item());
      return [losses[1]!, losses[20]!];
    },
    ...onDevice(update, () => [p, s, batch], start),
  };
}

function perceptron(sizes: Sizes, { x, y, ...inputs }: Tensors): Work {
  const model = mlp({ sizes: sizes.sizes! });
  const params = sizes.sizes!.slice(1).map((_, i) => ({ weight: inputs[`w${i}`]!, bias: inputs[`b${i}`]! }));
  const loss = (p: typeof params, batch: Tensors): Tensor<[]> =>
    crossEntropy(model.apply(p as never, batch["x"]!) as Tensor, batch["y"]!).mean() as Tensor<[]>;
  return training(loss, params, { x: x!, y: y! }, sizes);
}

function languageModel(sizes: Sizes, { tokens, targets, ...inputs }: Tensors): Work {
  const { layers, heads, d, vocab, ctx } = sizes;
  const model = transformer({
    vocabulary: vocab!,
    context: ctx!,
    features: d!,
    heads: heads!,
    layers: layers!,
    attentionBias: false,
  });
  const at = (name: string): never => inputs[name]! as never;
  const params: TransformerParams = {
    tokens: { weight: at("tokenEmbedding") },
    places: { weight: at("positionEmbedding") },
    blocks: Array.from({ length: layers! }, (_, i) => ({
      attentionNorm: { scale: at(`norm1Scale${i}`), shift: at(`norm1Shift${i}`) },
      attention: { input: { weight: at(`qkv${i}`) }, output: { weight: at(`out${i}`) } },
      hiddenNorm: { scale: at(`norm2Scale${i}`), shift: at(`norm2Shift${i}`) },
      up: { weight: at(`up${i}`), bias: at(`upBias${i}`) },
      down: { weight: at(`down${i}`), bias: at(`downBias${i}`) },
    })),
    norm: { scale: at("normScale"), shift: at("normShift") },
    head: { weight: at("head") },
  };
  const loss = (p: TransformerParams, batch: Tensors): Tensor<[]> =>
    crossEntropy(model.apply(p, batch["tokens"]!), batch["targets"]!).mean() as Tensor<[]>;
  return training(loss, params, { tokens: tokens!, targets: targets! }, sizes);
}

/** Adam on one tensor, the gradient given. */
function adamOn({ p, g }: Tensors, { lr = 0.001, b1 = 0.9, b2 = 0.999, eps = 1e-8 }: Sizes): Work {
  const optimizer = adam({ learningRate: lr, beta1: b1, beta2: b2, epsilon: eps });
  let parameter = p!;
  let state: unknown = optimizer.init(parameter);
  type Step = (p: Tensor, s: unknown, g: Tensor) => [Tensor, unknown];
  const update: Step = (p, s, g) => {
    const [updates, next] = optimizer.update(g, s as never, p);
    return [applyUpdates(p, updates), next];
  };
  const step = jit(update, { donate: [0, 1] }) as Step;
  const start = (): void => {
    [parameter, state] = step(parameter, state, g!);
  };
  return {
    run: () => {
      start();
      return finished();
    },
    check: () => {
      for (let i = 0; i < 3; i++) start();
      return read(parameter);
    },
    ...onDevice(update, () => [parameter, state, g!], start),
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
      return kernel(({ x, scale, shift }) => {
        const norm = layerNorm({ size: sizes["cols"]!, epsilon: sizes["eps"]! });
        return norm.apply({ scale: scale! as never, shift: shift! as never }, x!);
      }, inputs);
    case "conv":
      return kernel(({ x, w }) => x!.conv(w!, { padding: sizes["pad"]! }), inputs);
    case "convGradient": {
      const loss = (x: Tensor, w: Tensor) =>
        x.conv(w, { padding: sizes["pad"]! }).square().sum().div(2) as Tensor<[]>;
      const gradients = grad(loss, { argnums: [0, 1] });
      return kernel(({ x, w }) => gradients(x!, w!), inputs);
    }
    case "mlp":
      return perceptron(sizes, inputs);
    case "transformer":
      return languageModel(sizes, inputs);
    case "adam":
      return adamOn(inputs, sizes);
  }
}

const { version } = JSON.parse(
  readFileSync(new URL("../../../packages/amari/package.json", import.meta.url), "utf8"),
);
await serve({ amari: version, node: process.versions.node }, prepare);

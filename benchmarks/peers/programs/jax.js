// The workloads on jax-js: its wasm or WebGPU backend, jitted, with `.ref` wherever a value is used again. No types: the library is
// not among the dependencies of this workspace.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { serve } from "../serve.ts";
import { checksum, valuesOf } from "../values.ts";
import { installWebgpu, onWebgpu } from "./webgpu-in-node.js";

if (onWebgpu) await installWebgpu();

const require = createRequire(`${process.env.PEER_PACKAGES}/package.json`);
const jax = require("@jax-js/jax");
const { numpy: np, nn, lax, tree } = jax;

const toArray = (input) =>
  np.array(valuesOf(input), { dtype: input.kind === "classes" ? np.int32 : np.float32 }).reshape(input.shape);
const inputsOf = ({ inputs }) =>
  Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toArray(input)]));
const read = async (x) => checksum(await x.data());

function kernel(f, inputs) {
  const compiled = jax.jit(f);
  const call = () => compiled(tree.ref(inputs));
  return {
    run: async () => tree.dispose(await jax.blockUntilReady(call())),
    check: async () => (await Promise.all(tree.leaves(call()).map(read))).flat(),
  };
}

/** Adam, whose bias corrections are computed outside of jit. */
function adamUpdate({ lr, b1, b2, eps }) {
  return (p, g, m, v, firstWeight, secondWeight) => {
    const m2 = m.mul(b1).add(g.ref.mul(1 - b1));
    const v2 = v.mul(b2).add(np.square(g).mul(1 - b2));
    const step = m2.ref.div(firstWeight).div(np.sqrt(v2.ref.div(secondWeight)).add(eps));
    return [p.sub(step.mul(lr)), m2, v2];
  };
}

function training(loss, { params, batch }, sizes) {
  const update = adamUpdate(sizes);
  const names = Object.keys(params);
  const zeros = () => Object.fromEntries(names.map((name) => [name, np.zeros(params[name].shape)]));
  let [p, m, v, t] = [params, zeros(), zeros(), 0];
  const step = jax.jit((p, m, v, firstWeight, secondWeight, batch) => {
    const [value, grads] = jax.valueAndGrad(loss)(tree.ref(p), batch);
    const next = [{}, {}, {}];
    for (const name of names) {
      update(p[name], grads[name], m[name], v[name], firstWeight.ref, secondWeight.ref).forEach((x, i) => {
        next[i][name] = x;
      });
    }
    firstWeight.dispose();
    secondWeight.dispose();
    return [...next, value];
  });
  const advance = () => {
    t++;
    let value;
    [p, m, v, value] = step(
      p,
      m,
      v,
      np.array(1 - sizes.b1 ** t),
      np.array(1 - sizes.b2 ** t),
      tree.ref(batch),
    );
    return value;
  };
  return {
    run: async () => {
      const value = advance();
      await jax.blockUntilReady([p, m, v, value]);
      value.dispose();
    },
    check: async () => {
      const losses = [];
      for (let i = 0; i < 21; i++) losses.push((await advance().data())[0]);
      return [losses[1], losses[20]];
    },
  };
}

function divide(inputs, names) {
  const entries = Object.entries(inputs);
  return {
    params: Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
    batch: Object.fromEntries(entries.filter(([name]) => names.includes(name))),
  };
}

const crossEntropy = (logits, labels) => {
  const classes = logits.shape.at(-1);
  return nn.logSoftmax(logits).mul(nn.oneHot(labels, classes)).sum(-1).mean().neg();
};

const layerNorm = (x, scale, shift, epsilon) => nn.standardize(x, -1, { epsilon }).mul(scale).add(shift);

const perceptronLoss =
  (layers) =>
  (p, { x, y }) => {
    let h = x;
    for (let i = 0; i < layers; i++) {
      const z = np.matmul(h, p[`w${i}`]).add(p[`b${i}`]);
      h = i === layers - 1 ? z : nn.relu(z);
    }
    return crossEntropy(h, y);
  };

/** By hand: `nn.dotProductAttention` needs helpers of iterators, which Node 20 lacks. */
function attention(x, qkv, out, heads) {
  const [batch, length, d] = x.shape;
  const [q, k, v] = np
    .split(np.matmul(x, qkv), 3, -1)
    .map((part) => part.reshape([batch, length, heads, d / heads]).transpose([0, 2, 1, 3]));
  const scores = np.matmul(q, np.matrixTranspose(k)).mul(1 / Math.sqrt(d / heads));
  const weights = nn.softmax(np.where(np.tri(length).astype(np.bool), scores, -Infinity), -1);
  const mixed = np.matmul(weights, v).transpose([0, 2, 1, 3]);
  return np.matmul(mixed.reshape([batch, length, d]), out);
}

const transformerLoss =
  ({ layers, heads, vocab }) =>
  (p, { tokens, targets }) => {
    let x = np.matmul(nn.oneHot(tokens, vocab), p.tokenEmbedding).add(p.positionEmbedding);
    for (let i = 0; i < layers; i++) {
      const at = (name) => p[`${name}${i}`];
      const attended = layerNorm(x.ref, at("norm1Scale"), at("norm1Shift"), 1e-5);
      x = x.add(attention(attended, at("qkv"), at("out"), heads));
      const normed = layerNorm(x.ref, at("norm2Scale"), at("norm2Shift"), 1e-5);
      const hidden = nn.gelu(np.matmul(normed, at("up")).add(at("upBias")), { approximate: true });
      x = x.add(np.matmul(hidden, at("down")).add(at("downBias")));
    }
    return crossEntropy(np.matmul(layerNorm(x, p.normScale, p.normShift, 1e-5), p.head), targets);
  };

function adamOn({ p, g }, sizes) {
  const options = { lr: 0.001, b1: 0.9, b2: 0.999, eps: 1e-8, ...sizes };
  const step = jax.jit(adamUpdate(options));
  let state = [p, np.zeros(p.shape), np.zeros(p.shape)];
  let t = 0;
  const run = async () => {
    t++;
    const [p, m, v] = state;
    state = step(p, g.ref, m, v, np.array(1 - options.b1 ** t), np.array(1 - options.b2 ** t));
    await jax.blockUntilReady(state);
  };
  return {
    run,
    check: async () => {
      for (let i = 0; i < 3; i++) await run();
      return read(state[0].ref);
    },
  };
}

function prepare(workload) {
  const { sizes } = workload;
  const inputs = inputsOf(workload);
  const convolve = (x, w) => {
    const padding = [sizes.pad, sizes.pad];
    return lax.conv(x, w, [1, 1], [padding, padding]);
  };
  switch (workload.kind) {
    case "matmul":
      return kernel(({ a, b }) => np.matmul(a, b), inputs);
    case "add":
      return kernel(({ x, z }) => x.add(z), inputs);
    case "chain":
      return kernel(
        ({ x }) => np.tanh(x.ref.mul(sizes.a).add(sizes.b)).mul(x.ref).add(np.exp(x.neg())),
        inputs,
      );
    case "sum":
      return kernel(({ x }) => x.sum(sizes.axis), inputs);
    case "softmax":
      return kernel(({ x }) => nn.softmax(x, -1), inputs);
    case "layernorm":
      return kernel(({ x, scale, shift }) => layerNorm(x, scale, shift, sizes.eps), inputs);
    case "conv":
      return kernel(({ x, w }) => convolve(x, w), inputs);
    case "convGradient": {
      const gradients = jax.grad((x, w) => np.square(convolve(x, w)).sum().div(2), { argnums: [0, 1] });
      return kernel(({ x, w }) => gradients(x, w), inputs);
    }
    case "mlp":
      return training(perceptronLoss(sizes.sizes.length - 1), divide(inputs, ["x", "y"]), sizes);
    case "transformer":
      return training(transformerLoss(sizes), divide(inputs, ["tokens", "targets"]), sizes);
    case "adam":
      return adamOn(inputs, sizes);
  }
}

const device = onWebgpu ? "webgpu" : "wasm";
if (!(await jax.init(device)).includes(device)) throw new Error(`jax-js could not start on ${device}`);
jax.defaultDevice(device);
const manifest = `${process.env.PEER_PACKAGES}/node_modules/@jax-js/jax/package.json`;
await serve({ "@jax-js/jax": JSON.parse(readFileSync(manifest, "utf8")).version }, prepare);

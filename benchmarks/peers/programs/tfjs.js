// The workloads on TensorFlow.js with its wasm backend (SIMD; one thread in Node) or its WebGPU backend. No types: the library is not among the
// dependencies of this workspace.

import { createRequire } from "node:module";
import { serve } from "../serve.ts";
import { checksum, valuesOf } from "../values.ts";
import { installWebgpu, onWebgpu } from "./webgpu-in-node.js";

if (onWebgpu) {
  await installWebgpu();
  // Without a window it does not register its WebGPU backend.
  globalThis.window = globalThis;
}

const backend = onWebgpu ? "webgpu" : "wasm";
const require = createRequire(`${process.env.PEER_PACKAGES}/package.json`);
const tf = require("@tensorflow/tfjs");
require(`@tensorflow/tfjs-backend-${backend}`);

const inputsOf = ({ inputs }) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      tf.tensor(valuesOf(input), input.shape, input.kind === "classes" ? "int32" : "float32"),
    ]),
  );
const read = async (x) => checksum(await x.data());

/** Kernels of the wasm backend are done when the call returns; WebGPU holds some back until it is asked. */
function finished() {
  if (!onWebgpu) return undefined;
  const gpu = tf.backend();
  // What its own reading of a tensor does first.
  if (gpu.commandEncoder) {
    gpu.endComputePassEncoder();
    gpu.submitQueue();
  }
  return gpu.queue.onSubmittedWorkDone();
}

function kernel(f, inputs) {
  const call = () => tf.tidy(() => f(inputs));
  const leaves = (result) => (result instanceof tf.Tensor ? [result] : Object.values(result));
  return {
    run: () => {
      tf.dispose(call());
      return finished();
    },
    check: async () => (await Promise.all(leaves(call()).map(read))).flat(),
  };
}

function training(loss, { params, batch }, { lr, b1, b2, eps }) {
  const optimizer = tf.train.adam(lr, b1, b2, eps);
  const variables = Object.fromEntries(Object.entries(params).map(([name, x]) => [name, tf.variable(x)]));
  const advance = () => optimizer.minimize(() => loss(variables, batch), true);
  return {
    run: () => {
      advance().dispose();
      return finished();
    },
    check: async () => {
      const losses = [];
      for (let i = 0; i < 21; i++) {
        const value = advance();
        losses.push((await value.data())[0]);
        value.dispose();
      }
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

const crossEntropy = (logits, labels, classes) =>
  tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), logits);

function layerNorm(x, scale, shift, eps) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(eps).rsqrt()).mul(scale).add(shift);
}

const perceptronLoss =
  (sizes) =>
  (p, { x, y }) => {
    const layers = sizes.length - 1;
    let h = x;
    for (let i = 0; i < layers; i++) {
      const z = h.matMul(p[`w${i}`]).add(p[`b${i}`]);
      h = i === layers - 1 ? z : z.relu();
    }
    return crossEntropy(h, y, sizes.at(-1));
  };

/** `[..., inputs]` by a matrix: matMul itself does not batch the first operand against one matrix without copies. */
const project = (x, w) => {
  const inputs = x.shape.at(-1);
  return x
    .reshape([-1, inputs])
    .matMul(w)
    .reshape([...x.shape.slice(0, -1), w.shape[1]]);
};

function attention(x, qkv, out, heads) {
  const [batch, length, d] = x.shape;
  const [q, k, v] = tf
    .split(project(x, qkv), 3, -1)
    .map((part) => part.reshape([batch, length, heads, d / heads]).transpose([0, 2, 1, 3]));
  const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(d / heads));
  const positions = tf.range(0, length);
  const future = positions.expandDims(0).greater(positions.expandDims(1));
  const weights = tf.softmax(scores.add(future.cast("float32").mul(-1e9)));
  return project(tf.matMul(weights, v).transpose([0, 2, 1, 3]).reshape([batch, length, d]), out);
}

/** The hyperbolic approximation; tfjs has no gelu. */
const gelu = (x) =>
  x
    .mul(x)
    .mul(x)
    .mul(0.044715)
    .add(x)
    .mul(Math.sqrt(2 / Math.PI))
    .tanh()
    .add(1)
    .mul(x)
    .mul(0.5);

const transformerLoss =
  ({ layers, heads, vocab, d, ctx, batch: rows }) =>
  (p, { tokens, targets }) => {
    // The derivative of gather is missing in this backend.
    const embedded = tf
      .oneHot(tokens.reshape([-1]), vocab)
      .cast("float32")
      .matMul(p.tokenEmbedding);
    let x = embedded.reshape([rows, ctx, d]).add(p.positionEmbedding);
    for (let i = 0; i < layers; i++) {
      const at = (name) => p[`${name}${i}`];
      x = x.add(
        attention(layerNorm(x, at("norm1Scale"), at("norm1Shift"), 1e-5), at("qkv"), at("out"), heads),
      );
      const normed = layerNorm(x, at("norm2Scale"), at("norm2Shift"), 1e-5);
      const hidden = gelu(project(normed, at("up")).add(at("upBias")));
      x = x.add(project(hidden, at("down")).add(at("downBias")));
    }
    const logits = project(layerNorm(x, p.normScale, p.normShift, 1e-5), p.head);
    return crossEntropy(logits.reshape([-1, vocab]), targets.reshape([-1]), vocab);
  };

function adamOn({ p, g }, { lr = 0.001, b1 = 0.9, b2 = 0.999, eps = 1e-8 }) {
  const optimizer = tf.train.adam(lr, b1, b2, eps);
  const variable = tf.variable(p, true, "p");
  const step = () => optimizer.applyGradients({ p: g });
  return {
    run: () => {
      step();
      return finished();
    },
    check: () => {
      for (let i = 0; i < 3; i++) step();
      return read(variable);
    },
  };
}

function prepare(workload) {
  const { sizes } = workload;
  const inputs = inputsOf(workload);
  // tfjs wants the channels last, so the layout is its own: [n, h, w, c] and [kh, kw, c, outputs].
  const convolve = (x, w) => tf.conv2d(x, w, 1, sizes.pad);
  const natural = () => ({ x: inputs.x.transpose([0, 2, 3, 1]), w: inputs.w.transpose([2, 3, 1, 0]) });
  switch (workload.kind) {
    case "matmul":
      return kernel(({ a, b }) => tf.matMul(a, b), inputs);
    case "add":
      return kernel(({ x, z }) => tf.add(x, z), inputs);
    case "chain":
      return kernel(({ x }) => x.mul(sizes.a).add(sizes.b).tanh().mul(x).add(x.neg().exp()), inputs);
    case "sum":
      return kernel(({ x }) => x.sum(sizes.axis), inputs);
    case "softmax":
      return kernel(({ x }) => tf.softmax(x), inputs);
    case "layernorm":
      return kernel(({ x, scale, shift }) => layerNorm(x, scale, shift, sizes.eps), inputs);
    case "conv": {
      const { run } = kernel(({ x, w }) => convolve(x, w), natural());
      const channelsFirst = ({ x, w }) => convolve(x, w).transpose([0, 3, 1, 2]);
      return { run, check: kernel(channelsFirst, natural()).check };
    }
    case "convGradient": {
      const gradients = tf.grads((x, w) => convolve(x, w).square().sum().div(2));
      const { run } = kernel(({ x, w }) => gradients([x, w]), natural());
      const channelsFirst = ({ x, w }) => {
        const [dx, dw] = gradients([x, w]);
        return [dx.transpose([0, 3, 1, 2]), dw.transpose([3, 2, 0, 1])];
      };
      return { run, check: kernel(channelsFirst, natural()).check };
    }
    case "mlp":
      return training(perceptronLoss(sizes.sizes), divide(inputs, ["x", "y"]), sizes);
    case "transformer":
      return training(transformerLoss(sizes), divide(inputs, ["tokens", "targets"]), sizes);
    case "adam":
      return adamOn(inputs, sizes);
  }
}

if (!(await tf.setBackend(backend))) throw new Error(`tfjs could not start its ${backend} backend`);
await tf.ready();
const versions = { "@tensorflow/tfjs": tf.version.tfjs };
await serve(versions, prepare);

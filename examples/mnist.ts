// A small convolutional network learns handwritten digits, or anything else that stands in a pair of IDX files:
// `mnist.ts --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz`. Without files it draws digits of its own.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { batches, gunzip, readIdx, trainTestSplit } from "@amari/data";
import {
  accuracy,
  adam,
  applyUpdates,
  crossEntropy,
  dropout,
  jit,
  linear,
  random,
  type StateOf,
  type Tensor,
  tensor,
  valueAndGrad,
} from "amari";

const { values: options } = parseArgs({
  options: {
    images: { type: "string" },
    labels: { type: "string" },
    epochs: { type: "string", default: "2" },
    batch: { type: "string", default: "64" },
  },
});
const [epochs, size] = [Number(options.epochs), Number(options.batch)];

type Digits = { readonly x: Tensor; readonly y: Tensor };

/** Bytes of a file, unpacked where it is compressed. */
async function read(path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await readFile(path));
  return path.endsWith(".gz") ? gunzip(bytes) : bytes;
}

/** Digits of seven segments, moved about and with noise. */
function drawn(count: number): Digits {
  const segments = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];
  const strokes: Record<string, (i: number, j: number) => boolean> = {
    a: (i, j) => i < 2 && j < 10,
    b: (i, j) => i < 9 && j >= 8 && j < 10,
    c: (i, j) => i >= 8 && i < 17 && j >= 8 && j < 10,
    d: (i, j) => i >= 15 && i < 17 && j < 10,
    e: (i, j) => i >= 8 && i < 17 && j < 2,
    f: (i, j) => i < 9 && j < 2,
    g: (i, j) => i >= 7 && i < 9 && j < 10,
  };
  const [labels, moved] = [
    random.randint(random.key(1), [count], 0, 10),
    random.randint(random.key(2), [count, 2], 2, 10),
  ];
  const [classes, places] = [labels.dataSync(), moved.dataSync()];
  const pixels = new Float32Array(count * 28 * 28);
  for (let n = 0; n < count; n++)
    for (let i = 0; i < 17; i++)
      for (let j = 0; j < 10; j++)
        if (Object.entries(strokes).some(([name, on]) => segments[classes[n]!]!.includes(name) && on(i, j)))
          pixels[(n * 28 + i + places[2 * n]!) * 28 + j + places[2 * n + 1]! + 4] = 1;
  const noise = random.normal(random.key(3), [count, 1, 28, 28]).mul(0.3);
  return { x: tensor(pixels, { shape: [count, 1, 28, 28] }).add(noise), y: labels };
}

const digits: Digits =
  options.images && options.labels
    ? {
        x: readIdx(await read(options.images), { dtype: "float32" })
          .div(255)
          .expandDims(1),
        y: readIdx(await read(options.labels)),
      }
    : drawn(5000);
const { train, test } = trainTestSplit(random.key(4), digits, { testShare: 0.2 });
console.log(`${train.y.size} digits to learn from, ${test.y.size} held out`);

const hidden = linear({ inputs: 16 * 4 * 4, outputs: 64 });
const output = linear({ inputs: 64, outputs: 10 });

/** He's initialisation of a kernel [outputs, inputs, 5, 5]. */
const kernel = (key: Tensor, outputs: number, inputs: number): Tensor =>
  random.normal(key, [outputs, inputs, 5, 5]).mul(Math.sqrt(2 / (25 * inputs)));

const init = (key: Tensor) => {
  const [a, b, c, d] = random.keys(key, 4) as [Tensor, Tensor, Tensor, Tensor];
  return { first: kernel(a, 8, 1), second: kernel(b, 16, 8), hidden: hidden.init(c), output: output.init(d) };
};
type Params = ReturnType<typeof init>;

function logits(p: Params, x: Tensor, key?: Tensor): Tensor {
  const features = x.conv(p.first).relu().maxPool([2, 2]).conv(p.second).relu().maxPool([2, 2]);
  const flat = features.reshape([x.shape[0]!, 16 * 4 * 4]);
  const active: Tensor = hidden.apply(p.hidden, flat as Tensor<[number, 256]>).relu();
  return output.apply(p.output, (key ? dropout(key, active, { rate: 0.3 }) : active) as Tensor<[number, 64]>);
}

const optimizer = adam({ learningRate: 2e-3 });
let params = init(random.key(0));
type State = StateOf<typeof optimizer, Params>;
let state: State = optimizer.init(params);

const step = jit(
  (p: Params, s: State, x: Tensor, y: Tensor, key: Tensor): [Params, State, Tensor<[]>] => {
    const loss = (p: Params) => crossEntropy(logits(p, x, key), y).mean() as Tensor<[]>;
    const [value, gradient] = valueAndGrad(loss)(p);
    const [updates, next] = optimizer.update(gradient, s, p);
    return [applyUpdates(p, updates), next, value];
  },
  { donate: [0, 1] },
);
const score = jit((p: Params, x: Tensor, y: Tensor) => accuracy(logits(p, x), y));

let count = 0;
for (let epoch = 1; epoch <= epochs; epoch++) {
  const begin = performance.now();
  let sum = 0;
  let steps = 0;
  for (const { x, y } of batches(train, { size, key: random.foldIn(random.key(5), epoch), dropLast: true })) {
    const [p, s, value] = step(params, state, x, y, random.foldIn(random.key(6), count++));
    [params, state] = [p, s];
    sum += await value.item();
    steps++;
  }
  const milliseconds = (performance.now() - begin) / steps;
  const right = await score(params, test.x, test.y).item();
  console.log(
    `epoch ${epoch}: loss ${(sum / steps).toFixed(3)}, held out ${(100 * right).toFixed(1)} % right, ${milliseconds.toFixed(1)} ms a step`,
  );
}

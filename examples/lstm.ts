// An LSTM learns to write, letter by letter, over sequences of 200 letters: the loop over time is one `scan`, in both
// directions. The text is this project's own guides, or any file: `lstm.ts --text tinyshakespeare.txt --steps 2000`.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  adam,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  crossEntropy,
  embedding,
  jit,
  type LstmState,
  linear,
  lstm,
  random,
  type StateOf,
  type Tensor,
  tensor,
  valueAndGrad,
} from "amari";

const { values: options } = parseArgs({
  options: {
    text: { type: "string" },
    steps: { type: "string", default: "300" },
    length: { type: "string", default: "200" },
    batch: { type: "string", default: "16" },
    features: { type: "string", default: "128" },
    sample: { type: "string", default: "300" },
  },
});
const [steps, length, batch, features, sampleLength] = [
  options.steps,
  options.length,
  options.batch,
  options.features,
  options.sample,
].map(Number) as [number, number, number, number, number];

const guides = [
  "../README.md",
  "../CONTRIBUTING.md",
  "../docs/architecture.md",
  "../docs/adding-an-operation.md",
];
const packages = ["optim", "fisher", "data", "nn", "testing", "amari"];
const files = [...guides, ...packages.map((name) => `../packages/${name}/README.md`)];
const text =
  options.text === undefined
    ? files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8")).join("\n")
    : readFileSync(options.text, "utf8");

const letters = [...new Set(text)].sort();
const codeOf = new Map(letters.map((letter, i) => [letter, i]));
const codes = Int32Array.from(text, (letter) => codeOf.get(letter)!);
console.log(
  `${codes.length} letters, ${letters.length} different; chance is a loss of ${Math.log(letters.length).toFixed(2)}`,
);

// The model: a vector for each letter, the LSTM, logits for the next letter.
const table = embedding({ classes: letters.length as number, features: 32 });
const layer = lstm({ inputs: 32, features });
const head = linear({ inputs: features, outputs: letters.length as number });

const keys = random.keys(random.key(0), 4) as Tensor[];
const initial = { table: table.init(keys[0]!), layer: layer.init(keys[1]!), head: head.init(keys[2]!) };
type Params = typeof initial;

/** Logits `[time, batch, letters]` for the letter after each of `[time, batch]`. */
const logitsOf = (p: Params, xs: Tensor): Tensor => {
  const [outputs] = layer.apply(p.layer, table.apply(p.table, xs) as Tensor);
  return head.apply(p.head, outputs as never) as Tensor;
};

const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 3e-3 }));
type State = StateOf<typeof optimizer, Params>;
const step = jit(
  (p: Params, s: State, windows: Tensor): [Params, State, Tensor<[]>] => {
    const [xs, ys] = [windows.slice([0, length]), windows.slice([1, length + 1])];
    const loss = (p: Params): Tensor<[]> => crossEntropy(logitsOf(p, xs), ys).mean() as Tensor<[]>;
    const [value, grads] = valueAndGrad(loss)(p);
    const [updates, state] = optimizer.update(grads as Params, s, p);
    return [applyUpdates(p, updates), state, value];
  },
  { donate: [0, 1] },
);

/** Random windows of the text, `[length + 1, batch]`. */
function windowsAt(i: number): Tensor {
  const starts = random.randint(random.foldIn(keys[3]!, i), [batch], 0, codes.length - length).dataSync();
  const windows = Int32Array.from(
    { length: (length + 1) * batch },
    (_, at) => codes[starts[at % batch]! + Math.floor(at / batch)]!,
  );
  return tensor(windows, { shape: [length + 1, batch] }) as Tensor;
}

let p = initial;
let s = optimizer.init(p);
let running = Math.log(letters.length);
const times: number[] = [];
for (let i = 1; i <= steps; i++) {
  const windows = windowsAt(i);
  const start = performance.now();
  let value: Tensor<[]>;
  [p, s, value] = step(p, s, windows);
  const loss = value.itemSync();
  times.push(performance.now() - start);
  running = i === 1 ? loss : 0.9 * running + 0.1 * loss;
  if (i % Math.max(1, Math.round(steps / 10)) === 0) {
    console.log(
      `step ${String(i).padStart(5)} of ${steps}   loss ${running.toFixed(3)}   ${median(times).toFixed(1)} ms a step`,
    );
  }
}

// What it writes: one step at a time, each letter drawn from the logits.
const advance = jit((p: Params, state: LstmState, letter: Tensor, key: Tensor): [LstmState, Tensor] => {
  const next = layer.step(p.layer, state, table.apply(p.table, letter) as Tensor);
  const logits: Tensor = head.apply(p.head, next.hidden as never);
  return [next, random.categorical(key, logits.mul(1.25)) as Tensor];
});
let state = layer.initialState([]);
let letter = tensor(codes[0]!, { dtype: "int32" }) as Tensor;
let written = "";
for (let i = 0; i < sampleLength; i++) {
  [state, letter] = advance(p, state, letter, random.foldIn(random.key(1), i));
  written += letters[letter.itemSync()];
}
console.log(`\n${written}\n`);

const [whole, products] = [Math.min(...times), productsAlone()];
console.log(
  `the fastest step took ${whole.toFixed(1)} ms, its matrix products alone ${products.toFixed(1)} ms: ` +
    `${(whole / products).toFixed(2)} times as much`,
);

/**
 * The fewest milliseconds for the matrix products of a step and nothing else: for each of the steps in time one forward and two
 * backward products with the recurrent matrix, and for all of them at once those of the inputs and of the head.
 */
function productsAlone(): number {
  const normal = (...shape: number[]): Tensor => (random.normal(random.key(2), shape) as Tensor).realise();
  const [hidden, gates, recurrent] = [
    normal(batch, features),
    normal(batch, 4 * features),
    normal(features, 4 * features),
  ];
  const time = (f: (...x: Tensor[]) => Tensor[], ...x: Tensor[]): number => {
    const products = jit(f as (...x: Tensor[]) => []) as unknown as typeof f;
    const samples = Array.from({ length: 100 }, () => {
      const start = performance.now();
      const results = products(...x);
      const elapsed = performance.now() - start;
      for (const result of results) result.dispose();
      return elapsed;
    });
    return Math.min(...samples);
  };
  // Several in one program, so that what a call costs is not counted for each.
  const several = 10;
  const hiddens = Array.from({ length: several }, (_, i) => (hidden.add(i) as Tensor).realise());
  const gatesOf = Array.from({ length: several }, (_, i) => (gates.add(i) as Tensor).realise());
  const recurrentProducts = time(
    (w, ...x) => {
      const [hs, zs] = [x.slice(0, several), x.slice(several)];
      return [
        ...hs.map((h) => h.matmul(w!) as Tensor),
        ...zs.map((z) => z.matmul(w!.matrixTranspose()) as Tensor),
        ...hs.map((h, i) => h.matrixTranspose().matmul(zs[i]!) as Tensor),
      ];
    },
    recurrent,
    ...hiddens,
    ...gatesOf,
  );
  /** A product of all rows with a matrix, and the two of its derivative. */
  const rowsBy = (inputs: number, outputs: number): number =>
    time(
      (x, w, z) =>
        [x!.matmul(w!), z!.matmul(w!.matrixTranspose()), x!.matrixTranspose().matmul(z!)] as Tensor[],
      normal(length * batch, inputs),
      normal(inputs, outputs),
      normal(length * batch, outputs),
    );
  return (recurrentProducts * length) / several + rowsBy(32, 4 * features) + rowsBy(features, letters.length);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

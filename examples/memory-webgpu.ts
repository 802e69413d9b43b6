// Training on WebGPU in flat memory, whether or not anything is awaited. JavaScript's engine does not know what a buffer of
// the device weighs, and collects nothing inside synchronous code.
//
//   npx tsx --conditions=@amari/source examples/memory-webgpu.ts [steps [way ...]]

import { type WebgpuBackend, webgpu } from "@amari/backend-webgpu";
import { watchBuffers } from "@amari/testing";
import {
  adam,
  applyUpdates,
  jit,
  memory,
  random,
  setDefaultBackend,
  type Tensor,
  tensor,
  valueAndGrad,
} from "amari";

const [steps, ways] = [Number(process.argv[2] ?? 1000), process.argv.slice(3)];
const [batch, size] = [16, 256]; // a matrix of 256 KiB, so that what leaks is seen soon
const optimizer = adam({ learningRate: 0.01 });

const start = () => ({ w: random.normal(random.key(0), [size, size]).mul(0.05) as Tensor });
type Params = ReturnType<typeof start>;
type State = ReturnType<typeof optimizer.init<Params>>;

function step(params: Params, state: State, x: Tensor): [Params, State, Tensor] {
  const [loss, gradients] = valueAndGrad((p: Params) => x.matmul(p.w).tanh().square().mean() as Tensor<[]>)(
    params,
  );
  const [updates, next] = optimizer.update(gradients, state, params);
  return [applyUpdates(params, updates), next, loss as Tensor];
}

type Step = typeof step;
const compiled: Step = jit(step);
const donating: Step = jit(step, { donate: [0, 1] });

/** Trains by a step; `after` sees each loss, and may await something. */
const training =
  (run: Step, after: (loss: Tensor, i: number) => void | Promise<unknown>) =>
  async (report: (step: number) => void | Promise<void>): Promise<void> => {
    const x = random.normal(random.key(1), [batch, size]) as Tensor;
    let params = start();
    let state = optimizer.init(params);
    for (let i = 1; i <= steps; i++) {
      let loss: Tensor;
      [params, state, loss] = run(params, state, x);
      const waiting = after(loss, i);
      if (waiting !== undefined) await waiting;
      if (i % Math.ceil(steps / 10) === 0) await report(i);
    }
  };

const kept: Tensor[] = [];

/** What users do. */
const waysToTrain: Readonly<Record<string, ReturnType<typeof training>>> = {
  awaited: training(donating, (loss) => loss.item()),
  "not-awaited": training(donating, () => {}),
  "awaited-naive": training(compiled, (loss) => loss.item()),
  "not-awaited-naive": training(compiled, () => {}),
  // Nothing here is jitted, and each step is computed when the next one needs it.
  eager: training(step, (loss, i) => (i % 50 === 0 ? loss.item() : undefined)),
  "eager-not-awaited": training(step, () => {}),
  "losses-kept-a-while": training(compiled, (loss) => {
    kept.push(loss);
    return kept.length === 100 ? Promise.all(kept.splice(0).map((x) => x.item())) : undefined;
  }),
  "an-error-now-and-then": training(compiled, (loss, i) => {
    if (i % 10 !== 0) return undefined;
    try {
      jit((y: Tensor) => {
        y.add(1);
        throw new RangeError("in the middle of a step");
      })(loss as never);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    // Asks for a product of shapes that do not fit, and for a read that nobody awaits.
    try {
      loss.add(tensor([1, 2, 3])).matmul(tensor([1, 2]) as never);
    } catch {}
    void loss.item();
    return i % 100 === 0 ? loss.item() : undefined;
  }),
};

const backend: WebgpuBackend = await webgpu();
const buffers = watchBuffers(backend.device);
setDefaultBackend(backend);
const { description, isSoftware } = backend.description;
console.log(`${steps} steps on ${description}${isSoftware ? ", in software" : ""}`);
for (const [name, train] of Object.entries(waysToTrain)) {
  if (ways.length > 0 && !ways.includes(name)) continue;
  console.log(`\n${name}\n   step   new buffers   memory there (MB)   live storages   RSS (MB)   heap (MB)`);
  await train(report);
}
await backend.close();

function report(step: number): void {
  const { storages } = memory({ collect: false }); // with those that only wait to be collected
  const { rss, heapUsed } = process.memoryUsage();
  const cells = [
    String(step).padStart(7),
    String(buffers.live).padStart(14),
    (backend.memoryBytes / 2 ** 20).toFixed(0).padStart(20),
    String(storages).padStart(16),
    (rss / 2 ** 20).toFixed(0).padStart(11),
    (heapUsed / 2 ** 20).toFixed(1).padStart(12),
  ];
  console.log(cells.join(""));
}

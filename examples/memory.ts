// A naive loop: no jit, no dispose, the state is overwritten at every step. Memory stays flat, in synchronous code too.

import { iris } from "@amari/data";
import {
  applyUpdates,
  collectGarbage,
  crossEntropy,
  memory,
  random,
  sgd,
  tensor,
  valueAndGrad,
  zeros,
} from "amari";

const steps = Number(process.argv[2] ?? 100_000);
const { x, y } = iris();
const batchX = x.slice([0, 150, 10]); // every tenth flower, so that the loop takes seconds
const batchY = y.slice([0, 150, 10]);
const optimizer = sgd({ learningRate: 0.05, momentum: 0.9 });

let params = { w: random.normal(random.key(0), [4, 3]).mul(0.1), b: zeros([3]) };
let state = optimizer.init(params);
let loss = tensor(0);
const lossOf = (p: typeof params) => crossEntropy(batchX.matmul(p.w).add(p.b), batchY).mean();

console.log("   step   RSS (MB)   heap (MB)   live storages   live bytes   loss");
for (let step = 1; step <= steps; step++) {
  const [value, grads] = valueAndGrad(lossOf)(params);
  const [updates, next] = optimizer.update(grads, state, params);
  params = applyUpdates(params, updates);
  state = next;
  loss = value;
  if (step % Math.ceil(steps / 10) === 0) report(step);
}

function report(step: number): void {
  collectGarbage(); // only so that what is counted is what is in use; the loop does not need it
  const { storages, bytes } = memory();
  const { rss, heapUsed } = process.memoryUsage();
  const cells = [
    String(step).padStart(7),
    (rss / 2 ** 20).toFixed(0).padStart(11),
    (heapUsed / 2 ** 20).toFixed(1).padStart(12),
    String(storages).padStart(16),
    String(bytes).padStart(13),
    loss.itemSync().toFixed(4).padStart(9),
  ];
  console.log(cells.join(""));
}

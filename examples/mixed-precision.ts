import { iris } from "@amari/data";
import {
  adam,
  applyUpdates,
  crossEntropy,
  jit,
  mapTree,
  mapTrees,
  random,
  type StateOf,
  type Tensor,
  tensor,
  treeLeaves,
  valueAndGrad,
  where,
  zeros,
} from "amari";

// The weights stay float32, since float16 would lose small updates: 1 + 2^-11 is 1. What is large, the layers' inputs
// and results, is float16 and takes half of the memory. The gradient of a cast is a cast: the gradients are float32.
const { x, y } = iris();
const key = random.key(0);
const initial = {
  w1: random.normal(random.foldIn(key, 1), [4, 32]).mul(0.3) as Tensor,
  b1: zeros([32]) as Tensor,
  w2: random.normal(random.foldIn(key, 2), [32, 3]).mul(0.2) as Tensor,
  b2: zeros([3]) as Tensor,
};
type Params = typeof initial;

function loss(params: Params, features: Tensor, labels: Tensor, scale: Tensor): Tensor<[]> {
  const p = mapTree(params, (w) => w.astype("float16") as Tensor);
  const hidden = features.astype("float16").matmul(p.w1).add(p.b1).tanh() as Tensor;
  const logits = hidden.matmul(p.w2).add(p.b2) as Tensor;
  return crossEntropy(logits, labels).mean().astype("float32").mul(scale) as Tensor as Tensor<[]>;
}

const optimizer = adam({ learningRate: 1e-2 });

// Gradients below 2^-24 would be 0 in float16, so the loss is scaled up, and the gradients down again in float32. Where one
// overflows the step is left out and the scale halved; as long as none does, it slowly grows.
const step = jit(
  (p: Params, s: StateOf<typeof optimizer, Params>, scale: Tensor, features: Tensor, labels: Tensor) => {
    const [value, scaled] = valueAndGrad(loss)(p, features, labels, scale);
    const gradients = mapTree(scaled, (g) => g.div(scale) as Tensor);
    const isFinite = treeLeaves(gradients)
      .map((g) => g.isFinite().all() as Tensor)
      .reduce((a, b) => a.logicalAnd(b) as Tensor);
    const [updates, next] = optimizer.update(gradients, s, p);
    const keep = <T>(after: T, before: T): T => mapTrees((a, b) => where(isFinite, a, b), after, before) as T;
    const nextScale = where(isFinite, scale.mul(1.01), scale.div(2)) as Tensor;
    return [keep(applyUpdates(p, updates), p), keep(next, s), nextScale, value.div(scale), isFinite] as const;
  },
);

let p = initial;
let s = optimizer.init(p);
let scale: Tensor = tensor(2 ** 20) as Tensor;
let left = 0;
let value: Tensor = tensor(0) as Tensor;
for (let i = 0; i < 300; i++) {
  let isFinite: Tensor;
  [p, s, scale, value, isFinite] = step(p, s, scale, x as Tensor, y as Tensor);
  if ((await isFinite.item()) === 0) left++;
}
console.log("loss after 300 steps:", await value.item());
console.log("steps left out:", left, "and the scale at the end:", Math.round(await scale.item()));

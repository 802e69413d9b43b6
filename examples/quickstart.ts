import { iris } from "@amari/data";
import {
  applyUpdates,
  crossEntropy,
  fadam,
  jit,
  random,
  type StateOf,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "amari";

const { x, y } = iris(); // Tensor<[150, 4]>, Tensor<[150]>
const key = random.key(0);
const initial = { w: random.normal(key, [4, 3]), b: zeros([3]) }; // a tree: plain objects, arrays, tensors
type Params = typeof initial;

// A wrong shape is a compile-time error.
function loss(p: Params, x: Tensor<[150, 4]>, y: Tensor<[150]>) {
  return crossEntropy(x.matmul(p.w).add(p.b), y).mean();
}

const optimizer = fadam({ learningRate: 1e-2 });
const step = jit(
  (p: Params, s: StateOf<typeof optimizer, Params>, x: Tensor<[150, 4]>, y: Tensor<[150]>) => {
    const [value, grads] = valueAndGrad(loss)(p, x, y);
    const [updates, state] = optimizer.update(grads, s, p);
    return [applyUpdates(p, updates), state, value] as const;
  },
  { donate: [0, 1] },
);

let p = initial;
let s = optimizer.init(p);
let value: Tensor<[]> = tensor(0);
for (let i = 0; i < 500; i++) [p, s, value] = step(p, s, x, y); // no dispose, no tidy: memory stays flat
console.log("loss after 500 steps:", await value.item());

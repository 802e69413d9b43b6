import { grad, jit, mapTree, type Tensor, tensor, valueAndGrad, vmap, zeros } from "@amari/core";
import { describe, expect, test } from "vitest";
import {
  adafactor,
  adafactorAsPrinted,
  adam,
  adamAsPrinted,
  adamw,
  addDecayedWeights,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  clipByRms,
  cosineDecay,
  fadafactor,
  fadam,
  laprop,
  type Optimizer,
  type StateOf,
  scaleByLearningRate,
  sgd,
  skipNonFinite,
  traceMomentum,
  warmup,
} from "../src/index.ts";
import { relativeDistance } from "../src/laws/numbers.ts";
import { problems } from "./problems.ts";
import { f64, values } from "./setup.ts";

const learningRate = 0.05;
const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate, momentum: 0.9, dampening: 0.1, weightDecay: 0.01 }),
  adam: adam({ learningRate: cosineDecay(learningRate, 10), amsgrad: "corrected" }),
  adamw: adamw({ learningRate }),
  laprop: laprop({ learningRate }),
  fadam: fadam({ learningRate: warmup(3, learningRate) }),
  "fadam, rho = 1": fadam({ learningRate, rho: 1, momentumBias: true }),
  fadafactor: fadafactor({ learningRate }),
  adafactor: adafactor({ learningRate, weightDecay: 0.01 }),
  adamAsPrinted: adamAsPrinted({ learningRate }),
  adafactorAsPrinted: adafactorAsPrinted({ learningRate }),
  chain: chain(
    clipByGlobalNorm(1),
    clipByRms(0.5),
    addDecayedWeights(0.1),
    traceMomentum({ decay: 0.9, nesterov: true }),
    scaleByLearningRate(learningRate),
  ),
  skipNonFinite: skipNonFinite(fadam({ learningRate })),
};

const { soft } = problems as { soft: (typeof problems)[string] };
const weights = soft.theta0;
const bias = f64([0.1, -0.2, 0.3]);
type Params = { w: Tensor; b: Tensor };
const initial: Params = { w: weights, b: bias };

const loss = ({ w, b }: Params, x: Tensor): Tensor<[]> =>
  x.matmul(w).add(b).tanh().square().mean() as Tensor<[]>;
const inputs = (scale: number): Tensor =>
  f64([
    [1, 0.5, -0.25],
    [-0.5, 2, 0.75],
  ]).mul(scale);

/** A step of training as a user writes it, and how often it was traced. */
function trainingStep(optimizer: Optimizer) {
  const traces = { count: 0 };
  const step = (params: Params, state: unknown, x: Tensor) => {
    traces.count++;
    const [value, gradients] = valueAndGrad(loss)(params, x);
    const [updates, next] = optimizer.update(gradients, state, params);
    return [applyUpdates(params, updates), next, value] as const;
  };
  return { step, traces };
}

const flat = ({ w, b }: Params): number[] => [...values(w), ...values(b)];

describe.each(Object.entries(optimizers))("%s", (_, optimizer) => {
  test("inside jit, with its state donated: traced once for all steps, and the numbers are those without jit", () => {
    const { step, traces } = trainingStep(optimizer);
    const compiled = jit(step, { donate: [0, 1] });
    let [plain, fast]: [Params, Params] = [initial, mapTree(initial, (leaf) => leaf.mul(1))];
    let [plainState, fastState]: [unknown, unknown] = [optimizer.init(initial), optimizer.init(initial)];
    for (let t = 1; t <= 4; t++) {
      const before = traces.count;
      [fast, fastState] = compiled(fast, fastState, inputs(t));
      expect(traces.count - before).toBe(t === 1 ? 1 : 0);
      [plain, plainState] = step(plain, plainState, inputs(t));
    }
    expect(flat(fast)).toEqual(flat(plain));
  });

  test("under vmap: a batch of learning problems goes the way that each goes alone", () => {
    const { step } = trainingStep(optimizer);
    const twoSteps = (params: Params, x: Tensor) => {
      const [first, state] = step(params, optimizer.init(params), x);
      return step(first, state, x)[0];
    };
    const scales = [0.5, 1, 3];
    const batch: Params = mapTree(
      initial,
      (leaf) => f64(scales.map((s) => leaf.mul(s).arraySync() as number[])) as Tensor,
    );
    const x = f64(scales.map((s) => inputs(s).arraySync() as number[][]));
    const together = (vmap(twoSteps) as unknown as typeof twoSteps)(batch, x);
    scales.forEach((s, i) => {
      const alone = twoSteps(
        mapTree(initial, (leaf) => leaf.mul(s)),
        inputs(s),
      );
      const part = mapTree(together, (leaf) => leaf.slice(i));
      // Only the order of sums in matmul and mean may differ.
      expect(relativeDistance([flat(part)], [flat(alone)])).toBeLessThanOrEqual(1e-14);
    });
  });

  test("under grad: the derivative of the loss after two steps is that of differences", () => {
    const { step } = trainingStep(optimizer);
    const after = (scale: Tensor): Tensor<[]> => {
      const params = mapTree(initial, (leaf) => leaf.mul(scale));
      const [first, state] = step(params, optimizer.init(params), inputs(1));
      return loss(step(first, state, inputs(2))[0], inputs(1));
    };
    const at = 1.25;
    const h = 1e-5;
    const derivative = grad(after)(f64(at) as Tensor<[]>).itemSync();
    const difference = (after(f64(at + h)).itemSync() - after(f64(at - h)).itemSync()) / (2 * h);
    // Central differences: h^2 / 6 times a third derivative of order 10, and u / h = 1e-11.
    expect(Math.abs(derivative - difference)).toBeLessThanOrEqual(1e-8);
  });

  test("in float32 ten steps agree with float64 to 1e-5, and the state has the dtype of the parameters", () => {
    const { step } = trainingStep(optimizer);
    const run = (dtype: "float32" | "float64") => {
      let params: Params = mapTree(initial, (leaf) => leaf.astype(dtype));
      let state: unknown = optimizer.init(params);
      for (let t = 1; t <= 10; t++) [params, state] = step(params, state, inputs(1 + 1 / t).astype(dtype));
      for (const leaf of [params.w, params.b]) expect(leaf.dtype).toBe(dtype);
      mapTree(state, (leaf) => expect(["int32", dtype]).toContain(leaf.dtype));
      return flat(params);
    };
    expect(relativeDistance([run("float32")], [run("float64")])).toBeLessThanOrEqual(1e-5);
  });

  test("the first step at a gradient of zero has a finite derivative", () => {
    const size = (g: Tensor): Tensor<[]> => {
      const [updates] = optimizer.update({ p: g }, optimizer.init({ p: weights }), { p: weights });
      return updates.p.sum() as Tensor<[]>;
    };
    const derivative = grad(size)(zeros([3, 3], { dtype: "float64" }) as Tensor);
    // AdafactorAsPrinted divides by the root of 1e-30, which is large and yet finite.
    for (const d of values(derivative)) expect(Number.isFinite(d)).toBe(true);
  });
});

describe("a state", () => {
  test("is a tree of tensors, counts its steps as an int32 scalar, and has a static type", () => {
    const optimizer = fadam({ learningRate });
    const params = { w: zeros([2, 3]), layers: [zeros([4])] };
    const state: StateOf<typeof optimizer, typeof params> = optimizer.init(params);
    const shape: readonly [2, 3] = state.momentum.w.shape;
    expect(shape).toEqual([2, 3]);
    expect([state.count.dtype, state.count.shape]).toEqual(["int32", []]);
    const [updates, next] = optimizer.update(params, state, params);
    expect(next.count.itemSync()).toBe(1);
    expect(updates.layers[0]!.shape).toEqual([4]);
  });

  test("of a chain is the list of the states of its parts", () => {
    const optimizer = chain(traceMomentum({ decay: 0.9 }), scaleByLearningRate(0.1));
    const params = { w: zeros([2]) };
    const state: StateOf<typeof optimizer, typeof params> = optimizer.init(params);
    expect(state[0].velocity.w.shape).toEqual([2]);
    expect(state[1].count.itemSync()).toBe(0);
  });

  test("keeps the dtype of each parameter, float32 beside float64", () => {
    const optimizer = fadam({ learningRate });
    const params = { a: tensor([1, 2]), b: f64([1, 2]) };
    const [updates, state] = optimizer.update(params, optimizer.init(params), params);
    expect([updates.a.dtype, updates.b.dtype]).toEqual(["float32", "float64"]);
    expect([state.fisher.a.dtype, state.momentum.b.dtype]).toEqual(["float32", "float64"]);
  });

  test.each([[[]], [[3]], [[2, 3]], [[2, 3, 2]], [[2, 1, 3, 2]]])(
    "of FAdafactor fits parameters of shape %j, which it moves",
    (shape: number[]) => {
      const optimizer = fadafactor({ learningRate });
      const parameter = zeros(shape, { dtype: "float64" }).add(1) as Tensor;
      const [update, state] = optimizer.update(parameter, optimizer.init(parameter), parameter);
      expect(update.shape).toEqual(shape);
      for (const x of values(update)) expect(x).toBeCloseTo(-learningRate * (0.1 + 1e-3), 9);
      const fisher = state.fisher as Tensor | { rows: Tensor; columns: Tensor };
      if (shape.length < 2) expect((fisher as Tensor).shape).toEqual(shape);
      else {
        const { rows, columns } = fisher as { rows: Tensor; columns: Tensor };
        expect(rows.shape).toEqual(shape.slice(0, -1));
        expect(columns.shape).toEqual([...shape.slice(0, -2), shape.at(-1)]);
      }
    },
  );

  test("the injected Fisher diagonal is an argument like any other: jit traces once for all its values", () => {
    const optimizer = fadam({ learningRate, fisher: "injected", rho: 1, beta1: 0, beta2: 0 });
    let traces = 0;
    const step = jit((g: Tensor, fisherDiagonal: Tensor, p: Tensor) => {
      traces++;
      return optimizer.update(g, optimizer.init(p), p, { fisherDiagonal })[0];
    });
    const [a, b] = [2, 4].map((f) => values(step(f64([1]), f64([f]), f64([0])))[0]!);
    expect(traces).toBe(1);
    expect(a! / b!).toBeCloseTo(2, 6);
  });
});

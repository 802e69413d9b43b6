import { setFlagsFromString } from "node:v8";
import {
  collectGarbage,
  grad,
  jit,
  memory,
  OutOfMemoryError,
  setMemoryBudget,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from "@amari/core";
import { expectClose } from "@amari/testing";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { f64 } from "./support.ts";

const defaultBudget = 2 ** 30;
afterEach(() => setMemoryBudget(defaultBudget));

/** Softmax regression on a handful of points, with momentum written by hand: the naive loop. */
const x = f64([
  [1, 0.2],
  [0.9, -0.3],
  [-1, 0.4],
  [-0.8, -0.1],
]);
const labels = f64([
  [1, 0],
  [1, 0],
  [0, 1],
  [0, 1],
]);

const loss = (w: Tensor): Tensor => x.matmul(w).logSoftmax().mul(labels).sum().mul(-0.25) as Tensor;

interface State {
  readonly w: Tensor;
  readonly momentum: Tensor;
}

const zero = (): Tensor =>
  f64([
    [0, 0],
    [0, 0],
  ]);
const start = (): State => ({ w: zero(), momentum: zero() });

function momentumStep({ w, momentum }: State): State {
  const [, gradient] = valueAndGrad(loss)(w);
  const next = momentum.mul(0.9).add(gradient) as Tensor;
  return { w: w.sub(next.mul(0.01)) as Tensor, momentum: next };
}

describe("loops run in flat memory", () => {
  it("a naive loop of 20,000 steps that reads nothing", () => {
    let state = start();
    const warm = 200;
    for (let i = 0; i < warm; i++) state = momentumStep(state);
    const before = memory();
    let most = 0;
    for (let i = 0; i < 20_000 - warm; i++) {
      state = momentumStep(state);
      if (i % 5_000 === 0) most = Math.max(most, memory().storages);
    }
    expect(most).toBeLessThanOrEqual(before.storages + 20);
    expect(memory().bytes).toBeLessThanOrEqual(before.bytes + 4096);
    expect(loss(state.w).itemSync()).toBeLessThan(0.01);
  }, 60_000);

  it("a jitted loop that donates, without any collection", () => {
    const step = jit(momentumStep, { donate: [0] });
    let state = step(step(start()));
    const before = memory().storages;
    for (let i = 0; i < 5_000; i++) state = step(state);
    // Nothing is collected before this count: donation alone keeps it flat.
    expect(memory({ collect: false }).storages).toBeLessThanOrEqual(before + 2);
    expect(loss(state.w).itemSync()).toBeLessThan(0.1);
  });

  it("an accumulator of 100,000 additions", () => {
    const before = memory().storages;
    let sum = f64(0);
    for (let i = 0; i < 100_000; i++) sum = sum.add(1);
    expectClose(sum, f64(100_000));
    expect(memory().storages).toBeLessThanOrEqual(before + 2);
  });

  it("states that are immutable objects with methods, which stand on the stacks that were captured", () => {
    // The compiler in V8's background holds some of the last objects that the code it compiles has seen, until it is done.
    setFlagsFromString("--no-opt");
    onTestFinished(() => setFlagsFromString("--opt"));
    class Model {
      readonly w: Tensor;
      constructor(w: Tensor) {
        this.w = w;
      }
      next(): Model {
        return new Model(this.w.mul(0.5).realise() as Tensor);
      }
    }
    const before = memory().storages;
    let model = new Model(f64([1, 2]));
    for (let i = 0; i < 200; i++) model = model.next();
    expect(memory().storages).toBeLessThanOrEqual(before + 2);
    expectClose(model.w, f64([2 ** -200, 2 ** -199]));
  });

  it("a running average that is read now and then does not compute its history again", () => {
    let average = f64(0);
    for (let i = 0; i < 3_000; i++) {
      average = average.mul(0.99).add(0.01);
      if (i % 10 === 0) average.itemSync();
    }
    expectClose(average, f64(1), { absolute: 1e-10 });
  });
});

describe("results of a call are computed together", () => {
  it("reading the loss stores the gradients of the same run", () => {
    const [value, gradient] = valueAndGrad(loss)(start().w);
    expect(value.node.storage).toBeNull();
    value.itemSync();
    expect(gradient.node.storage).not.toBeNull();
  });

  it("a realised result lets go of its inputs", () => {
    const y = f64([1, 2]).mul(3);
    expect(y.node.inputs.length).toBe(2);
    y.realise();
    expect(y.node.inputs.length).toBe(0);
  });

  it("a value read inside grad keeps its history until the call is over", () => {
    let inside!: Tensor;
    const g = grad((v: Tensor) => {
      inside = v.square() as Tensor;
      inside.itemSync();
      expect(inside.node.inputs.length).toBeGreaterThan(0);
      return inside;
    })(f64(3));
    expectClose(g, f64(6));
    expect(inside.node.inputs.length).toBe(0);
  });

  it("a throw inside grad lets go of the history too", () => {
    let inside!: Tensor;
    const call = grad((v: Tensor): Tensor => {
      inside = v.square() as Tensor;
      inside.itemSync();
      throw new Error("stop");
    });
    expect(() => call(f64(3))).toThrow("stop");
    expect(inside.node.inputs.length).toBe(0);
  });
});

describe("the valve", () => {
  const blockBytes = 2 ** 14;
  const block = (): Tensor => (zeros([blockBytes / 4]) as Tensor).add(1).realise();

  it("frees what is unreachable inside synchronous code", () => {
    collectGarbage();
    const before = memory().bytes;
    (() => {
      for (let i = 0; i < 8; i++) block();
    })();
    expect(memory({ collect: false }).bytes).toBeGreaterThanOrEqual(before + 8 * blockBytes);
    expect(collectGarbage()).toBe(true);
    expect(memory({ collect: false }).bytes).toBeLessThan(before + 2 * blockBytes);
  });

  it("keeps a loop within its budget that allocates many times as much", () => {
    setMemoryBudget(32 * blockBytes);
    let most = 0;
    for (let i = 0; i < 100; i++) {
      block();
      most = Math.max(most, memory({ collect: false }).bytes);
    }
    expect(most).toBeLessThanOrEqual(32 * blockBytes);
  });

  it("throws where what is held exceeds the budget, listing what holds it", () => {
    setMemoryBudget(8 * blockBytes);
    const held: Tensor[] = [];
    const fill = () => {
      for (let i = 0; i < 20; i++) held.push(block());
    };
    expect(fill).toThrow(OutOfMemoryError);
    expect(fill).toThrow(
      /memory budget of 131072 bytes[\s\S]*bytes in \d+ storages made at[\s\S]*setMemoryBudget/,
    );
    expect(held.length).toBeGreaterThanOrEqual(6);
  });

  it("dispose and using free at once", () => {
    const before = memory().bytes;
    const held = block();
    {
      using other = block();
      expect(other.shape).toEqual([blockBytes / 4]);
      expect(memory({ collect: false }).bytes).toBe(before + 2 * blockBytes);
    }
    held.dispose();
    held.dispose();
    expect(memory({ collect: false }).bytes).toBe(before);
    expect(() => held.dataSync()).toThrow(/after dispose\(\)/);
  });

  it("reports what is live by the place that made it", () => {
    const held = tensor(new Float64Array(2048)) as Tensor;
    const { storages, bytes, sites } = memory();
    expect(bytes).toBeGreaterThanOrEqual(16_384);
    expect(sites.reduce((n, site) => n + site.storages, 0)).toBe(storages);
    expect(sites.some(({ site }) => site.includes("memory.test.ts"))).toBe(true);
    expect(held.size).toBe(2048);
  });

  it("keeps no places of small storages, which would make collections of many slow, and says so", () => {
    const small = () =>
      memory().sites.find(({ site }) => site.includes("smaller than 16384 bytes"))?.storages ?? 0;
    const before = small();
    const held = Array.from({ length: 10 }, (_, i) => tensor([i]).add(1).realise());
    expect(small()).toBeGreaterThanOrEqual(before + 10);
    expect(held.length).toBe(10);
  });
});

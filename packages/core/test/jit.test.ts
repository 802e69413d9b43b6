import { DisposedError, grad, jit, type Tensor, tensor, valueAndGrad, vmap } from "@amari/core";
import { expectClose } from "@amari/testing";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

/** A function that counts how often it is traced. */
function counted<F extends (...args: never[]) => unknown>(f: F): { f: F; calls: () => number } {
  let calls = 0;
  const wrapped = ((...args: never[]) => {
    calls++;
    return f(...args);
  }) as F;
  return { f: wrapped, calls: () => calls };
}

/** The sum of all tensors and numbers of a tree; a minus zero counts. */
const sumOfTree = (tree: unknown): Tensor => {
  if (typeof tree === "number") return f64(Object.is(tree, -0) ? 100 : tree);
  if ("dtype" in (tree as object)) return (tree as Tensor).sum() as Tensor;
  return Object.values(tree as object).reduce<Tensor>((sum, x) => sum.add(sumOfTree(x)) as Tensor, f64(0));
};

describe("tracing", () => {
  it("happens once for one structure of arguments, whatever their values", () => {
    const { f, calls } = counted(
      (p: { w: Tensor; b: Tensor }, x: Tensor) => x.matmul(p.w).add(p.b) as Tensor,
    );
    const step = jit(f);
    for (let i = 0; i < 3; i++) {
      const [w, b, x] = [f64([[i], [2]]), f64([i]), f64([[1, 10]])];
      expectClose(step({ w, b }, x), f64([[2 * i + 20]]));
    }
    expect(calls()).toBe(1);
  });

  it("does not depend on the order of an object's keys", () => {
    const { f, calls } = counted((p: { a: Tensor; b: Tensor }) => p.a.sub(p.b) as Tensor);
    const step = jit(f);
    expectClose(step({ a: f64(5), b: f64(3) }), f64(2));
    expectClose(step({ b: f64(3), a: f64(7) }), f64(4));
    expect(calls()).toBe(1);
  });

  it.each([
    ["a new shape", () => [f64([1, 2, 3]), 2, "sum"]],
    ["a new rank", () => [f64([[1, 2]]), 2, "sum"]],
    ["a new dtype", () => [tensor([1, 2]) as Tensor, 2, "sum"]],
    ["another number", () => [f64([1, 2]), 3, "sum"]],
    ["another string", () => [f64([1, 2]), 2, "mean"]],
  ])("happens again for %s", (_, change) => {
    const { f, calls } = counted(
      (x: Tensor, k: number, how: string) => (how === "sum" ? x.sum() : x.mean()).mul(k) as Tensor,
    );
    const step = jit(f);
    step(f64([1, 2]), 2, "sum");
    step(f64([5, 6]), 2, "sum");
    expect(calls()).toBe(1);
    const args = change() as [Tensor, number, string];
    expectClose(step(...args), f(...args));
    expect(calls()).toBe(3); // one trace, and the call that it is compared with
  });

  it("sees static arguments themselves, functions too", () => {
    const { f, calls } = counted((x: Tensor, activation: (x: Tensor) => Tensor) => activation(x));
    const step = jit(f, { static: [1] });
    const double = (x: Tensor) => x.mul(2) as Tensor;
    const square = (x: Tensor) => x.square() as Tensor;
    for (const x of [3, 4]) {
      expectClose(step(f64(x), double), f64(2 * x));
      expectClose(step(f64(x), square), f64(x * x));
    }
    expect(calls()).toBe(2);
  });

  it("keeps at most cacheSize traces, the latest used", () => {
    const { f, calls } = counted((x: Tensor) => x.add(1) as Tensor);
    const step = jit(f, { cacheSize: 2 });
    const [one, two, three] = [f64([1]), f64([1, 2]), f64([1, 2, 3])];
    step(one);
    step(two);
    step(one);
    step(three); // drops the trace of `two`
    step(one);
    expect(calls()).toBe(3);
    step(two);
    expect(calls()).toBe(4);
  });

  it("happens once although gradients, which come from a call, are the arguments", () => {
    const { f, calls } = counted((p: Tensor, g: Tensor) => p.sub(g.mul(0.1)) as Tensor);
    const update = jit(f);
    let p = f64([1, 2]);
    for (let i = 0; i < 4; i++) p = update(p, grad((x: Tensor) => x.square().sum() as Tensor)(p));
    expectClose(p, f64([0.8 ** 4, 2 * 0.8 ** 4]), { relative: 1e-14 });
    expect(calls()).toBe(1);
    expect(p.node.storage, "the program ran, it was not inlined").not.toBeNull();
  });

  it("of one function in a loop inside grad and vmap is shared", () => {
    const { f, calls } = counted((x: Tensor) => x.sin() as Tensor);
    const step = jit(f);
    grad((x: Tensor) => step(step(step(x))))(f64(1));
    (vmap as (g: unknown) => (x: Tensor) => Tensor)((x: Tensor) => step(x))(f64([1, 2])).realise();
    step(f64(1));
    expect(calls()).toBe(1);
  });
});

describe("what a jitted function closes over", () => {
  it("is fixed at the first call", () => {
    let scale = f64(2);
    const step = jit((x: Tensor) => x.mul(scale) as Tensor);
    expectClose(step(f64(5)), f64(10));
    scale = f64(100);
    expectClose(step(f64(5)), f64(10));
    expectClose(step(f64([5, 6])), f64([500, 600])); // a new shape is a new trace
  });

  it("may be pending, and is computed once", () => {
    const pending = f64([1, 2]).exp().log();
    const step = jit((x: Tensor) => x.add(pending) as Tensor);
    expectClose(step(f64([1, 1])), f64([2, 3]), { ulp: 2 });
    expect(pending.node.storage).not.toBeNull();
  });

  it("may be a variable of an outer grad, which is never cached", () => {
    const f = (x: Tensor) => {
      const inner = jit((y: Tensor) => y.mul(x) as Tensor);
      return inner(f64(3)).add(inner(f64(4))) as Tensor;
    };
    expectClose(grad(f)(f64(2)), f64(7));
    expectClose(grad(f)(f64(5)), f64(7));
  });

  it("may be an outer variable that differs from call to call of one jitted function", () => {
    let outer = f64(0);
    const inner = jit((y: Tensor) => y.mul(outer) as Tensor);
    const f = (x: Tensor) => {
      outer = x;
      return inner(f64(3));
    };
    expectClose(valueAndGrad(f)(f64(2)), [f64(6), f64(3)]);
    expectClose(valueAndGrad(f)(f64(5)), [f64(15), f64(3)]);
  });
});

describe("results of a jitted function", () => {
  it("keep the tree that was returned, with what is no tensor", () => {
    const result = jit((x: Tensor) => ({ twice: [x.mul(2) as Tensor, "label"], none: null }))(f64(1));
    expect(result.none).toBeNull();
    expect(result.twice[1]).toBe("label");
    expectClose(result.twice[0] as Tensor, f64(2));
  });

  it("an argument that is returned and not donated is that same tensor", () => {
    const x = f64([1, 2]);
    const [same, changed] = jit((y: Tensor) => [y, y.add(1) as Tensor] as const)(x);
    expect(same).toBe(x);
    expectClose(changed, f64([2, 3]));
  });

  it("may be constants, or closed over", () => {
    const outside = f64([7]);
    expectClose(jit((_x: Tensor) => [outside, f64(3)])(f64(1)), [f64([7]), f64(3)]);
  });

  it("may name one value twice", () => {
    const [a, b] = jit((x: Tensor) => {
      const y = x.add(1) as Tensor;
      return [y, y] as const;
    })(f64(1));
    expectClose([a, b], [f64(2), f64(2)]);
  });
});

describe("errors leave nothing behind", () => {
  it("a throw in the function caches nothing", () => {
    let fail = true;
    const { f, calls } = counted((x: Tensor) => {
      if (fail) throw new Error("not yet");
      return x.add(1) as Tensor;
    });
    const step = jit(f);
    expect(() => step(f64(1))).toThrow("not yet");
    fail = false;
    expectClose(step(f64(1)), f64(2));
    expectClose(step(f64(2)), f64(3));
    expect(calls()).toBe(2);
  });

  it("calling itself with the same structure is an error, with another one is not", () => {
    const endless: (x: Tensor) => Tensor = jit((x: Tensor) => endless(x).add(1) as Tensor);
    expect(() => endless(f64(1))).toThrow(/calls itself/);
    const halving: (x: Tensor) => Tensor = jit((x: Tensor) =>
      x.size === 1
        ? (x.sum() as Tensor)
        : halving(x.slice([0, x.size / 2]).add(x.slice([x.size / 2, x.size])) as Tensor),
    );
    expectClose(halving(f64([1, 2, 3, 4])), f64(10));
  });
});

describe("a call whose arguments have the structure of the one before", () => {
  it.each([
    ["another key", { a: f64([1]), b: f64([2]) }, { a: f64([1]), c: f64([2]) }],
    ["one key more", { a: f64([1]) }, { a: f64([1]), b: f64([2]) }],
    ["one element less", [f64([1]), f64([2])], [f64([1])]],
    ["another number", { a: f64([1]), n: 1 }, { a: f64([1]), n: 2 }],
    ["minus zero", { a: f64([1]), n: 0 }, { a: f64([1]), n: -0 }],
    ["another shape", [f64([1, 2])], [f64([1])]],
    ["another dtype", [f64([1])], [i32([1])]],
    ["a tensor for a number", [f64([1]), 1], [f64([1]), f64([1])]],
    ["an array for an object", { 0: f64([1]) }, [f64([1])]],
  ])("is not taken for it with %s", (_, first, second) => {
    const { f, calls } = counted(sumOfTree);
    const jitted = jit(f as never) as unknown as typeof f;
    for (const tree of [first, first, second, second, first]) expectClose(jitted(tree), sumOfTree(tree));
    expect(calls()).toBe(2);
  });

  it("is taken for it whatever the order of keys", () => {
    const { f, calls } = counted(({ a, b }: { a: Tensor; b: Tensor }) => a.sub(b) as Tensor);
    const difference = jit(f);
    difference({ a: f64([1]), b: f64([2]) });
    expectClose(difference({ b: f64([2]), a: f64([5]) }), f64([3]));
    expect(calls()).toBe(1);
  });
});

describe("donation", () => {
  const donor = (): Tensor => f64([1, 2]).realise();

  it("gives the argument away: reading it throws an error that names the call", () => {
    const x = donor();
    const step = jit(
      function update(y: Tensor): Tensor {
        return y.add(1) as Tensor;
      },
      { donate: [0] },
    );
    expectClose(step(x), f64([2, 3]));
    expect(() => x.dataSync()).toThrow(DisposedError);
    expect(() => x.add(1)).toThrow(/donated to jit\(update\).*use the result of that call/);
    expect(() => step(x)).toThrow(DisposedError);
  });

  it("of every tensor of a tree", () => {
    const p = { w: donor(), layers: [donor()] };
    jit((q: typeof p) => q.w.add(q.layers[0]!) as Tensor, { donate: [0] })(p);
    expect(() => p.w.dataSync()).toThrow(DisposedError);
    expect(() => p.layers[0]!.dataSync()).toThrow(DisposedError);
  });

  it("of one tensor twice is an error, and nothing is lost", () => {
    const x = donor();
    const step = jit((a: Tensor, b: Tensor) => a.add(b) as Tensor, { donate: [0, 1] });
    expect(() => step(x, x)).toThrow(/donated twice/);
    expectClose(x, f64([1, 2]));
  });

  it("of a tensor that is closed over too is an error, and nothing is lost", () => {
    const x = donor();
    const step = jit((a: Tensor) => a.add(x) as Tensor, { donate: [0] });
    expect(() => step(x)).toThrow(/closed over/);
    expectClose(x, f64([1, 2]));
  });

  it("leaves what was built on the argument before intact", () => {
    const x = donor();
    const before = x.mul(10);
    jit((y: Tensor) => y.add(1) as Tensor, { donate: [0] })(x);
    expectClose(before, f64([10, 20]));
  });

  it("leaves another tensor of the same value intact", () => {
    const x = donor();
    const alias = x.stopGradient().realise() as Tensor;
    jit((y: Tensor) => y.add(1) as Tensor, { donate: [0] })(alias);
    expectClose(x, f64([1, 2]));
    expect(() => alias.dataSync()).toThrow(DisposedError);
  });

  it("of an argument that is returned gives a new tensor", () => {
    const x = donor();
    const y = jit((z: Tensor) => z, { donate: [0] })(x);
    expectClose(y, f64([1, 2]));
    expect(() => x.dataSync()).toThrow(DisposedError);
  });

  it("counts arguments behind a static one that holds tensors", () => {
    const [x, y] = [donor(), donor()];
    const step = jit(
      (fixed: { scale: Tensor }, a: Tensor, b: Tensor) => fixed.scale.mul(a).add(b) as Tensor,
      {
        static: [0],
        donate: [2],
      },
    );
    expectClose(step({ scale: f64(3) }, x, y), f64([4, 8]));
    expectClose(x, f64([1, 2]));
    expect(() => y.dataSync()).toThrow(DisposedError);
  });

  it("is ignored where the call is inlined in another", () => {
    const step = jit((y: Tensor) => y.square().sum() as Tensor, { donate: [0] });
    const x = donor();
    expectClose(grad((y: Tensor) => step(y))(x), f64([2, 4]));
    expectClose(x, f64([1, 2]));
  });

  it("works in a loop, with integers beside the floats", () => {
    const step = jit(
      (s: { x: Tensor; count: Tensor }) => ({ x: s.x.mul(0.5) as Tensor, count: s.count.add(1) as Tensor }),
      {
        donate: [0],
      },
    );
    let state = { x: f64(1), count: i32(0) };
    for (let i = 0; i < 10; i++) state = step(state);
    expectClose(state, { x: f64(2 ** -10), count: i32(10) });
  });
});

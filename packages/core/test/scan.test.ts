import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  arange,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  ones,
  PlaceholderError,
  random,
  scan,
  setDefaultBackend,
  stack,
  type Tensor,
  TreeError,
  tensor,
  vmap,
  zeros,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { beforeAll, describe, expect, it, vi } from "vitest";

const f64 = { dtype: "float64" } as const;
const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, f64) as Tensor;

/** A recurrence that uses a closed-over matrix, its carry twice, and the sequence. */
const recurrence = (w: Tensor) => (h: Tensor, x: Tensor) => {
  const next = h
    .matmul(w as never)
    .add(x)
    .tanh() as Tensor;
  return [next, next.mul(h)] as const;
};

const byScan = (w: Tensor, h: Tensor, xs: Tensor): readonly [Tensor, Tensor] =>
  scan(recurrence(w), h, xs) as readonly [Tensor, Tensor];

/** The same as a loop in JavaScript. */
function unrolled(w: Tensor, h: Tensor, xs: Tensor): readonly [Tensor, Tensor] {
  let carry = h;
  const ys: Tensor[] = [];
  for (let t = 0; t < xs.shape[0]!; t++) {
    const [next, y] = recurrence(w)(carry, xs.slice(t));
    carry = next;
    ys.push(y);
  }
  return [carry, stack(ys) as Tensor];
}

const total =
  (f: typeof byScan) =>
  (w: Tensor, h: Tensor, xs: Tensor): Tensor<[]> => {
    const [last, ys] = f(w, h, xs);
    return last.sum().add(ys.square().sum()) as Tensor<[]>;
  };

const args = (): [Tensor, Tensor, Tensor] => [normal(1, [3, 3]).mul(0.5), normal(2, [3]), normal(3, [4, 3])];

describe.each([
  ["reference", referenceBackend()],
  ["cpu", cpuBackend()],
] as const)("scan on the %s backend", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  it("computes what the unrolled loop computes", () => {
    expectClose([...byScan(...args())], [...unrolled(...args())], { ulp: 2, ulpOfLargest: 2 });
  });

  it("runs from the end with reverse, and counts with length", () => {
    const sums = (reverse: boolean) =>
      scan(
        (s: Tensor, x: Tensor) => [s.add(x), s.add(x)] as const,
        tensor(0),
        arange(4).astype("float32") as Tensor,
        { reverse },
      )[1];
    expectClose(sums(false), [0, 1, 3, 6]);
    expectClose(sums(true), [6, 6, 5, 3]);
    const [power] = scan((x: Tensor) => [x.mul(2), null] as const, tensor(1) as Tensor, null, { length: 10 });
    expectClose(power, 1024);
  });

  it("takes trees as carry and sequence, and no step at all", () => {
    const body = (c: { a: Tensor; n: Tensor }, x: { u: Tensor }) =>
      [{ a: c.a.add(x.u), n: c.n.add(1) }, { y: c.a }] as const;
    const [last, ys] = scan(
      body,
      { a: zeros([2]) as Tensor, n: tensor(0, { dtype: "int32" }) as Tensor },
      { u: ones([3, 2]) as Tensor },
    );
    expectClose(last, { a: tensor([3, 3]), n: tensor(3, { dtype: "int32" }) });
    expect(ys.y.shape).toEqual([3, 2]);
    const [same] = scan(
      body,
      { a: ones([2]) as Tensor, n: tensor(7, { dtype: "int32" }) as Tensor },
      { u: ones([0, 2]) as Tensor },
    );
    expectClose(same.n, 7);
  });

  it("differentiates to second order by everything it uses", () => {
    checkGrads((w: Tensor, h: Tensor, xs: Tensor) => [...byScan(w, h, xs)], args());
  });

  it("has the gradient and the Hessian of the unrolled loop", () => {
    const gradient = (f: typeof byScan) => grad(total(f), { argnums: [0, 1, 2] })(...args());
    expectClose(gradient(byScan), gradient(unrolled), { ulpOfLargest: 16 });
    const curvature = (f: typeof byScan) =>
      hessian((h: Tensor) => total(f)(args()[0], h, args()[2]))(args()[1]);
    expectClose(curvature(byScan), curvature(unrolled), { ulpOfLargest: 64 });
  });

  it("gives the same Jacobian forwards and backwards", () => {
    const [w, h, xs] = args();
    const f = (h: Tensor) => byScan(w, h, xs)[0];
    expectClose(jacfwd(f)(h), jacrev(f)(h), { ulpOfLargest: 16 });
  });

  it("runs the forward body once for value and gradient", () => {
    const [w, h, xs] = args();
    let traces = 0;
    const loss = (h: Tensor) => {
      const [last] = scan(
        (c: Tensor, x: Tensor) => {
          traces++;
          return recurrence(w)(c, x);
        },
        h,
        xs as never,
      );
      return last.sum() as Tensor<[]>;
    };
    grad(loss)(h);
    expect(traces).toBe(1);
  });

  it("batches over the carry, the sequence and what it closes over", () => {
    const [w, h, xs] = args();
    const hs = stack([h, h.mul(2), h.neg()]) as Tensor;
    const ws = stack([w, w.mul(2), w.neg()]) as Tensor;
    const rows = (f: (i: number) => Tensor) => stack([f(0), f(1), f(2)]) as Tensor;
    const last = (f: typeof byScan, w: Tensor, h: Tensor, xs: Tensor) => f(w, h, xs)[0];
    expectClose(
      vmap((h: Tensor) => last(byScan, w, h, xs))(hs as never),
      rows((i) => last(unrolled, w, hs.slice(i), xs)),
      { ulpOfLargest: 4 },
    );
    expectClose(
      vmap((w: Tensor) => last(byScan, w, h, xs))(ws as never),
      rows((i) => last(unrolled, ws.slice(i), h, xs)),
      { ulpOfLargest: 4 },
    );
    const gradients = vmap((w: Tensor) => grad(total(byScan))(w, h, xs))(ws as never);
    expectClose(
      gradients,
      rows((i) => grad(total(unrolled))(ws.slice(i), h, xs)),
      { ulpOfLargest: 32 },
    );
  });

  it("is one program under jit, and inlines inside grad", () => {
    const f = jit(total(byScan));
    expectClose(f(...args()), total(unrolled)(...args()), { ulp: 8 });
    expectClose(grad(f)(...args()), grad(total(unrolled))(...args()), { ulpOfLargest: 16 });
    const g = jit(grad(total(byScan)));
    expectClose(g(...args()), grad(total(unrolled))(...args()), { ulpOfLargest: 16 });
  });

  it("leaves the trace of a jitted function as it was when that is differentiated", () => {
    const nested = jit((x: Tensor) => {
      const inner = (c: Tensor) => scan((d: Tensor) => [d.sin(), null] as const, c, null, { length: 2 })[0];
      return scan((c: Tensor) => [inner(c), null] as const, x, null, { length: 2 })[0].sum() as Tensor<[]>;
    });
    const compile = vi.spyOn(backend, "compile");
    const gradient = () => grad(nested)(tensor([0.5, 1], f64)).dataSync();
    const first = gradient();
    const programs = compile.mock.calls.length;
    expect(programs).toBeGreaterThan(0);
    expect(gradient()).toEqual(first);
    expect(compile.mock.calls.length).toBe(programs);
    compile.mockRestore();
  });

  it("refuses a body that changes the carry, returns something else, or reads a value", () => {
    const xs = ones([3]) as Tensor;
    expect(() =>
      scan((c: Tensor, x: Tensor) => [c.add(x).astype("float64"), null] as const, tensor(0) as Tensor, xs),
    ).toThrow(ArgumentError);
    expect(() => scan((c: Tensor) => c as never, tensor(0) as Tensor, xs)).toThrow(TreeError);
    expect(() =>
      scan((c: Tensor) => [tensor(c.itemSync()) as Tensor, null] as const, tensor(0) as Tensor, xs),
    ).toThrow(PlaceholderError);
    expect(() => scan((c: Tensor) => [c, null] as const, tensor(0) as Tensor, null)).toThrow(
      /pass \{ length \}/,
    );
  });
});

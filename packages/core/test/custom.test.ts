import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  checkpoint,
  customJvp,
  customVjp,
  GradientError,
  grad,
  hessian,
  jit,
  jvp,
  random,
  scan,
  setDefaultBackend,
  type Tensor,
  TreeError,
  tensor,
  vmap,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { beforeAll, describe, expect, it } from "vitest";

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, { dtype: "float64" }) as Tensor;
const sumOf =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor<[]> =>
    f(x).sum() as Tensor<[]>;

describe.each([
  ["reference", referenceBackend()],
  ["cpu", cpuBackend()],
] as const)("derivatives of one's own on the %s backend", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  const softplus = customJvp(
    (x: Tensor) => x.exp().add(1).log() as Tensor,
    ([x], [dx]) => dx.mul(x.sigmoid()) as Tensor,
  );
  /** Three times the derivative it should have, so that one sees which rule was used. */
  const tripled = customVjp((x: Tensor) => x.square() as Tensor, {
    forward: (x) => [x.square(), x],
    backward: (x, ct) => [ct.mul(x).mul(6)],
  });

  it("customJvp serves both modes, to any order, under vmap and jit", () => {
    const x = normal(1, [4]);
    expectClose(softplus(x), x.softplus(), { ulp: 8 });
    expectClose(grad(sumOf(softplus))(x), x.sigmoid(), { ulp: 2 });
    expectClose(jvp(softplus, [x], [x.mul(0).add(1) as Tensor])[1], x.sigmoid(), { ulp: 2 });
    checkGrads(softplus, [x]);
    expectClose(hessian(sumOf(softplus))(x), hessian(sumOf((x) => x.softplus() as Tensor))(x), { ulp: 8 });
    expectClose(
      vmap(grad(sumOf(softplus)) as never)(normal(2, [3, 4]) as never),
      normal(2, [3, 4]).sigmoid(),
      { ulp: 2 },
    );
    expectClose(grad(sumOf(jit(softplus)))(x), x.sigmoid(), { ulp: 2 });
    expectClose(jit(grad(sumOf(softplus)))(x), x.sigmoid(), { ulp: 2 });
  });

  it("customVjp is used in reverse mode, to any order, under vmap and jit", () => {
    const x = normal(1, [4]);
    expectClose(tripled(x), x.square());
    expectClose(grad(sumOf(tripled))(x), x.mul(6), { ulp: 2 });
    expectClose(grad(sumOf(grad(sumOf(tripled)) as never))(x), x.mul(0).add(6), { ulp: 2 });
    expectClose(vmap(grad(sumOf(tripled)) as never)(normal(2, [3, 4]) as never), normal(2, [3, 4]).mul(6), {
      ulp: 2,
    });
    expectClose(jit(grad(sumOf(jit(tripled))))(x), x.mul(6), { ulp: 2 });
  });

  it("customVjp sums the cotangents of what a batch shares", () => {
    const scale = customVjp((x: Tensor, s: Tensor) => x.mul(s) as Tensor, {
      forward: (x, s) => [x.mul(s), { x, s }],
      backward: ({ x, s }: { x: Tensor; s: Tensor }, ct) => [ct.mul(s), ct.mul(x).sum()],
    });
    const rows = normal(3, [5, 2]);
    const loss = (s: Tensor) =>
      (vmap(((x: Tensor) => scale(x, s)) as never)(rows as never) as Tensor).sum() as Tensor<[]>;
    expectClose(grad(loss)(tensor(2, { dtype: "float64" }) as Tensor), rows.sum(), {
      ulp: 8,
      ulpOfLargest: 8,
    });
  });

  it("customVjp and checkpoint keep their rules in the body of a scan, batched or not", () => {
    const w = normal(7, [3]);
    for (const [wrap, factor] of [
      [checkpoint, 2],
      [() => tripled, 6],
    ] as const) {
      const body = wrap((c: Tensor) => c.square() as Tensor);
      const loss = (x: Tensor) =>
        scan((c: Tensor) => [body(c).mul(w) as Tensor, null] as const, x, null, {
          length: 2,
        })[0].sum() as Tensor<[]>;
      const expected = (x: Tensor) => {
        const once = x.square().mul(w);
        return x.mul(factor).mul(w).mul(once.mul(factor)).mul(w);
      };
      const rows = normal(8, [2, 3]);
      expectClose(grad(loss)(w), expected(w), { ulp: 8 });
      expectClose(jit(grad(loss))(w), expected(w), { ulp: 8 });
      expectClose(vmap(grad(loss) as never)(rows as never), expected(rows), { ulp: 8 });
      const batched = grad((xs: Tensor) => (vmap(loss as never)(xs as never) as Tensor).sum() as Tensor<[]>);
      expectClose(batched(rows), expected(rows), { ulp: 8 });
    }
  });

  it("customVjp refuses forward mode and cotangents of another structure", () => {
    const x = normal(1, [4]);
    expect(() => jvp(tripled, [x], [x])[1].dataSync()).toThrow(GradientError);
    const wrong = customVjp((x: Tensor) => x, { forward: (x) => [x, null], backward: () => [] });
    expect(() => grad(sumOf(wrong))(x)).toThrow(TreeError);
  });

  it("checkpoint changes no value and no derivative, by arguments and by what it closes over", () => {
    const w = normal(5, [3, 3]);
    const block = (w: Tensor) => (x: Tensor) =>
      x
        .matmul(w as never)
        .tanh()
        .matmul(w as never)
        .sin() as Tensor;
    const loss = (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) => (w: Tensor, x: Tensor) =>
      wrap(block(w))(wrap(block(w))(x))
        .square()
        .sum() as Tensor<[]>;
    const x = normal(6, [2, 3]);
    const plain = grad(
      loss((f) => f),
      { argnums: [0, 1] },
    );
    const saved = grad(loss(checkpoint), { argnums: [0, 1] });
    expectClose(saved(w, x), plain(w, x), { ulpOfLargest: 8 });
    expectClose(jit(saved)(w, x), plain(w, x), { ulpOfLargest: 8 });
    const second = (l: typeof saved) => grad((x: Tensor) => (l(w, x)[0] as Tensor).sum() as Tensor<[]>)(x);
    expectClose(second(saved), second(plain), { ulpOfLargest: 64 });
  });
});

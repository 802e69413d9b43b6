import {
  grad,
  hessian,
  hvp,
  jacfwd,
  jacrev,
  jit,
  jvp,
  linearize,
  onesLike,
  type Tensor,
  valueAndGrad,
  vjp,
  vmap,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { describe, expect, it } from "vitest";
import { f64 } from "./support.ts";

/** A smooth scalar function of a scalar whose derivatives of all orders are known: sin(2x). */
const wave = (x: Tensor): Tensor => x.mul(2).sin();
const waveDerivative = (order: number, x: number): number =>
  2 ** order * Math.sin(2 * x + (order * Math.PI) / 2);

/** A smooth scalar function of a vector with a full Hessian. */
const bowl = (x: Tensor): Tensor => x.sin().mul(x.flip()).sum().add(x.prod()).exp();
const point = f64([0.3, -0.7, 1.1]);
const direction = f64([1, -2, 0.5]);

describe("derivatives of a scalar function", () => {
  const at = 0.4;
  let derivative: (x: Tensor) => Tensor = wave;
  it.each([1, 2, 3, 4])("grad applied %i times is the derivative of that order", (order) => {
    derivative = wave;
    for (let i = 0; i < order; i++) derivative = grad(derivative);
    expectClose(derivative(f64(at)), f64(waveDerivative(order, at)), { relative: 1e-14, absolute: 1e-14 });
  });

  it("forward over forward over forward gives the third derivative", () => {
    const along = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [f64(1)])[1];
    expectClose(along(along(along(wave)))(f64(at)), f64(waveDerivative(3, at)), { relative: 1e-14 });
  });

  it("forward over reverse over forward gives the third derivative", () => {
    const along = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [f64(1)])[1];
    expectClose(along(grad(along(wave)))(f64(at)), f64(waveDerivative(3, at)), { relative: 1e-14 });
  });
});

describe("compositions agree with finite differences", () => {
  const rows = f64([
    [0.2, 0.5, -1.2],
    [1.3, -0.4, 0.6],
  ]);
  const each = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
    (vmap as unknown as (g: typeof f) => typeof f)(f)(x);
  const compositions: [name: string, f: (x: Tensor) => Tensor, at: Tensor][] = [
    ["grad of grad", (x) => grad((y: Tensor) => grad(bowl)(y).square().sum())(x), point],
    ["grad of vmap", (x) => grad((y: Tensor) => each(bowl)(y).square().sum())(x), rows],
    ["vmap of grad", each(grad(bowl)), rows],
    ["grad of vmap of grad", (x) => grad((y: Tensor) => each(grad(bowl))(y).square().sum())(x), rows],
    ["vmap of grad of vmap", (x) => each(grad((y: Tensor) => each(wave)(y).prod()))(x), rows],
    ["jit of grad", jit(grad(bowl)), point],
    ["grad of jit", grad(jit(bowl)), point],
    ["grad of jit of grad", (x) => grad((y: Tensor) => jit(grad(bowl))(y).square().sum())(x), point],
    ["vmap of jit", each(jit(bowl)), rows],
    ["jit of vmap", jit(each(bowl)), rows],
    ["jit of vmap of grad", jit(each(grad(bowl))), rows],
    ["jit in vmap in grad", (x) => grad((y: Tensor) => each(jit(bowl))(y).sum())(x), rows],
    ["jit in grad in vmap in jit", jit(each(grad((y: Tensor) => jit(bowl)(y)))), rows],
    ["vmap of vmap", (x) => each(each(wave))(x), rows],
    ["vmap of hessian", each((x) => hessian(bowl)(x)), rows],
    ["vmap of vjp", each((x) => vjp(bowl, x)[1](f64(2))[0]), rows],
    ["vmap of jvp", each((x) => jvp(bowl, [x], [direction])[1]), rows],
    ["grad of hvp", (x) => grad((y: Tensor) => hvp(bowl, [y], [direction]).sum())(x), point],
    ["hessian", (x) => hessian(bowl)(x), point],
    ["jacrev of jacfwd", (x) => jacrev(jacfwd(bowl))(x), point],
    ["linearize", (x) => linearize(bowl, x)[1](direction), point],
  ];

  it.each(compositions)("%s", (_, f, at) => {
    checkGrads(f, [at], { order: 1, conditioning: 4096 });
  });

  it("jit, vmap and grad in any order give the same gradients", () => {
    const expected = each(grad(bowl))(rows);
    const bits = { ulp: 4, ulpOfLargest: 4 };
    expectClose(jit(each(grad(bowl)))(rows), expected, bits);
    expectClose(each(jit(grad(bowl)))(rows), expected, bits);
    expectClose(each(grad(jit(bowl)))(rows), expected, bits);
    expectClose(grad((x: Tensor) => each(bowl)(x).sum())(rows), expected, bits);
  });
});

describe("matrices of derivatives", () => {
  it("jacfwd and jacrev agree", () => {
    const f = (x: Tensor) => x.outer(x.cos());
    expect(jacfwd(f)(point).shape).toEqual([3, 3, 3]);
    expectClose(jacfwd(f)(point), jacrev(f)(point), { absolute: 1e-15 });
  });

  it("the Hessian is symmetric, and hvp is its product with a vector", () => {
    const h = hessian(bowl)(point);
    expectClose(h, h.transpose(), { relative: 1e-14 });
    expectClose(hvp(bowl, [point], [direction]), h.matmul(direction), { relative: 1e-13 });
  });

  it("the Hessian of a tree is a tree of trees", () => {
    const h = hessian(({ a, b }: { a: Tensor; b: Tensor }) => a.square().sum().mul(b))({
      a: f64([1, 2]),
      b: f64(3),
    }) as unknown as Record<"a" | "b", Record<"a" | "b", Tensor>>;
    expectClose(
      h.a.a,
      f64([
        [6, 0],
        [0, 6],
      ]),
    );
    expectClose(h.a.b, f64([2, 4]));
    expectClose(h.b.a, f64([2, 4]));
    expectClose(h.b.b, f64(0));
  });

  it("argnums chooses the arguments of a Jacobian", () => {
    const f = (x: Tensor, y: Tensor) => x.mul(y);
    const [dx, dy] = jacrev(f, { argnums: [0, 1] })(f64([1, 2]), f64([3, 4])) as readonly [Tensor, Tensor];
    expectClose(
      dx,
      f64([
        [3, 0],
        [0, 4],
      ]),
    );
    expectClose(
      dy,
      f64([
        [1, 0],
        [0, 2],
      ]),
    );
  });
});

describe("linear maps that are kept", () => {
  it("a pullback may be called several times, in any order", () => {
    const [y, pullback] = vjp((x: Tensor) => x.sin(), point);
    const first = pullback(onesLike(y) as Tensor)[0];
    expectClose(pullback(y.mul(0) as Tensor)[0], f64([0, 0, 0]));
    expectClose(pullback(onesLike(y) as Tensor)[0], first);
    expectClose(first, point.cos());
  });

  it("a pushforward is linear in its tangent", () => {
    const [, push] = linearize((x: Tensor) => x.exp().mul(x.sum()), point);
    const sum = push(direction.add(point) as Tensor);
    expectClose(sum, push(direction).add(push(point)), { relative: 1e-14, absolute: 1e-14 });
  });

  it("a pullback is differentiable by the point where it was taken", () => {
    const f = (x: Tensor) => vjp(bowl, x)[1](f64(3))[0].square().sum();
    checkGrads(f, [point], { order: 1, conditioning: 4096 });
  });

  it("the forward pass runs once for the value and the gradient", () => {
    let calls = 0;
    const [value, gradient] = valueAndGrad((x: Tensor) => {
      calls++;
      return bowl(x);
    })(point);
    expectClose(value, bowl(point));
    expectClose(gradient, grad(bowl)(point));
    expect(calls).toBe(1);
  });
});

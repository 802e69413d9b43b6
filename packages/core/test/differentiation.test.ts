import {
  cholesky,
  eigh,
  eye,
  grad,
  jvp,
  solve,
  stopGradient,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
  zerosLike,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { describe, expect, it } from "vitest";
import { f64, i32 } from "./support.ts";

describe("nested derivatives are not confused", () => {
  it("grad(x => x * grad(y => x + y)(1)) is 1", () => {
    expectClose(grad((x: Tensor) => x.mul(grad((y: Tensor) => x.add(y))(f64(1))))(f64(2)), f64(1));
  });

  it("grad(x => x * grad(y => x * y)(1)) is 2x", () => {
    expectClose(grad((x: Tensor) => x.mul(grad((y: Tensor) => x.mul(y))(f64(1))))(f64(3)), f64(6));
  });

  it("an inner jvp along a variable of the outer call counts it once", () => {
    // d/dx of x * (d/dy (x y) along x) = d/dx x^3
    const f = (x: Tensor) => x.mul(jvp((y: Tensor) => x.mul(y), [f64(5)], [x])[1]);
    expectClose(grad(f)(f64(2)), f64(12));
  });

  it("three levels keep their variables apart", () => {
    // grad_x grad_y grad_z of x^2 y^2 z^2 is 8 x y z
    const f = (x: Tensor) =>
      grad((y: Tensor) => grad((z: Tensor) => x.mul(y).mul(z).square())(f64(5)))(f64(3));
    expectClose(grad(f)(f64(2)), f64(8 * 2 * 3 * 5));
  });

  it("the inner point may depend on the outer variable", () => {
    // d/dx of (d/dy y^3 at y = x^2) = d/dx 3 x^4
    const f = (x: Tensor) => grad((y: Tensor) => y.pow(3))(x.square());
    expectClose(grad(f)(f64(1.5)), f64(12 * 1.5 ** 3), { relative: 1e-15 });
  });
});

describe("a function under grad is ordinary JavaScript", () => {
  it("branches on values", () => {
    const f = (x: Tensor) => (x.itemSync() > 0 ? x.square() : x.neg());
    expectClose(grad(f)(f64(3)), f64(6));
    expectClose(grad(f)(f64(-3)), f64(-1));
  });

  it("loops until a value is large enough", () => {
    const f = (x: Tensor) => {
      let y = x;
      while (y.itemSync() < 100) y = y.mul(x);
      return y;
    };
    expectClose(grad(f)(f64(3)), f64(5 * 3 ** 4)); // 3^5 is the first power above 100
  });

  it("branches on values at every level of nesting", () => {
    const f = (x: Tensor) => (x.itemSync() > 1 ? x.pow(3) : x);
    expectClose(grad(grad(f))(f64(2)), f64(12));
  });

  it("closes over variables of outer calls", () => {
    const f = (x: Tensor) => {
      const inner = (y: Tensor) => y.mul(x).sin();
      return grad(inner)(f64(0.5)); // x cos(x / 2)
    };
    const x = 0.8;
    expectClose(grad(f)(f64(x)), f64(Math.cos(x / 2) - (x / 2) * Math.sin(x / 2)), { relative: 1e-14 });
  });

  it("may be async, and overlapping calls keep apart", async () => {
    const f = async (x: Tensor): Promise<Tensor> => {
      let y = x;
      for (let i = 0; i < 3; i++) {
        if ((await y.item()) > 0) y = y.mul(x);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return y;
    };
    const [a, b, c] = await Promise.all([grad(f)(f64(2)), grad(f)(f64(3)), valueAndGrad(f)(f64(1))]);
    expectClose(a, f64(4 * 2 ** 3));
    expectClose(b, f64(4 * 3 ** 3));
    expectClose(c, [f64(1), f64(4)]);
  });

  it("passes a rejection on, and the next call works", async () => {
    let fail = true;
    const f = async (x: Tensor): Promise<Tensor> => {
      await Promise.resolve();
      if (fail) throw new Error("the data ran out");
      return x.square();
    };
    await expect(grad(f)(f64(2))).rejects.toThrow("the data ran out");
    fail = false;
    expectClose(await grad(f)(f64(2)), f64(4));
  });

  it("passes a throw on from inside nested calls, and the next call works", () => {
    const failing = (_x: Tensor): Tensor => {
      throw new Error("inside");
    };
    const bad = grad((x: Tensor) => grad(failing)(x));
    expect(() => bad(f64(1))).toThrow("inside");
    expectClose(grad((x: Tensor) => x.square())(f64(2)), f64(4));
  });
});

describe("arguments and results of the grad family", () => {
  it("hasAux passes what stands beside the loss through", () => {
    const f = (x: Tensor) => [x.square().sum(), { doubled: x.mul(2), note: "kept" }] as const;
    const [gradient, aux] = grad(f, { hasAux: true })(f64([1, 2]));
    expectClose(gradient, f64([2, 4]));
    expectClose(aux.doubled, f64([2, 4]));
    expect(aux.note).toBe("kept");
    const [[value, again], same] = valueAndGrad(f, { hasAux: true })(f64([1, 2]));
    expectClose([value, again.doubled, same], [f64(5), f64([2, 4]), f64([2, 4])]);
  });

  it("a list of argnums gives a list of gradients, in its order", () => {
    const f = (x: Tensor, y: Tensor, z: Tensor) => x.mul(y).mul(z);
    const [dz, dx] = grad(f, { argnums: [2, 0] })(f64(2), f64(3), f64(5));
    expectClose([dz, dx], [f64(6), f64(15)]);
  });

  it("gradients are trees like the argument, with what is no tensor kept", () => {
    const parameters = {
      layers: [
        { w: f64([1, 2]), activation: "tanh" },
        { w: f64([3, 4]), activation: "relu" },
      ],
    };
    const gradient = grad((p: typeof parameters) => p.layers[0]!.w.mul(p.layers[1]!.w).sum() as Tensor)(
      parameters,
    );
    expect(gradient.layers.map(({ activation }) => activation)).toEqual(["tanh", "relu"]);
    expectClose(gradient, { layers: [{ w: f64([3, 4]) }, { w: f64([1, 2]) }] });
  });

  it("arguments that are not differentiated may be integers, numbers or undefined", () => {
    const f = (x: Tensor, i: Tensor, scale: number, missing?: Tensor) =>
      x
        .take(i)
        .mul(scale)
        .sum()
        .add(missing ?? 0) as Tensor;
    expectClose(grad(f)(f64([1, 2, 3]), i32([0, 0, 2]), 10), f64([20, 0, 10]));
  });

  it("what does not depend on the argument has gradient zero", () => {
    expectClose(grad((_x: Tensor) => f64(3))(f64([1, 2])), f64([0, 0]));
  });

  it("one tensor in two places has a gradient in each", () => {
    const x = f64(3);
    const [a, b] = grad((p: Tensor[]) => p[0]!.mul(p[1]!.square()))([x, x]) as [Tensor, Tensor];
    expectClose([a, b], [f64(9), f64(18)]);
  });

  it("mixed float widths give gradients of each width", () => {
    const gradient = grad((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b).sum() as Tensor)({
      a: tensor([1, 2]) as Tensor,
      b: f64([3, 4]),
    });
    expectClose(gradient, { a: tensor([3, 4]), b: f64([1, 2]) });
  });
});

describe("derivatives at the exceptional points", () => {
  const cases: [name: string, f: (x: Tensor) => Tensor, at: number[], gradient: number[]][] = [
    ["the maximum shares among ties", (x) => x.max(), [1, 3, 3], [0, 0.5, 0.5]],
    ["maximum shares between equal operands", (x) => x.maximum(2).sum(), [2, 3, 1], [0.5, 1, 0]],
    ["abs has derivative 0 at 0", (x) => x.abs().sum(), [0, -2, 2], [0, -1, 1]],
    ["x to a constant power is smooth at 0", (x) => x.pow(2).sum(), [0, 3, -3], [0, 6, -6]],
    ["x to the power 0 is constant, at 0 too", (x) => x.pow(0).sum(), [0, 1, 2], [0, 0, 0]],
    ["prod is right where one factor is 0", (x) => x.prod(), [0, 3, 5], [15, 0, 0]],
    ["prod is right where two factors are 0", (x) => x.prod(), [0, 0, 5], [0, 0, 0]],
    [
      "the branch that where takes counts alone",
      (x) => x.gt(0).where(x.mul(2), x.mul(3)).sum(),
      [1, -1, 0],
      [2, 3, 3],
    ],
    [
      "sort routes to the sources",
      (x) =>
        x
          .sort()
          .mul(f64([1, 10, 100]))
          .sum(),
      [3, 1, 2],
      [100, 1, 10],
    ],
    ["clip passes inside its bounds", (x) => x.clip(-1, 1).sum(), [-2, 0.5, 2], [0, 1, 0]],
    [
      "logSumExp of large numbers does not overflow",
      (x) => x.logSumExp(),
      [1000, 1000, -1000],
      [0.5, 0.5, 0],
    ],
    ["rounding has derivative 0", (x) => x.round().add(x.floor()).sum(), [0.4, 1.6, -2.2], [0, 0, 0]],
  ];
  it.each(cases)("%s", (_, f, at, gradient) => {
    expectClose(grad((x: Tensor) => f(x))(f64(at)), f64(gradient));
  });

  it("where computes both branches, so a NaN slope in the branch not taken becomes NaN: 0 * NaN", () => {
    const unsafe = (x: Tensor) => x.gt(0).where(x.sqrt(), 0).sum() as Tensor;
    const safe = (x: Tensor) => x.gt(0).where(x.gt(0).where(x, 1).sqrt(), 0).sum() as Tensor;
    expectClose(grad(unsafe)(f64([0, 4])), f64([Number.NaN, 0.25]));
    expectClose(grad(safe)(f64([0, 4])), f64([0, 0.25]));
  });

  it("stopGradient counts as a constant in every derivative", () => {
    const f = (x: Tensor) => x.mul(stopGradient(x.square())).sum() as Tensor;
    expectClose(grad(f)(f64([2, 3])), f64([4, 9]));
    expectClose(grad((x: Tensor) => grad(f)(x).sum() as Tensor)(f64([2, 3])), f64([0, 0]));
    expectClose(jvp(stopGradient as (x: Tensor) => Tensor, [f64(3)], [f64(1)])[1], f64(0));
    expectClose(vmap(grad(f) as unknown as (x: Tensor<[2]>) => Tensor<[2]>)(tensor([[2, 3]])), [[4, 9]]);
  });
});

describe("decompositions", () => {
  const a = f64([
    [4, 1, 0.5],
    [1, 3, -0.7],
    [0.5, -0.7, 2],
  ]);
  const b = f64([1, -2, 3]);

  it("cholesky inverts L L' and has its derivative", () => {
    const l = cholesky(a);
    expectClose(l.matmul(l.transpose()), a, { absolute: 1e-15 });
    checkGrads((x: Tensor) => cholesky(x).sin(), [a], { conditioning: 1024 });
  });

  it("cholesky counts only the symmetric part, to the derivative too", () => {
    const g = grad((x: Tensor) => cholesky(x).sum() as Tensor)(a);
    expectClose(g, g.transpose());
  });

  it("solve inverts matmul and has its derivatives by both operands", () => {
    expectClose(a.matmul(solve(a, b)), b, { absolute: 1e-14 });
    checkGrads((x: Tensor, y: Tensor) => solve(x, y), [a, b], { conditioning: 1024 });
  });

  it("the gradient of log det through cholesky is the inverse", () => {
    const logDet = (x: Tensor) => cholesky(x).diagonal().log().sum().mul(2) as Tensor;
    expectClose(grad(logDet)(a), a.inverse(), { relative: 1e-13, absolute: 1e-15 });
  });

  it("eigh diagonalises and has derivatives of values and vectors", () => {
    const [w, v] = eigh(a);
    expectClose(v.mul(w).matmul(v.transpose()), a, { absolute: 1e-14 });
    expectClose(v.transpose().matmul(v), eye(3, 3, { dtype: "float64" }), { absolute: 1e-14 });
    checkGrads((x: Tensor) => eigh(x.add(x.transpose())), [a], { conditioning: 4096 });
  });

  it("the derivative of the eigenvalues is finite where they coincide", () => {
    const identity = eye(2, 2, { dtype: "float64" }) as Tensor;
    expectClose(grad((x: Tensor) => eigh(x)[0].sum() as Tensor)(identity), identity);
  });
});

describe("long chains", () => {
  const links = 20_000;
  const chain = (x: Tensor): Tensor => {
    for (let i = 0; i < links; i++) x = x.add(1e-5);
    return x.square();
  };

  it("20,000 operations do not overflow the stack, forward or backward", () => {
    const x = 1 + links * 1e-5;
    expectClose(chain(f64(1)), f64(x ** 2), { relative: 1e-10 });
    expectClose(grad(chain)(f64(1)), f64(2 * x), { relative: 1e-10 });
    expectClose(jvp(chain, [f64(1)], [f64(1)])[1], f64(2 * x), { relative: 1e-10 });
    expectClose(grad(grad(chain))(f64(1)), f64(2));
  });

  it("nor does a sum of 20,000 terms of one variable", () => {
    const f = (x: Tensor): Tensor => {
      let sum = zerosLike(x);
      for (let i = 0; i < links; i++) sum = sum.add(x);
      return sum;
    };
    expectClose(grad(f)(f64(1)), f64(links));
  });
});

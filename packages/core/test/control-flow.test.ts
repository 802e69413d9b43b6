import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import {
  arange,
  checkpoint,
  cond,
  foriLoop,
  GradientError,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  linearize,
  map,
  ones,
  PlaceholderError,
  random,
  scan,
  setDefaultBackend,
  stack,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  vmap,
  whileLoop,
  zeros,
} from "@amari/core";
import { checkGrads, expectClose } from "@amari/testing";
import { beforeAll, describe, expect, it, vi } from "vitest";

const f64 = { dtype: "float64" } as const;
const scalar = (x: number): Tensor => tensor(x, f64) as Tensor;
const vector = (...x: number[]): Tensor => tensor(x, f64) as Tensor;
const int = (x: number): Tensor => tensor(x, { dtype: "int32" }) as Tensor;
const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape, f64) as Tensor;
const total = (x: Tensor): Tensor<[]> => x.sum() as Tensor<[]>;
const rows = (xs: Tensor, f: (row: Tensor) => Tensor): Tensor =>
  stack(Array.from({ length: xs.shape[0]! }, (_, i) => f(xs.slice(i) as Tensor))) as Tensor;
const mapped = (f: (x: Tensor) => Tensor) => vmap(f as never) as unknown as (x: Tensor) => Tensor;

describe.each([
  ["reference", referenceBackend()],
  ["cpu", cpuBackend()],
] as const)("on the %s backend", (_, backend) => {
  beforeAll(() => setDefaultBackend(backend));

  /** Branches of different costs and residuals; both close over w. */
  const w = normal(9, [3]);
  const onTrue = (x: Tensor): Tensor => x.mul(w).sin().mul(x.exp()) as Tensor;
  const onFalse = (x: Tensor): Tensor => x.square().mul(x).add(w.square()) as Tensor;
  const isPositive = (x: Tensor): Tensor => x.sum().gt(0) as Tensor;
  const byCond = (x: Tensor): Tensor => cond(isPositive(x), onTrue, onFalse, x);
  /** The same with a JavaScript branch, which needs the value. */
  const byBranch = (x: Tensor): Tensor => (x.sum().itemSync() > 0 ? onTrue(x) : onFalse(x));
  const points = [vector(0.5, 0.2, 0.4), vector(-0.5, -0.2, 0.3)];

  describe("cond", () => {
    it.each(points)("computes what the branch at %s computes", (x) => {
      expectClose(byCond(x), byBranch(x), { ulp: 2 });
      expectClose(jit(byCond)(x), byBranch(x), { ulp: 2 });
    });

    it.each(points)("differentiates to second order at %s", (x) => {
      checkGrads(byCond, [x]);
      const f = (x: Tensor) => total(byCond(x));
      const g = (x: Tensor) => total(byBranch(x));
      expectClose(grad(f)(x), grad(g)(x), { ulp: 8 });
      expectClose(jit(grad(f))(x), grad(g)(x), { ulp: 8 });
      expectClose(grad(jit(f))(x), grad(g)(x), { ulp: 8 });
      expectClose(hessian(f)(x), hessian(g)(x), { ulpOfLargest: 16 });
      expectClose(jacfwd(byCond)(x), jacrev(byCond)(x), { ulpOfLargest: 8 });
    });

    it.each(points)("has derivatives to third order at %s", (x) => {
      const third = (f: (x: Tensor) => Tensor) =>
        grad((x: Tensor) => total(grad((x: Tensor) => total(grad((x: Tensor) => total(f(x)))(x)))(x)))(x);
      expectClose(third(byCond), third(byBranch), { ulpOfLargest: 64 });
    });

    it("differentiates by what the branches close over", () => {
      const f = (a: Tensor, b: Tensor, x: Tensor) =>
        cond(
          isPositive(x),
          () => a.mul(x).sin() as Tensor,
          () => b.mul(b).mul(x) as Tensor,
        );
      for (const x of points) checkGrads(f, [vector(0.3, 0.7, -0.2), vector(1.5, -2, 0.1), x]);
      const [, pullback] = vjp(f, vector(1, 2, 3), vector(4, 5, 6), points[0]!);
      const [, b] = pullback(ones([3], f64) as Tensor) as [Tensor, Tensor, Tensor];
      expectClose(b, [0, 0, 0]);
    });

    it("computes only the derivative of the branch that it takes", () => {
      // The square root has an infinite derivative at 0, which a product with a zero cotangent would make NaN.
      const f = (x: Tensor) =>
        cond(
          x.gt(0),
          () => x.sqrt() as Tensor,
          () => x.mul(3) as Tensor,
        ) as Tensor<[]>;
      expectClose(grad(f)(scalar(0)), 3);
      expectClose(grad(f)(scalar(4)), 0.25);
    });

    it("runs only the branch that it takes", () => {
      let calls = 0;
      const endless = (x: Tensor) => {
        calls++;
        return whileLoop(
          () => tensor(true),
          (x: Tensor) => x.add(1) as Tensor,
          x,
        );
      };
      const f = jit((x: Tensor) => cond(x.gt(0), (x: Tensor) => x.mul(2) as Tensor, endless, x));
      expectClose(f(scalar(1)), 2);
      expect(calls).toBe(1);
    });

    it("runs the forward branch once for value and gradient, and for any number of pullbacks", () => {
      const submit = vi.spyOn(backend, "submit");
      const x = points[0]!.realise();
      const [value, gradient] = valueAndGrad((x: Tensor) => total(byCond(x)))(x);
      gradient.dataSync();
      value.dataSync();
      expect(submit).toHaveBeenCalledTimes(1);
      const [, pullback] = vjp(byCond, x);
      const pull = () => (pullback(ones([3], f64) as Tensor)[0] as Tensor).dataSync();
      const first = pull();
      const kindsRun = () => submit.mock.lastCall![0].program.steps.map(({ operation }) => operation.name);
      expect(pull()).toEqual(first);
      expect(kindsRun().filter((name) => name === "cond")).toHaveLength(1);
      expect(kindsRun()).not.toContain("exp");
      submit.mockRestore();
    });

    it("takes trees, integers and bools, and hands static values on", () => {
      const swap = (p: Tensor) =>
        cond(
          p,
          (s: { a: Tensor; n: Tensor; on: Tensor }) => ({
            a: s.n.add(1) as Tensor,
            b: [s.on, s.a],
            kind: "pair",
          }),
          (s: { a: Tensor; n: Tensor; on: Tensor }) => ({
            a: s.n.mul(2) as Tensor,
            b: [s.on.logicalNot() as Tensor, s.a.neg() as Tensor],
            kind: "pair",
          }),
          { a: vector(1, 2), n: int(5), on: tensor(true) as Tensor },
        );
      expectClose(swap(tensor(true)), { a: int(6), b: [tensor(true), vector(1, 2)], kind: "pair" });
      expectClose(swap(tensor(false)), { a: int(10), b: [tensor(false), vector(-1, -2)], kind: "pair" });
    });

    it("calls the branch of a JavaScript boolean", () => {
      const never = () => {
        throw new Error("called");
      };
      expect(cond(true, () => 1, never)).toBe(1);
      expect(cond(false, never, (x: number) => x + 1, 1)).toBe(2);
    });

    it("returns an operand, a captured tensor or a constant as it is", () => {
      const x = vector(1, 2);
      const f = (p: Tensor) =>
        cond(
          p,
          (x: Tensor) => [x, x, w, zeros([2], f64) as Tensor] as const,
          (x: Tensor) => [w.slice([0, 2]) as Tensor, x, w, ones([2], f64) as Tensor] as const,
          x,
        );
      expectClose([...f(tensor(true))], [x, x, w, vector(0, 0)]);
      expectClose([...f(tensor(false))], [w.slice([0, 2]) as Tensor, x, w, vector(1, 1)]);
    });

    it("batches with one predicate for all, and with one for each example", () => {
      const xs = stack([...points, points[0]!.neg(), points[1]!.neg()]) as Tensor;
      expectClose(mapped(byCond)(xs), rows(xs, byBranch), { ulp: 4 });
      const shared = (p: Tensor) => mapped((x) => cond(p, onTrue, onFalse, x))(xs);
      expectClose(shared(tensor(true)), rows(xs, onTrue), { ulp: 4 });
      expectClose(shared(tensor(false)), rows(xs, onFalse), { ulp: 4 });
      const f = (x: Tensor) => total(byCond(x));
      const g = (x: Tensor) => total(byBranch(x));
      expectClose(mapped(grad(f))(xs), rows(xs, grad(g)), { ulp: 16 });
      expectClose(grad((xs: Tensor) => total(mapped(byCond)(xs)))(xs), rows(xs, grad(g)), { ulp: 16 });
      const chosen = vmap(((p: Tensor) =>
        cond(
          p,
          () => points[0]!,
          () => points[1]!,
        )) as never) as unknown as (p: Tensor) => Tensor;
      expectClose(chosen(tensor([true, false]) as Tensor), stack(points) as Tensor);
    });

    it("nests in scan, in cond, under checkpoint and jit, with the derivatives of the unrolled loop", () => {
      const xs = normal(4, [5, 3]);
      const step = (branch: (x: Tensor) => Tensor) => (c: Tensor, x: Tensor) =>
        c.add(branch(c.mul(0.3).add(x) as Tensor)).tanh() as Tensor;
      const looped = (c: Tensor) =>
        total(scan((c: Tensor, x: Tensor) => [step(byCond)(c, x), null] as const, c, xs)[0]);
      const unrolled = (c: Tensor) => {
        let carry = c;
        for (let i = 0; i < 5; i++) carry = step(byBranch)(carry, xs.slice(i) as Tensor);
        return total(carry);
      };
      const c = normal(5, [3]);
      const expected = grad(unrolled)(c);
      expectClose(jit(looped)(c), unrolled(c), { ulp: 8 });
      expectClose(grad(looped)(c), expected, { ulpOfLargest: 16 });
      expectClose(jit(grad(looped))(c), expected, { ulpOfLargest: 16 });
      expectClose(grad(jit(looped))(c), expected, { ulpOfLargest: 16 });
      expectClose(grad(checkpoint(looped))(c), expected, { ulpOfLargest: 16 });
      expectClose(hessian(looped)(c), hessian(unrolled)(c), { ulpOfLargest: 128 });
      const cs = stack([c, c.neg(), c.mul(2)]) as Tensor;
      expectClose(mapped(grad(looped))(cs), rows(cs, grad(unrolled)), { ulpOfLargest: 32 });
      const outer = (c: Tensor) => cond(total(c).lt(100), looped, total, c);
      expectClose(grad(outer)(c), expected, { ulpOfLargest: 16 });
      checkGrads(outer, [c]);
    });

    it("leaves the trace of a jitted function as it was when that is differentiated", () => {
      const f = jit((x: Tensor) =>
        total(scan((c: Tensor) => [byCond(c), null] as const, x, null, { length: 2 })[0]),
      );
      const compile = vi.spyOn(backend, "compile");
      const first = grad(f)(points[0]!).dataSync();
      const programs = compile.mock.calls.length;
      expect(grad(f)(points[0]!).dataSync()).toEqual(first);
      expect(compile.mock.calls.length).toBe(programs);
      compile.mockRestore();
    });

    it("tells a placeholder that leaked from a branch", () => {
      let leaked: Tensor | undefined;
      cond(
        tensor(true),
        (x: Tensor) => (leaked = x),
        (x: Tensor) => x,
        scalar(1),
      );
      expect(() => leaked!.dataSync()).toThrow(PlaceholderError);
      expect(() => leaked!.dataSync()).toThrow(/escaped from a call of cond/);
    });
  });

  /** Newton's iteration for the square root of a, until it stands still. */
  const root = (a: Tensor): Tensor =>
    whileLoop(
      ({ x, last }: { x: Tensor; last: Tensor }) => x.sub(last).abs().gt(1e-14) as Tensor,
      ({ x }) => ({ x: x.add(a.div(x)).mul(0.5) as Tensor, last: x }),
      { x: a.add(1).mul(0.5) as Tensor, last: a },
    ).x;

  /** Doubles x until it exceeds a bound; how often is part of the result. */
  const doubled = (x: Tensor, bound: Tensor | number) =>
    whileLoop(
      ([x]: readonly [Tensor, Tensor]) => x.lt(bound) as Tensor,
      ([x, n]) => [x.mul(2) as Tensor, n.add(1) as Tensor] as const,
      [x, int(0)] as readonly [Tensor, Tensor],
    );

  describe("whileLoop", () => {
    it("runs as long as the condition holds, without jit and with it", () => {
      for (const run of [doubled, jit(doubled as never) as typeof doubled]) {
        const results = [1, 3, 1000, 2000].map((x) => run(scalar(x), 1000));
        expect(results.map(([x]) => x.itemSync())).toEqual([1024, 1536, 1000, 2000]);
        expect(results.map(([, n]) => n.itemSync())).toEqual([10, 9, 0, 0]);
      }
      expectClose(root(scalar(2)), Math.SQRT2, { ulp: 1 });
    });

    it("carries bools, swaps carries, and closes over what both of its functions use", () => {
      const limit = int(7);
      const [a, b, odd] = whileLoop(
        ([a]: readonly [Tensor, Tensor, Tensor]) => a.lt(limit) as Tensor,
        ([a, b, odd]) => [b, a.add(limit.minimum(3)) as Tensor, odd.logicalNot() as Tensor] as const,
        [int(0), int(1), tensor(false) as Tensor] as readonly [Tensor, Tensor, Tensor],
      );
      let [x, y, o] = [0, 1, false];
      while (x < 7) [x, y, o] = [y, x + 3, !o];
      expect([a, b, odd].map((t) => t.itemSync())).toEqual([x, y, Number(o)]);
    });

    it("differentiates in forward mode, by the carry and by what it closes over", () => {
      const [, slope] = jvp(root, [scalar(2)], [scalar(1)]);
      expectClose(slope, 0.5 / Math.SQRT2, { ulp: 8 });
      const curve = (x: Tensor) => jvp(root, [x], [scalar(1)])[1];
      expectClose(jvp(curve, [scalar(2)], [scalar(1)])[1], -0.25 * 2 ** -1.5, { ulp: 64 });
      expectClose(jit(curve)(scalar(2)), 0.5 / Math.SQRT2, { ulp: 8 });
      const shrink = (x: Tensor, by: Tensor) =>
        whileLoop(
          (x: Tensor) => x.square().sum().gt(1) as Tensor,
          (x: Tensor) => x.mul(by) as Tensor,
          x,
        );
      const [x, by] = [vector(3, 4), scalar(0.5)];
      expectClose(jacfwd(shrink, { argnums: [0, 1] })(x, by), [
        tensor(
          [
            [0.125, 0],
            [0, 0.125],
          ],
          f64,
        ),
        vector(3 * 3 * 0.25, 4 * 3 * 0.25),
      ]);
      const [, push] = linearize(shrink, x, by);
      expectClose(push(vector(1, 0), scalar(0)), [0.125, 0]);
    });

    it("has no reverse mode, unless nothing that is asked for goes through it", () => {
      expect(() => grad((x: Tensor) => root(x) as Tensor<[]>)(scalar(2))).toThrow(GradientError);
      expect(() => grad((x: Tensor) => root(x) as Tensor<[]>)(scalar(2))).toThrow(/foriLoop.*scan/s);
      // The loop also carries x, but only the count is used.
      const f = (x: Tensor) => x.mul(doubled(x, 10)[1].astype("float64") as Tensor) as Tensor<[]>;
      expectClose(grad(f)(scalar(3)), 2);
      // The second carry rests on no operand that moves.
      const g = (x: Tensor) => {
        const [, y] = whileLoop(
          ([, y]: readonly [Tensor, Tensor]) => y.lt(3) as Tensor,
          ([x, y]) => [x.mul(y) as Tensor, y.add(1) as Tensor] as const,
          [x, scalar(0)] as readonly [Tensor, Tensor],
        );
        return x.mul(y) as Tensor<[]>;
      };
      expectClose(grad(g)(scalar(5)), 3);
    });

    it("runs for each example as long as its own condition holds", () => {
      const xs = vector(1, 3, 1000, 700);
      const [values, counts] = (
        vmap(((x: Tensor) => doubled(x, 1000)) as never) as unknown as (x: Tensor) => [Tensor, Tensor]
      )(xs);
      expectClose(
        [values, counts],
        [vector(1024, 1536, 1000, 1400), tensor([10, 9, 0, 1], { dtype: "int32" })],
      );
      const bounds = vector(1, 5, 100);
      const counted = (b: Tensor) => doubled(scalar(2), b)[1];
      expectClose(mapped(counted)(bounds), tensor([0, 2, 6], { dtype: "int32" }));
      expectClose(mapped(root)(vector(2, 9, 1e6)), vector(Math.SQRT2, 3, 1000), { ulp: 1 });
      const slopes = mapped((a) => jvp(root, [a], [scalar(1)])[1])(vector(4, 9));
      expectClose(slopes, vector(0.25, 0.5 / 3), { ulp: 8 });
      const grid = mapped(mapped(root))(
        tensor(
          [
            [1, 4],
            [9, 16],
          ],
          f64,
        ) as Tensor,
      );
      expectClose(
        grid,
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          f64,
        ),
        { ulp: 1 },
      );
    });

    it("keeps single what is the same for all examples", () => {
      const submit = vi.spyOn(backend, "submit");
      const f = (x: Tensor) =>
        foriLoop(int(0), int(3), (i, x: Tensor) => x.add(i.astype("float64")) as Tensor, x);
      expectClose(mapped(f)(vector(1, 2)), vector(4, 5));
      const loop = submit.mock.lastCall![0].program.steps.find(
        ({ operation }) => operation.name === "whileLoop",
      )!;
      expect(loop.outputs.map(({ shape }) => shape)).toEqual([[], [2]]);
      submit.mockRestore();
    });

    it("nests in itself, in scan and in cond", () => {
      // How many steps of Collatz, summed over starts.
      const steps = (n: Tensor) =>
        whileLoop(
          ([n]: readonly [Tensor, Tensor]) => n.gt(1) as Tensor,
          ([n, count]) =>
            [
              cond(
                n.mod(2).eq(0),
                (n: Tensor) => n.floorDivide(2) as Tensor,
                (n: Tensor) => n.mul(3).add(1) as Tensor,
                n,
              ),
              count.add(1) as Tensor,
            ] as const,
          [n, int(0)] as readonly [Tensor, Tensor],
        )[1];
      const expected = (n: number) => {
        let count = 0;
        for (let m = n; m > 1; m = m % 2 === 0 ? m / 2 : 3 * m + 1) count++;
        return count;
      };
      const starts = Array.from({ length: 12 }, (_, i) => i + 1);
      expect(Array.from(map(steps, arange(1, 13, 1, { dtype: "int32" }) as Tensor).dataSync())).toEqual(
        starts.map(expected),
      );
      expect(Array.from(mapped(steps)(arange(1, 13, 1, { dtype: "int32" }) as Tensor).dataSync())).toEqual(
        starts.map(expected),
      );
      const sum = jit(
        () =>
          whileLoop(
            ([n]: readonly [Tensor, Tensor]) => n.le(12) as Tensor,
            ([n, sum]) => [n.add(1) as Tensor, sum.add(steps(n)) as Tensor] as const,
            [int(1), int(0)] as readonly [Tensor, Tensor],
          )[1],
      );
      expect(sum().itemSync()).toBe(starts.map(expected).reduce((a, b) => a + b));
    });
  });

  describe("foriLoop", () => {
    const body = (i: Tensor, x: Tensor): Tensor => x.mul(w).add(i.astype("float64")).sin() as Tensor;
    const unrolled = (lower: number, upper: number) => (x: Tensor) => {
      let carry = x;
      for (let i = lower; i < upper; i++) carry = body(int(i), carry);
      return carry;
    };

    it.each([
      [0, 5],
      [-2, 3],
      [4, 4],
      [4, 1],
    ])("from %i to %i is the unrolled loop, whatever the bounds are", (lower, upper) => {
      const x = points[0]!;
      const expected = unrolled(lower, upper)(x);
      expectClose(foriLoop(lower, upper, body, x), expected, { ulp: 4 });
      expectClose(foriLoop(int(lower), upper, body, x), expected, { ulp: 4 });
      const dynamic = jit((n: Tensor, x: Tensor) => foriLoop(lower, n, body, x));
      expectClose(dynamic(int(upper), x), expected, { ulp: 4 });
    });

    it("differentiates in both modes with numbers as bounds, forwards with tensors", () => {
      const f = (x: Tensor) => foriLoop(1, 4, body, x);
      const x = points[1]!;
      checkGrads(f, [x]);
      expectClose(jacrev(f)(x), jacrev(unrolled(1, 4))(x), { ulpOfLargest: 16 });
      const dynamic = (x: Tensor) => foriLoop(int(1), int(4), body, x);
      expectClose(jacfwd(dynamic)(x), jacfwd(unrolled(1, 4))(x), { ulpOfLargest: 16 });
      expect(() => jacrev(dynamic)(x)).toThrow(GradientError);
    });

    it("counts to a bound for each example", () => {
      const powers = mapped((n) => foriLoop(0, n, (_, x: Tensor) => x.mul(2) as Tensor, scalar(1)));
      expectClose(powers(tensor([0, 3, 5], { dtype: "int32" }) as Tensor), vector(1, 8, 32));
    });
  });

  it("map is vmap, one after the other, with its derivatives", () => {
    const xs = stack(points) as Tensor;
    expectClose(map(byCond, xs), rows(xs, byBranch), { ulp: 4 });
    const f = (xs: Tensor) => total(map(byCond, xs));
    expectClose(
      grad(f)(xs),
      rows(
        xs,
        grad((x: Tensor) => total(byBranch(x))),
      ),
      { ulp: 16 },
    );
    expect(map(() => null, xs)).toBe(null);
    expect(
      map((x: Tensor) => [x, { y: x.sum() as Tensor }] as const, zeros([0, 3]) as Tensor)[1].y.shape,
    ).toEqual([0]);
  });
});

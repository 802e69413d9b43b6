import { CpuBackend, cpuBackend } from "@amari/backend-cpu";
import {
  arange,
  concat,
  explain,
  grad,
  jit,
  random,
  scan,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from "@amari/core";
import { expectClose } from "@amari/testing";
import { describe, expect, it, vi } from "vitest";
import type { KernelForm } from "../../src/js/compile.ts";
import { JsEngine } from "../../src/js/engine.ts";

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape) as Tensor;

const programs: Readonly<Record<string, () => Tensor>> = {
  softmax: () => normal(1, [17, 33]).softmax(),
  "a chain on views": () => normal(2, [8, 9]).transpose().flip(0).mul(2).tanh().sum(1) as Tensor,
  "random bits": () => random.uniform(random.key(3), [65]) as Tensor,
  "a gradient": () => {
    const x = normal(4, [9, 5]);
    const loss = (w: Tensor) =>
      x
        .matmul(w as never)
        .sigmoid()
        .log()
        .mean() as Tensor<[]>;
    return grad(loss)(normal(5, [5, 3]));
  },
  "a scan": () =>
    scan(
      (carry: Tensor, x: Tensor) => [carry.mul(0.5).add(x).sin(), carry],
      zeros([3]) as Tensor,
      normal(6, [7, 3]),
      {},
    )[1] as Tensor,
  "integers that wrap": () => (arange(64) as Tensor).mul(123_456_789).bitwiseXor(77).astype("float64"),
  "elements that are asked for, some from the end, some out of range": () =>
    normal(10, [5, 4])
      .take(tensor([2, -1, 4, 9], { dtype: "int32" }), 0)
      .add(1) as Tensor,
  "gradients of elements that are asked for": () => {
    const index = tensor([1, 0, 3, 1], { dtype: "int32" });
    return grad((x: Tensor) => x.take(index, 1).square().sum() as Tensor<[]>)(normal(11, [3, 4]));
  },
  "padded and joined arrays": () =>
    (concat([normal(12, [3, 4]).flip(0), normal(13, [2, 4]).mul(2)]) as Tensor).pad(
      [
        [1, 0],
        [2, 3],
      ],
      -1,
    ),
  "arrays that are read while they are assembled": () => {
    const x = normal(14, [37]);
    const joined = concat([x, x.neg(), x.exp()]) as Tensor;
    return joined.mul(joined.flip(0)).cumsum(0) as Tensor;
  },
  "a convolution": () => normal(8, [2, 3, 8, 8]).conv(normal(9, [4, 3, 3, 3]) as never) as Tensor,
};

const jsBackend = (form?: KernelForm) => new CpuBackend(new JsEngine(form));

const bitsOf = (backend: CpuBackend, f: () => Tensor): readonly number[] => {
  setDefaultBackend(backend);
  const data = f().dataSync();
  return [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
};

describe("programs in JavaScript", () => {
  it.each(Object.entries(programs))(
    "%s: as source and as closures the same bits, eager and jitted",
    (_, f) => {
      const source = bitsOf(jsBackend("source"), f);
      expect(bitsOf(jsBackend("closures"), f)).toEqual(source);
      expect(bitsOf(jsBackend(), () => jit(f)())).toEqual(source);
    },
  );

  it.each(Object.entries(programs))("%s: close to WebAssembly", (_, f) => {
    setDefaultBackend(jsBackend());
    const got = f().realise();
    setDefaultBackend(cpuBackend());
    expectClose(got, f().realise(), { ulp: 8, ulpOfLargest: 8 });
  });

  it.each(["source", "closures"] as const)("writes donated arguments over in place, as %s", (form) => {
    const step = (x: Tensor, m: Tensor) => {
      const next = m.mul(0.9).add(x.softmax() as never) as Tensor;
      return [x.sub(next.mul(0.1) as never) as Tensor, next] as const;
    };
    const after = (options: { readonly donate?: readonly number[] }) => {
      setDefaultBackend(jsBackend(form));
      const jitted = jit(step, options);
      let [x, m] = [normal(10, [6, 5]), normal(11, [6, 5])];
      for (let i = 0; i < 5; i++) [x, m] = jitted(x, m) as [Tensor, Tensor];
      return [...x.dataSync(), ...m.dataSync()];
    };
    expect(after({ donate: [0, 1] })).toEqual(after({}));
  });

  it("shows its source in explain", () => {
    setDefaultBackend(jsBackend());
    const f = (x: Tensor) => x.exp().mul(2).sum(1) as Tensor;
    expect(`\n${explain(f)(zeros([4, 3]) as Tensor).code}\n`).toMatchInlineSnapshot(`
      "
      // kernel 0
      const b0 = views.f32, p0 = at[0] >>> 2;
      const b1 = views.f32, p1 = at[1] >>> 2;
      const t0 = Math.fround(n[0]);
      for (let i0 = 0; i0 < 4; i0++) {
        let a0 = 0;
        for (let i1 = 0; i1 < 3; i1++) {
          const t1 = b0[p0 + 3 * i0 + i1];
          const t2 = Math.fround(op_exp(t1));
          const t3 = Math.fround((t2 * t0));
          a0 += t3;
        }
        a0 = Math.fround(a0);
        b1[p1 + i0] = a0;
      }
      "
    `);
  });
});

it("does without code of strings where a policy forbids it", () => {
  vi.stubGlobal("Function", () => {
    throw new EvalError("unsafe-eval is not allowed");
  });
  expect(bitsOf(jsBackend(), programs["softmax"]!)).toHaveLength(4 * 17 * 33);
  vi.unstubAllGlobals();
});

import { CpuBackend, cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { arange, concat, jit, setDefaultBackend, stack, type Tensor, tensor, vmap, zeros } from "@amari/core";
import { expectClose, uniformFrom } from "@amari/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const cpu = cpuBackend();
const reference = referenceBackend();

beforeEach(() => setDefaultBackend(cpu));
afterEach(() => vi.restoreAllMocks());

/** The result of a program on the CPU backend and on the reference. */
function onBoth(f: () => Tensor): [Tensor, Tensor] {
  setDefaultBackend(cpu);
  const got = f().realise();
  setDefaultBackend(reference);
  const expected = f().realise();
  return [got, tensor(expected.dataSync(), { shape: expected.shape, dtype: expected.dtype }) as Tensor];
}

/** Normal samples (Box and Muller), by the host, so that both backends get the same. */
function normal(seed: number, shape: readonly number[], dtype: "float32" | "float64" = "float32"): Tensor {
  const uniform = uniformFrom(seed);
  const sample = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tensor(Float64Array.from({ length: size }, sample), { shape, dtype }) as Tensor;
}

describe("loops", () => {
  const edges = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65];

  it.each(["float32", "float64"] as const)("elementwise at every length around a vector, in %s", (dtype) => {
    for (const n of edges) {
      const [got, expected] = onBoth(() => normal(n, [n], dtype).mul(1.5).add(0.25).abs().sqrt());
      expectClose(got, expected, { ulp: 1 });
    }
  });

  it.each([0, 1, [0, 1]])("sums along axis %s of every shape around a vector", (axis) => {
    for (const m of [1, 2, 5, 17]) {
      for (const n of edges) {
        const [got, expected] = onBoth(
          () =>
            normal(n, [m, n])
              .square()
              .sum(axis as never) as Tensor,
        );
        expectClose(got, expected, { ulp: 8 });
      }
    }
  });

  it("reads permuted, sliced, flipped, broadcast and reshaped operands where they stand", () => {
    const shape = fc.tuple(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 1000 }), ([a, b, c], seed) => {
        const [got, expected] = onBoth(() => {
          const x = normal(seed, [a, b, c]);
          const permuted = x.permute([2, 0, 1]).add(1);
          const merged = permuted.reshape([c * a, b]).mul(2);
          return merged
            .flip(0)
            .slice([0, c * a, 2])
            .add(merged.slice([0, 1]).broadcastTo([Math.ceil((c * a) / 2), b]));
        });
        expectClose(got, expected, { ulp: 1 });
      }),
      { numRuns: 50 },
    );
  });
});

describe("assemblies", () => {
  it.each([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, -0, 0, 7])(
    "pad by %s, and by no number that another program was padded by",
    (value) => {
      const padded = jit((x: Tensor) => x.pad([[1, 2]], value))(zeros([2]) as Tensor);
      expect([...padded.dataSync()]).toEqual([value, 0, 0, value, value]);
    },
  );

  it("promote a padded operand as an operation on the number would", () => {
    expect(tensor([true]).pad([[0, 1]], 3).dtype).toBe("int32");
    expect(() => arange(3, { dtype: "int32" }).pad([[1, 1]], 0.5)).toThrow(/astype/);
  });

  it("compute their operands in place: permuted, scaled, cut, of every dtype and along every axis", () => {
    for (const dtype of ["float32", "float64", "int32", "bool"] as const) {
      for (const axis of [0, 1, 2]) {
        const [got, expected] = onBoth(() => {
          const x = normal(axis, [3, 5, 4]).mul(3);
          const parts = [x, x.neg().flip(1), x.permute([1, 0, 2]).reshape([3, 5, 4])];
          const cut = parts.map((part) =>
            part.astype(dtype).slice(...[0, 1, 2].map((i) => [i === axis ? 1 : 0, 3] as const)),
          );
          return concat(cut as Tensor[], axis).pad([
            [1, 0],
            [0, 2],
            [3, 1],
          ]) as Tensor;
        });
        expectClose(got, expected, { ulp: 1 });
      }
    }
  });

  it("run together with what else reads their operands", () => {
    const [got, expected] = onBoth(() => {
      const both = jit((x: Tensor) => {
        const y = x.mul(2).add(1);
        const joined = concat([y, y.neg(), x]) as Tensor;
        return joined.mul(joined.flip(0)).add(concat([y, y, y]) as Tensor);
      });
      return both(normal(4, [37])) as Tensor;
    });
    expectClose(got, expected, { ulp: 1 });
  });
});

describe("programs", () => {
  it("of long chains in which every value has two readers compile in proportion to their length", () => {
    const [got, expected] = onBoth(() => {
      let [x, m] = [normal(1, [5], "float64"), zeros([5], { dtype: "float64" }) as Tensor];
      for (let i = 0; i < 300; i++) {
        m = m.mul(0.9).add(x.mul(0.1));
        x = x.sub(m.mul(0.01));
      }
      return x;
    });
    expectClose(got, expected, { ulp: 4 });
  });

  it("multiply integers without losing low bits", () => {
    const big = tensor(
      [
        [2 ** 30 + 1, 3],
        [-7, 2 ** 31 - 1],
      ],
      { dtype: "int32" },
    ) as Tensor;
    const [got, expected] = onBoth(() => big.matmul(big as never) as Tensor);
    expect(got.arraySync()).toEqual(expected.arraySync());
  });

  it("compile once for one structure, eager or not, whatever the numbers in it", () => {
    const compile = vi.spyOn(CpuBackend.prototype, "compile");
    const step = (x: Tensor, rate: number) => x.sub(x.mul(rate)).sin().realise();
    const x = normal(1, [10]).realise();
    step(x, 0.1);
    const before = compile.mock.calls.length;
    for (let i = 0; i < 10; i++) step(x, i);
    expect(compile.mock.calls.length).toBe(before);
  });

  it("give the same bits eager, under jit and from run to run", () => {
    const f = (x: Tensor) => x.softmax().mul(x.tanh()).sum(0) as Tensor;
    const x = normal(3, [33, 17]);
    const bits = [f(x), jit(f)(x), f(x)].map((y) => [
      ...new Uint32Array((y.dataSync() as Float32Array).buffer),
    ]);
    expect(bits[1]).toEqual(bits[0]);
    expect(bits[2]).toEqual(bits[0]);
  });

  it("reuse memory: a long loop of large temporaries does not grow the heap", () => {
    const backend = cpuBackend();
    setDefaultBackend(backend);
    const step = jit((x: Tensor) => x.mul(1.01).add(1).sin(), { donate: [0] });
    let x = zeros([250_000]) as Tensor;
    for (let i = 0; i < 20; i++) x = step(x);
    const before = backend.memoryBytes;
    for (let i = 0; i < 200; i++) x = step(x);
    expect(backend.memoryBytes).toBe(before);
  });

  it("batch products over one side, both, and with broadcast batches", () => {
    const f = (a: Tensor, b: Tensor) => a.matmul(b as never) as Tensor;
    const [got, expected] = onBoth(() => {
      const [a, b] = [normal(1, [3, 5, 7]), normal(2, [7, 9])];
      const mapped = vmap(f as never, { inAxes: [0, null] } as never) as (a: Tensor, b: Tensor) => Tensor;
      return stack([mapped(a, b), f(a, b), f(a.reshape([1, 3, 5, 7]), b).reshape([3, 5, 9])]) as Tensor;
    });
    expectClose(got, expected, { ulp: 8, ulpOfLargest: 2 });
  });

  it("read what the host wrote, in every dtype", () => {
    for (const dtype of ["float64", "float32", "int32", "uint32", "bool"] as const) {
      const x = (arange(70) as Tensor).mod(2).astype(dtype);
      expect([...x.dataSync()]).toEqual(Array.from({ length: 70 }, (_, i) => i % 2));
    }
  });
});

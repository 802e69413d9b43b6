import { type CpuTier, cpuBackend } from "@amari/backend-cpu";
import { DisposedError, grad, jit, memory, random, setDefaultBackend, type Tensor } from "@amari/core";
import { beforeEach, describe, expect, it } from "vitest";

beforeEach(() => setDefaultBackend(cpuBackend()));

type Trees = readonly Tensor[];
type Step = (...operands: Tensor[]) => Trees;

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape).realise() as Tensor;

/** The results of a function with and without its arguments given away. */
function bothWays(f: Step, shapes: readonly (readonly number[])[]): [number[][], number[][]] {
  const operands = () => shapes.map((shape, i) => normal(i, shape));
  const bits = (results: Trees) =>
    results.map((y) => [...new Uint8Array((y.dataSync() as Float32Array).buffer)]);
  const giving = jit(f as never, { donate: shapes.map((_, i) => i) }) as unknown as Step;
  const keeping = jit(f as never) as unknown as Step;
  return [bits(giving(...operands())), bits(keeping(...operands()))];
}

describe("donated arguments", () => {
  const square = [
    [37, 37],
    [37, 37],
    [37, 37],
  ];
  const cases: readonly (readonly [string, Step])[] = [
    ["an optimizer's step", (p, m, g) => [p!.sub(m!.mul(0.9).add(g!)), m!.mul(0.9).add(g!), g!.square()]],
    ["results swapped", (x, y, z) => [y!, z!, x!]],
    ["one result of all", (x, y, z) => [x!.add(y!).mul(z!)]],
    ["reading backwards", (x, y) => [x!.flip(0).add(y!), y!.flip([0, 1]).add(x!)]],
    ["transposes", (x, y) => [x!.transpose().add(1), y!.add(x!.transpose())]],
    ["softmax", (x) => [x!.softmax(), x!.exp()]],
    ["a row's shift", (x) => [x!.sub(x!.mean(1, { keepDims: true })), x!.mean(1)]],
    ["a column's shift", (x) => [x!.sub(x!.mean(0, { keepDims: true })), x!.mean(0)]],
    ["products", (x, y) => [x!.matmul(y as never) as Tensor, y!.matmul(x as never) as Tensor]],
    ["a running sum", (x, y) => [x!.cumsum(1), y!.sort()]],
    [
      "a gradient's step",
      (w, x) => [
        w!.sub(
          (
            grad(
              (v: Tensor) =>
                x!
                  .matmul(v as never)
                  .tanh()
                  .sum() as never,
            ) as never as (v: Tensor) => Tensor
          )(w!),
        ),
      ],
    ],
    ["nothing of the size", (x) => [x!.sum(), x!.slice([0, 5])]],
  ];

  const everywhere = (["relaxed", "simd128", "js"] as const).flatMap((tier: CpuTier) =>
    cases.map(([name, f]) => [tier, name, f] as const),
  );

  it.each(everywhere)("give the same bits in the tier %s: %s", (tier, _, f) => {
    setDefaultBackend(cpuBackend({ tier }));
    const [given, kept] = bothWays(f, square);
    expect(given).toEqual(kept);
  });

  it("are where the results stand", () => {
    const backend = cpuBackend();
    setDefaultBackend(backend);
    let x = normal(0, [1 << 20]);
    const step = jit((y: Tensor) => y.mul(1.0001), { donate: [0] });
    x = step(x);
    const before = backend.memoryBytes;
    for (let i = 0; i < 20; i++) x = step(x);
    expect(backend.memoryBytes).toBe(before);
  });

  it("are kept where another argument is the same tensor", () => {
    const x = normal(0, [100]);
    const f = (a: Tensor, b: Tensor) => [a.mul(2), b.flip(0).add(a)] as const;
    const [, expected] = jit(f)(normal(0, [100]), normal(0, [100]));
    const [, got] = jit(f, { donate: [0] })(x, x);
    expect([...got.dataSync()]).toEqual([...expected.dataSync()]);
  });
});

describe("a donated storage becomes that of the result", () => {
  const halve = jit((x: Tensor) => x.mul(0.5) as Tensor, { donate: [0] });

  it("without an allocation, and as the only one that is counted", () => {
    let x = normal(0, [100]);
    const { storages, bytes } = memory();
    for (let i = 0; i < 50; i++) x = halve(x);
    expect(memory({ collect: false })).toMatchObject({ storages, bytes });
    x.dispose();
    expect(memory({ collect: false })).toMatchObject({ storages: storages - 1, bytes: bytes - 400 });
  });

  it("which the donated tensor can no longer read or free", () => {
    const x = normal(0, [4]);
    const expected = normal(0, [4]).mul(0.5).dataSync();
    const y = halve(x);
    x.dispose();
    expect(String(x)).toMatch(/disposed/);
    expect(() => x.dataSync()).toThrow(DisposedError);
    expect(y.dataSync()).toEqual(expected);
  });

  it("and donated tensors that are held do not hold the results", () => {
    const held = Array.from({ length: 50 }, () => normal(0, [4]));
    const { storages } = memory();
    for (const x of held) halve(x);
    // The engine may still know the last one.
    expect(memory().storages).toBeLessThanOrEqual(storages - held.length + 1);
    for (const x of held) expect(() => x.dataSync()).toThrow(DisposedError);
  });

  it("unless another argument has the same value, even after calls in which none had", () => {
    const step = jit((p: Tensor, q: Tensor) => [p.add(1), p.add(q)] as [Tensor, Tensor], { donate: [0] });
    step(normal(0, [5]), normal(1, [5]));
    const x = normal(0, [5]);
    const [one, double] = [x.add(1).dataSync(), x.mul(2).dataSync()];
    const [p, sum] = step(x, x);
    expect(p.dataSync()).toEqual(one);
    expect(sum.dataSync()).toEqual(double);
  });
});

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { type CpuBackend, cpuBackend } from "@amari/backend-cpu";
import { BackendError, jit, random, scan, setDefaultBackend, type Tensor } from "@amari/core";
import { afterAll, describe, expect, it, vi } from "vitest";
import { chunkOf } from "../src/threads/shared-kernels.ts";

const backends = [1, 2, 3].map((threads) => cpuBackend({ threads }));
afterAll(() => Promise.all(backends.map((backend) => backend.close())));

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape).realise() as Tensor;

/** Runs `f` until every worker has computed some of it. */
async function untilShared(backend: CpuBackend, f: () => unknown): Promise<void> {
  const before = backend.chunksByThread;
  const isShared = () => {
    const counts = backend.chunksByThread;
    return counts.length === backend.threads && counts.every((count, i) => count > (before[i] ?? 0));
  };
  for (const end = Date.now() + 15_000; Date.now() < end; await sleep(1)) {
    // Many runs at a stretch: other processes may keep a worker from waking up in time.
    for (let i = 0; i < 10; i++) f();
    if (isShared()) return;
  }
  throw new Error(`the work was never shared: ${backend.chunksByThread}`);
}

const digest = (x: Tensor): string => {
  const { buffer, byteOffset, byteLength } = x.dataSync();
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
};

const product = (a: Tensor, b: Tensor): Tensor => a.matmul(b as never) as Tensor;

/** One step of Adam, written out. */
function adamStep(p: Tensor, m: Tensor, v: Tensor, g: Tensor): Tensor[] {
  const m1 = m.mul(0.9).add(g.mul(0.1));
  const v1 = v.mul(0.999).add(g.square().mul(0.001));
  return [p.sub(m1.div(v1.sqrt().add(1e-8)).mul(1e-3)), m1, v1];
}

type Case = readonly [name: string, f: (...operands: Tensor[]) => Tensor | Tensor[], shapes: string];
const cases = [
  ["elementwise work of odd length", (x) => x!.mul(1.5).tanh().mul(x!).add(x!.neg().exp()), "100003"],
  ["elementwise work on a transposed operand", (x, y) => x!.transpose().add(y!).tanh(), "259x517 517x259"],
  ["comparisons, whose results are bytes", (x) => x!.exp().tanh().gt(0.5), "200001"],
  ["sums of rows", (x) => x!.exp().sum(1) as Tensor, "517x333"],
  ["sums of columns", (x) => x!.exp().sum(0) as Tensor, "333x517"],
  ["softmax", (x) => x!.softmax(), "301x257"],
  ["a step of Adam", adamStep as Case[1], "100001 100001 100001 100001"],
  ["a product of odd sizes", product as Case[1], "251x130 130x333"],
  ["a product a b^T", (a, b) => product(a!, b!.transpose()), "251x301 333x301"],
  ["a product a^T b", (a, b) => product(a!.transpose(), b!), "301x251 301x333"],
  ["a product of many rows and few columns", product as Case[1], "3001x67 67x35"],
  ["a product of one row", product as Case[1], "1x901 901x1103"],
  ["products of a batch", product as Case[1], "7x67x131 7x131x95"],
  ["products with a broadcast batch", product as Case[1], "3x1x67x131 5x131x95"],
  ["a convolution", (x, k) => x!.conv(k! as never) as Tensor, "13x8x41x43 16x8x3x3"],
  [
    "a convolution by groups",
    (x, k) => x!.conv(k! as never, { groups: 8 }) as Tensor,
    "1x16x121x123 24x2x5x3",
  ],
] satisfies Case[];

const shapesIn = (text: string): number[][] => text.split(" ").map((shape) => shape.split("x").map(Number));

describe("the chunks of a kernel", () => {
  const kernel = { extent: 1_000_000, cost: 1e6, granule: 64, least: 1 };

  it("are several for each thread, and multiples of what is computed well at a time", () => {
    const chunk = chunkOf(kernel, 2);
    expect(chunk % 64).toBe(0);
    expect(Math.ceil(kernel.extent / chunk)).toBe(16);
  });

  it("are of a smaller multiple where the range is short, and worth claiming where the work is little", () => {
    expect(chunkOf({ ...kernel, extent: 100 }, 2)).toBe(8);
    expect(chunkOf({ ...kernel, cost: 5_000 }, 2)).toBeGreaterThanOrEqual(kernel.extent / 2);
  });

  it("are no shorter than what is computed well, whatever the number of threads", () => {
    expect(chunkOf({ ...kernel, extent: 1024, granule: 32, least: 128 }, 16)).toBe(128);
  });
});

describe("threads", () => {
  it.each(cases)(
    "compute the same bits, one, two or three: %s",
    async (_, f, shapes) => {
      const results = new Set<string>();
      for (const backend of backends) {
        setDefaultBackend(backend);
        const operands = shapesIn(shapes).map((shape, i) => normal(i, shape).abs().realise());
        const compiled = jit((...given: Tensor[]) => [f(...given)].flat());
        const run = () => compiled(...operands);
        const bits = () => results.add(run().map(digest).join());
        bits();
        if (backend.threads > 1) await untilShared(backend, run);
        for (let i = 0; i < 5; i++) bits();
      }
      expect(results.size).toBe(1);
    },
    60_000,
  );

  it("leave a sum of everything to one of them, whose order of additions is the definition", () => {
    const sums = backends.map((backend) => {
      setDefaultBackend(backend);
      return digest(normal(1, [333, 517]).sum() as Tensor);
    });
    expect(new Set(sums).size).toBe(1);
  });

  it("are not started for small programs, nor ever where one is asked for", async () => {
    const large = () => normal(1, [300_000]).exp().tanh().realise();
    const [one, two] = [cpuBackend({ threads: 1 }), cpuBackend({ threads: 2 })];
    setDefaultBackend(one);
    for (let i = 0; i < 3; i++) large();
    setDefaultBackend(two);
    for (let i = 0; i < 3; i++) normal(1, [300]).exp().realise();
    await sleep(50);
    expect(one.chunksByThread).toEqual([0]);
    expect(two.chunksByThread).toEqual([0]);
    large();
    expect(two.chunksByThread).toHaveLength(2);
    await two.close();
  });

  it("are counted by the environment variable where the program does not say", () => {
    vi.stubEnv("AMARI_THREADS", "3");
    expect(cpuBackend().threads).toBe(3);
    expect(cpuBackend({ threads: 2 }).threads).toBe(2);
    vi.stubEnv("AMARI_THREADS", "many");
    expect(() => cpuBackend()).toThrow(/AMARI_THREADS=many/);
    vi.unstubAllEnvs();
    expect(() => cpuBackend({ threads: 0 })).toThrow(BackendError);
  });

  it("share the bodies of loops", async () => {
    const results = [];
    for (const backend of backends) {
      setDefaultBackend(backend);
      const x = normal(1, [10_007]);
      const loop = jit((x: Tensor) =>
        scan((c: Tensor) => [c.tanh().mul(1.01), c] as never, x, null, { length: 20 } as never),
      );
      if (backend.threads > 1) await untilShared(backend, () => loop(x));
      results.push((loop(x) as Tensor[]).map(digest).join());
    }
    expect(new Set(results).size).toBe(1);
  });

  it("come back after they slept, and share programs that were compiled meanwhile", async () => {
    const backend = cpuBackend({ threads: 2 });
    setDefaultBackend(backend);
    const x = normal(1, [400_000]);
    await untilShared(backend, () => x.exp().tanh().realise());
    await sleep(30);
    await untilShared(backend, () => x.tanh().exp().realise());
    await backend.close();
    expect(x.exp().tanh().sum().itemSync()).toBeGreaterThan(0);
  });

  it("that die are a BackendError, not a hang", async () => {
    const backend = cpuBackend({ threads: 2 });
    setDefaultBackend(backend);
    const x = normal(1, [400_000]);
    const f = () => x.exp().tanh().realise();
    await untilShared(backend, f);
    // Nothing public can kill a worker, so the test reaches for one.
    const { engine } = backend as unknown as { engine: { pool: { workers: readonly Worker[] } } };
    await engine.pool.workers[0]!.terminate();
    expect(f).toThrow(BackendError);
    expect(f).toThrow(/worker thread .* has died/);
    await backend.close();
  });

  it("do not keep a process alive", async () => {
    const script = `
      import { jit, random, setDefaultBackend } from "@amari/core";
      import { cpuBackend } from "@amari/backend-cpu";
      const backend = cpuBackend({ threads: 2 });
      setDefaultBackend(backend);
      const x = random.normal(random.key(1), [400_000]).realise();
      while (!(backend.chunksByThread[1] > 0)) x.exp().tanh().realise();
      console.log("shared");
    `;
    const root = fileURLToPath(new URL("../../..", import.meta.url));
    const options = [
      "--import",
      "tsx",
      "--conditions=@amari/source",
      "--input-type=module",
      "--eval",
      script,
    ];
    const { stdout } = await promisify(execFile)(process.execPath, options, {
      cwd: root,
      timeout: 15_000,
    });
    expect(stdout).toBe("shared\n");
  });
});

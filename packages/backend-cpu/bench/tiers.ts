/**
 * What V8's vectors of 256 bits gain over those of 128, in turns within one process, on one thread: matrix products in
 * GFLOP/s, then whole programs in microseconds, each the best of many runs by the time that the process had a processor.
 * `AMARI_TIER` plays no part. On Node 24 or 26: `npx tsx --conditions=@amari/source packages/backend-cpu/bench/tiers.ts`.
 */
import { jit, random, setDefaultBackend, type Tensor } from "@amari/core";
import { cpuBackend } from "../src/index.ts";
import { compile, type Shape, speed } from "./measure.ts";

const tiers = ["relaxed", "revectorised"] as const;
const start = performance.now();
const backends = tiers.map((tier) => cpuBackend({ tier, threads: 1 }));
console.log(
  `node ${process.versions.node}; both backends, with the test at start: ${(performance.now() - start).toFixed(0)} ms`,
);

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const row = (name: string, [plain, wide]: readonly number[], ratio: number, digits: number): void =>
  console.log(
    name.padEnd(26),
    [plain!, wide!].map((figure) => figure.toFixed(digits).padStart(14)).join(""),
    ratio.toFixed(2).padStart(8),
  );

console.log(`\n${"GFLOP/s".padEnd(26)} ${tiers.map((tier) => tier.padStart(14)).join("")}    ratio`);
for (const dtype of ["float32", "float64"] as const) {
  const kinds = [false, true].map((wide) => {
    const kind = { dtype, fma: true, wide };
    return { kind, gemm: compile(kind) };
  });
  for (const shape of [64, 128, 256, 512, 1024, 2048].map((n): Shape => [n, n, n])) {
    const rounds = Array.from({ length: 5 }, () =>
      kinds.map(({ kind, gemm }) => speed(gemm, kind, shape, "NN", 60)),
    );
    const best = kinds.map((_, i) => Math.max(...rounds.map((figures) => figures[i]!)));
    const ratio = median(rounds.map(([plain, wide]) => wide! / plain!));
    row(`matmul ${shape[0]} ${dtype}`, best, ratio, 1);
  }
}

const side = 1024;
const square = (x: Tensor): Tensor => x.reshape([side, side]) as Tensor;
const programs: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  "tanh(ax + b) x + exp(-x)": (x) => x.mul(1.5).add(0.25).tanh().mul(x).add(x.neg().exp()) as Tensor,
  "a polynomial": (x) => x.mul(x).add(1.5).mul(x).sub(0.25).mul(x).add(3) as Tensor,
  "gelu by erf": (x) => x.erf().add(1).mul(x).mul(0.5) as Tensor,
  softmax: (x) => square(x).softmax(),
  "sum of rows": (x) => square(x).sum(1) as Tensor,
  "sum of columns": (x) => square(x).sum(0) as Tensor,
  convolution: (x) =>
    x
      .reshape([16, 16, 64, 64])
      .conv(x.slice([0, 32 * 16 * 9]).reshape([32, 16, 3, 3]) as never, { padding: 1 } as never) as Tensor,
  "a row times a matrix": (x) =>
    (x.slice([0, side]).reshape([1, side]) as Tensor).matmul(square(x) as never) as Tensor,
};

console.log(`\n${"microseconds".padEnd(26)} ${tiers.map((tier) => tier.padStart(14)).join("")}    ratio`);
for (const [name, f] of Object.entries(programs)) {
  const runs = backends.map((backend) => {
    setDefaultBackend(backend);
    const x = random.normal(random.key(1), [side * side]).realise() as Tensor;
    const step = jit(f as never) as unknown as (x: Tensor) => Tensor;
    step(x).realise();
    return { backend, run: () => step(x).realise() };
  });
  const rounds = Array.from({ length: 40 }, () =>
    runs.map(({ backend, run }) => {
      setDefaultBackend(backend);
      const before = process.cpuUsage();
      for (let i = 0; i < 5; i++) run();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 5;
    }),
  );
  const best = runs.map((_, i) => Math.min(...rounds.map((figures) => figures[i]!)));
  row(name, best, best[0]! / best[1]!, 0);
}

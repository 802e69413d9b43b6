/**
 * What threads gain: the same programs on one thread and on several, in turns, the best of each.
 * `npx tsx --conditions=@amari/source packages/backend-cpu/bench/threads.ts [threads]`
 */
import { jit, random, setDefaultBackend, type Tensor } from "@amari/core";
import { cpuBackend } from "../src/index.ts";

const threads = Number(process.argv[2] ?? 2);
const backends = [cpuBackend({ threads: 1 }), cpuBackend({ threads })];

const normal = (seed: number, shape: readonly number[]): Tensor =>
  random.normal(random.key(seed), shape).realise() as Tensor;
const product = (a: Tensor, b: Tensor): Tensor => a.matmul(b as never) as Tensor;

type Case = readonly [
  name: string,
  f: (...operands: Tensor[]) => Tensor,
  shapes: readonly (readonly number[])[],
];
const cases: readonly Case[] = [
  ...[128, 256, 512, 1024].map(
    (n): Case => [
      `matmul ${n}`,
      product as Case[1],
      [
        [n, n],
        [n, n],
      ],
    ],
  ),
  [
    "matmul 8 of 256",
    product as Case[1],
    [
      [8, 256, 256],
      [8, 256, 256],
    ],
  ],
  [
    "matmul 64 x 1024 x 1024",
    product as Case[1],
    [
      [64, 1024],
      [1024, 1024],
    ],
  ],
  ...[12, 16, 19, 22].map(
    (power): Case => [
      `tanh(1.5 x + 0.25) x + exp(-x), 2^${power}`,
      (x) => x!.mul(1.5).add(0.25).tanh().mul(x!).add(x!.neg().exp()),
      [[2 ** power]],
    ],
  ),
  ["sum of rows, 2048 x 2048", (x) => x!.sum(1) as Tensor, [[2048, 2048]]],
  ["sum of columns, 2048 x 2048", (x) => x!.sum(0) as Tensor, [[2048, 2048]]],
  ["softmax, 1024 x 1024", (x) => x!.softmax() as Tensor, [[1024, 1024]]],
];

console.log(`${"".padEnd(36)}  1 thread  ${threads} threads  ratio`);
for (const [name, f, shapes] of cases) {
  const runs = backends.map((backend) => {
    setDefaultBackend(backend);
    const operands = shapes.map((shape, i) => normal(i, shape));
    const compiled = jit((...given: Tensor[]) => f(...given));
    return () => {
      const y = compiled(...operands).realise();
      y.dispose();
    };
  });
  const best = backends.map(() => Number.POSITIVE_INFINITY);
  // Until the workers have the program.
  for (const run of runs) run();
  await new Promise((done) => setTimeout(done, 200));
  for (const end = performance.now() + 1500; performance.now() < end; ) {
    for (const [i, run] of runs.entries()) {
      run();
      // The second run finds the workers awake, as in a loop.
      const start = performance.now();
      run();
      best[i] = Math.min(best[i]!, performance.now() - start);
    }
  }
  const [one, several] = best as [number, number];
  const show = (milliseconds: number) => `${milliseconds.toFixed(3)} ms`.padStart(10);
  console.log(name.padEnd(36), show(one), show(several), `${(one / several).toFixed(2)}`.padStart(6));
}

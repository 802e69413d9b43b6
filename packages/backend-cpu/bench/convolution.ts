/**
 * The speed of convolutions in compiled programs on one thread:
 * `npx tsx --conditions=@amari/source packages/backend-cpu/bench/convolution.ts`.
 */
import { grad, jit, random, setDefaultBackend, type Tensor } from "@amari/core";
import { cpuBackend } from "../src/index.ts";

setDefaultBackend(cpuBackend());

interface Example {
  readonly name: string;
  readonly input: readonly number[];
  readonly window: readonly number[];
  readonly options?: Parameters<Tensor["conv"]>[1];
}

const examples: readonly Example[] = [
  {
    name: "3x3, 16 to 32 channels",
    input: [32, 16, 28, 28],
    window: [32, 16, 3, 3],
    options: { padding: 1 },
  },
  {
    name: "3x3, stride 2",
    input: [32, 16, 28, 28],
    window: [32, 16, 3, 3],
    options: { padding: 1, strides: 2 },
  },
  { name: "3x3, 64 channels", input: [8, 64, 56, 56], window: [64, 64, 3, 3], options: { padding: 1 } },
  {
    name: "3x3, 256 channels, 7x7",
    input: [16, 256, 7, 7],
    window: [256, 256, 3, 3],
    options: { padding: 1 },
  },
  { name: "1x1, 256 to 64 channels", input: [8, 256, 28, 28], window: [64, 256, 1, 1] },
  { name: "5x5, 1 to 6 channels", input: [64, 1, 28, 28], window: [6, 1, 5, 5], options: { padding: 2 } },
  {
    name: "7x7, stride 2, 3 channels",
    input: [4, 3, 112, 112],
    window: [64, 3, 7, 7],
    options: { padding: 3, strides: 2 },
  },
  {
    name: "3x3, each channel apart",
    input: [16, 64, 28, 28],
    window: [64, 1, 3, 3],
    options: { padding: 1, groups: 64 },
  },
  { name: "9 in one dimension", input: [16, 32, 1024], window: [32, 32, 9], options: { padding: 4 } },
];

/** Milliseconds: the fastest run of many by the time that the process had a processor, as others only slow it down. */
function fastest(f: () => readonly Tensor[], milliseconds = 400): number {
  const run = () => {
    for (const result of f()) result.realise().dispose();
  };
  for (let i = 0; i < 3; i++) run();
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const show = (milliseconds: number, flops: number) =>
  `${milliseconds.toFixed(2).padStart(8)} ms ${(flops / milliseconds / 1e6).toFixed(1).padStart(5)} GFLOP/s`;

const columns = ["forward", "gradient of the input", "gradient of the kernel", "loss and both gradients"];
console.log(" ".repeat(26), columns.map((name) => name.padEnd(26)).join(""));
for (const { name, input, window, options = {} } of examples) {
  const x = random.normal(random.key(1), input) as Tensor;
  const w = random.normal(random.key(2), window) as Tensor;
  const forward = jit((a: Tensor, b: Tensor) => a.conv(b, options));
  const y = forward(x, w);
  const linear = (a: Tensor, b: Tensor, ct: Tensor) => a.conv(b, options).mul(ct).sum();
  const inInput = jit((a: Tensor, b: Tensor, ct: Tensor) => grad(linear)(a, b, ct));
  const inKernel = jit((a: Tensor, b: Tensor, ct: Tensor) => grad(linear, { argnums: 1 })(a, b, ct));
  const loss = (p: { a: Tensor; b: Tensor }) => p.a.conv(p.b, options).square().sum().mul(0.5);
  const both = jit((a: Tensor, b: Tensor) => grad(loss)({ a, b }));
  const perOutput = window.slice(1).reduce((a, b) => a * b, 1);
  const flops = 2 * y.size * perOutput;
  const times = [
    show(
      fastest(() => [forward(x, w)]),
      flops,
    ),
    show(
      fastest(() => [inInput(x, w, y)]),
      flops,
    ),
    show(
      fastest(() => [inKernel(x, w, y)]),
      flops,
    ),
    show(
      fastest(() => Object.values(both(x, w))),
      3 * flops,
    ),
  ];
  console.log(name.padEnd(26), times.map((time) => time.padEnd(26)).join(""));
}

import { random, type Tensor } from "amari";
import { computed } from "../computed.ts";
import type { BenchmarkCase, BenchmarkSuite } from "../suite.ts";

const operand = (seed: number, shape: readonly number[]): Tensor =>
  (random.normal(random.key(seed), shape) as Tensor).realise();

const kernel = (
  name: string,
  shapes: readonly (readonly number[])[],
  f: (...x: Tensor[]) => Tensor,
): BenchmarkCase => ({
  name,
  prepare: () => {
    const operands = shapes.map((shape, i) => operand(i, shape));
    return () => computed(f(...operands));
  },
});

const vector = [100_000];

/** Single programs on float32: what a backend makes fast. */
export const kernels: BenchmarkSuite = {
  name: "kernels",
  about: "Kernels, float32. Each is built, run and freed; reading is not included.",
  budget: { seconds: 0.5, samples: 5 },
  cases: () => [
    kernel(
      "matmul 64x64 by 64x64",
      [
        [64, 64],
        [64, 64],
      ],
      (a, b) => a.matmul(b) as Tensor,
    ),
    kernel(
      "matmul 256x256 by 256x256",
      [
        [256, 256],
        [256, 256],
      ],
      (a, b) => a.matmul(b) as Tensor,
    ),
    kernel(
      "tanh(x a + b) x + exp(-x), 100,000",
      [vector, vector, vector],
      (x, a, b) => x.mul(a).add(b).tanh().mul(x).add(x.neg().exp()) as Tensor,
    ),
    kernel("sum, 100,000", [vector], (x) => x.sum() as Tensor),
    kernel("softmax over rows, 256x256", [[256, 256]], (x) => x.softmax(-1) as Tensor),
  ],
};

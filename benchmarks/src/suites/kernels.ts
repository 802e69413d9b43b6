import { arange, random, type Tensor } from "amari";
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
    kernel("softmax behind a causal mask, 256x256", [[256, 256]], (x) => {
      const places = arange(256) as Tensor;
      return places
        .le(places.reshape([256, 1]))
        .where(x, -Infinity)
        .softmax(-1) as Tensor;
    }),
    kernel(
      "matmul 24x1024 by 1024x1024",
      [
        [24, 1024],
        [1024, 1024],
      ],
      (a, b) => a.matmul(b) as Tensor,
    ),
    kernel("max pooling 2x2, 64x8x24x24", [[64, 8, 24, 24]], (x) => x.maxPool([2, 2])),
    kernel("transposition, 1024x1024", [[1024, 1024]], (x) => x.transpose().add(1) as Tensor),
    kernel("argmax over rows, 512x1024", [[512, 1024]], (x) => x.argmax(1) as Tensor),
    kernel("sort of rows, 512x1024", [[512, 1024]], (x) => x.sort(1)),
    kernel("digamma, 100,000", [vector], (x) => x.abs().digamma() as Tensor),
    kernel("eigenvalues, 100x100", [[100, 100]], (x) => x.add(x.matrixTranspose()).eigh()[0] as Tensor),
  ],
};

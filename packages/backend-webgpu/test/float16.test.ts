import { referenceBackend } from "@amari/backend-reference";
import type { WebgpuBackend } from "@amari/backend-webgpu";
import { grad, jit, scan, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { float16FromBits, roundToFloat16, ulpDistance } from "@amari/core/backend";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const found = await backendOrNull("float16 on WebGPU");
const backend = found as WebgpuBackend;

afterAll(() => found?.close());
beforeEach(() => setDefaultBackend(backend));

const list = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** Each float16, what is half way to the next one and what is just beside that, and what float16 does not have. */
const numbers = Array.from({ length: 0x7c00 }, (_, bits) => {
  const x = float16FromBits(bits);
  const middle = (x + (bits === 0x7bff ? 65536 : float16FromBits(bits + 1))) / 2;
  return [x, middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -23)].map(Math.fround);
})
  .flat()
  .concat(2 ** -30, 70_000, Math.fround(1e30), Infinity)
  .flatMap((x) => [x, -x])
  .concat(Number.NaN);

/** Numbers from -2 to 2 without order, the same on all backends. */
const waves = (seed: number, shape: readonly number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 2 * Math.sin(i * i + seed)),
    { shape, dtype: "float16" },
  ) as Tensor;

describe.skipIf(found === null)("float16 on WebGPU", () => {
  it("is rounded to as everywhere", async () => {
    const rounded = await list(tensor(numbers).astype("float16"));
    const first = numbers.findIndex((x, i) => !Object.is(rounded[i], roundToFloat16(x)));
    expect(first < 0 ? "" : `${numbers[first]} gives ${rounded[first]}`).toBe("");
  });

  it("rounds after each operation of a fused kernel, as one by one", async () => {
    const f = (x: Tensor): Tensor => x.mul(3.3).add(0.7).sub(x).add(x).abs().sqrt() as Tensor;
    const x = waves(0, [1001]);
    const single = await [
      (y: Tensor) => y.mul(3.3),
      (y: Tensor) => y.add(0.7),
      (y: Tensor) => y.sub(x),
      (y: Tensor) => y.add(x),
      (y: Tensor) => y.abs(),
      (y: Tensor) => y.sqrt(),
    ].reduce(async (y, g) => (g(await y) as Tensor).realise(), Promise.resolve(x));
    const [eager, jitted] = [await list(f(x)), await list(jit(f)(x))];
    expect(jitted).toEqual(eager);
    expect(await list(single)).toEqual(eager);
    setDefaultBackend(referenceBackend());
    const expected = await list(f(waves(0, [1001])));
    // Division and roots of WGSL may be off in float32, which rounding to float16 rarely shows.
    const ulps = expected.map((y, i) => ulpDistance(y, eager[i]!, "float16"));
    expect(Math.max(...ulps)).toBeLessThanOrEqual(1);
    expect(ulps.filter((ulp) => ulp > 0).length).toBeLessThanOrEqual(3);
  });

  it("multiplies, adds up, differentiates and loops as the reference does", async () => {
    const run = async (): Promise<number[]> => {
      const [a, b] = [waves(1, [17, 65]), waves(2, [65, 5])];
      const loss = (w: Tensor): Tensor<[]> =>
        a.matmul(w.astype("float16")).tanh().square().mean() as Tensor as Tensor<[]>;
      const [, sums] = scan(
        (carry: Tensor, x: Tensor) => [carry.add(x) as Tensor, carry.add(x) as Tensor],
        waves(3, [3]),
        waves(4, [7, 3]),
      );
      const gradient = grad(loss)(b.astype("float32") as Tensor);
      expect(gradient.dtype).toBe("float32");
      const results = [a.matmul(b), a.sum(1), sums, gradient] as Tensor[];
      return (await Promise.all(results.map(list))).flat();
    };
    const got = await run();
    setDefaultBackend(referenceBackend());
    const expected = await run();
    expected.forEach((y, i) => {
      expect(Math.abs(y - got[i]!)).toBeLessThanOrEqual(2 ** -9 * Math.max(1, Math.abs(y)));
    });
  });
});

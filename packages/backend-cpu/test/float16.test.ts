import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { conv, type DType, jit, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { float16FromBits, roundToFloat16, setValidation, ulpDistance } from "@amari/core/backend";
import { describe, expect, it } from "vitest";
import { whyNotRevectorised } from "../src/revectorised/allowed.ts";
import type { CpuTier } from "../src/tier.ts";

setValidation(true);

const list = (x: Tensor): number[] => Array.from(x.dataSync());

/** Each float16, what is half way to the next one, what is just beside that, and what float16 does not have. */
const numbers = Array.from({ length: 0x7c00 }, (_, bits) => {
  const x = float16FromBits(bits);
  const next = bits === 0x7bff ? 65536 : float16FromBits(bits + 1);
  const middle = (x + next) / 2;
  return [x, middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -23), middle * (1 + 2 ** -50)];
})
  .flat()
  .concat(1e-40, 1e-300, 70_000, 1e30, 1e300, Infinity)
  .flatMap((x) => [x, -x])
  .concat(Number.NaN);

/** Numbers from -2 to 2 without order, the same on all backends. */
function waves(seed: number, shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: size }, (_, i) => 2 * Math.sin(i * i + seed));
  return tensor(data, { shape, dtype: "float16" }) as Tensor;
}

/** The first place where two lists differ, as text; empty where there is none. */
function difference(found: readonly number[], expected: readonly number[]): string {
  const at = expected.findIndex((x, i) => !Object.is(found[i], x));
  return at < 0 ? "" : `${numbers[at]} gives ${found[at]}, not ${expected[at]}`;
}

const tiers = [
  "relaxed",
  "simd128",
  "js",
  ...(whyNotRevectorised() === null ? ["revectorised"] : []),
] as CpuTier[];

describe.each(tiers)("float16 in the tier %s", (tier) => {
  const backend = cpuBackend({ tier });

  it.each(["float32", "float64"] as const)("is rounded to from %s as from the reals", (dtype: DType) => {
    setDefaultBackend(backend);
    const x = tensor(numbers, { dtype }) as Tensor;
    const expected = list(x).map(roundToFloat16);
    expect(difference(list(x.astype("float16")), expected)).toBe("");
    // Rounded in registers, without a detour over memory.
    expect(difference(list(x.astype("float16").astype("float64")), expected)).toBe("");
    expect(difference(list(x.astype("float16").neg().neg()), expected)).toBe("");
  });

  it("rounds after each operation of a fused kernel, as one by one", () => {
    const f = (x: Tensor): Tensor => x.mul(3.3).add(0.7).exp().div(x.abs().add(0.1)).sqrt() as Tensor;
    const run = (): number[][] => {
      const x = waves(0, [1001]);
      const steps = [x.mul(3.3), x.abs()] as [Tensor, Tensor];
      for (const step of steps) step.realise();
      const [sum, below] = [steps[0].add(0.7), steps[1].add(0.1)] as [Tensor, Tensor];
      const e = sum.realise().exp() as Tensor;
      return [f(x), jit(f)(x), e.realise().div(below.realise()).realise().sqrt() as Tensor].map(list);
    };
    setDefaultBackend(backend);
    const [eager, jitted, single] = run() as [number[], number[], number[]];
    expect(jitted).toEqual(eager);
    expect(single).toEqual(eager);
    setDefaultBackend(referenceBackend());
    const [expected] = run() as [number[]];
    // The float32 results of exp may be rounded to the other side.
    expect(Math.max(...expected.map((y, i) => ulpDistance(y, eager[i]!, "float16")))).toBeLessThanOrEqual(1);
  });

  it("multiplies matrices and convolves in float32 and rounds at the end", () => {
    const run = (): number[] => {
      const product = waves(1, [17, 65])
        .matmul(waves(2, [65, 33]))
        .transpose() as Tensor;
      return [...list(product), ...list(conv(waves(3, [2, 3, 9, 9]), waves(4, [5, 3, 3, 3])) as Tensor)];
    };
    setDefaultBackend(backend);
    const found = run();
    setDefaultBackend(referenceBackend());
    const expected = run();
    const scale = Math.max(...expected.map(Math.abs));
    expected.forEach((y, i) => {
      const isNear = Math.abs(y - found[i]!) <= 65 * 2 ** -24 * scale;
      if (!isNear && ulpDistance(y, found[i]!, "float16") > 1) expect(found[i]).toBe(y);
    });
  });
});

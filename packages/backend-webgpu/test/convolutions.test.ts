import { referenceBackend } from "@amari/backend-reference";
import { type WebgpuBackend, webgpu } from "@amari/backend-webgpu";
import { type Backend, setDefaultBackend, type Tensor, tensor, vjp } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { productVariantNames } from "../src/emit/dot/variants.ts";
import { backendOrNull } from "./support.ts";

const standard = await backendOrNull("convolutions on WebGPU");
const others: WebgpuBackend[] = [];
for (const product of standard === null ? [] : productVariantNames.slice(1))
  others.push(await webgpu({ product }));
const reference = referenceBackend();

afterAll(async () => {
  await standard?.close();
  for (const backend of others) await backend.close();
});

/** A convolution as a user writes it. */
interface Case {
  readonly x: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

function numbers(seed: number, shape: readonly number[]): Tensor {
  const uniform = uniformFrom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

/** The convolution and both its adjoints: the second has zeros inside its input, the third long sums. */
const parts = {
  result: ({ x, kernel, ...options }: Case) => numbers(1, x).conv(numbers(2, kernel), options) as Tensor,
  "gradient in the input": ({ x, kernel, ...options }: Case) => {
    const [y, pull] = vjp(
      (input: Tensor) => input.conv(numbers(2, kernel), options) as Tensor,
      numbers(1, x),
    );
    return pull(numbers(3, y.shape))[0] as Tensor;
  },
  "gradient in the kernel": ({ x, kernel, ...options }: Case) => {
    const [y, pull] = vjp(
      (window: Tensor) => numbers(1, x).conv(window, options) as Tensor,
      numbers(2, kernel),
    );
    return pull(numbers(3, y.shape))[0] as Tensor;
  },
};

async function on(backend: Backend, f: () => Tensor): Promise<Float32Array> {
  setDefaultBackend(backend);
  return (await f().data()) as Float32Array;
}

const bits = (x: Float32Array): Uint32Array => new Uint32Array(x.buffer, x.byteOffset, x.length);

/** Compares with the reference, and the variants among each other. */
async function check(one: Case, part: keyof typeof parts, variants: readonly WebgpuBackend[]): Promise<void> {
  const compute = () => parts[part](one);
  const got = await on(standard!, compute);
  const expected = await on(reference, compute);
  expect(got.length).toBe(expected.length);
  const sums = one.x.reduce((a, b) => a * b, 1) * one.kernel.reduce((a, b) => a * b, 1);
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(1e-6 + 2e-7 * Math.sqrt(sums));
  for (const backend of variants) expect(bits(await on(backend, compute))).toEqual(bits(got));
}

/** An axis of the input, of the window and of how it slides, such that the window fits. */
const axis = (longest: number) =>
  fc
    .record({
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 3 }),
      taps: fc.integer({ min: 1, max: 4 }),
      padding: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
      extra: fc.integer({ min: 0, max: longest }),
    })
    .map(({ stride, dilation, taps, padding, extra }) => {
      const span = (taps - 1) * dilation + 1;
      return { stride, dilation, taps, padding, size: Math.max(1, span - padding[0] - padding[1]) + extra };
    });

const cases: fc.Arbitrary<Case> = fc
  .record({
    axes: fc.oneof(
      fc.array(axis(40), { minLength: 1, maxLength: 1 }),
      fc.array(axis(9), { minLength: 2, maxLength: 2 }),
      fc.array(axis(3), { minLength: 3, maxLength: 3 }),
    ),
    batch: fc.integer({ min: 1, max: 6 }),
    groups: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 5 })),
    channels: fc.integer({ min: 1, max: 12 }),
    outputs: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ axes, batch, groups, channels, outputs }) => ({
    x: [batch, groups * channels, ...axes.map(({ size }) => size)],
    kernel: [groups * outputs, channels, ...axes.map(({ taps }) => taps)],
    strides: axes.map(({ stride }) => stride),
    padding: axes.map(({ padding }) => padding),
    dilation: axes.map(({ dilation }) => dilation),
    groups,
  }));

const square = (x: readonly number[], kernel: readonly number[], options: Partial<Case> = {}): Case => ({
  x,
  kernel,
  strides: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ],
  dilation: [1, 1],
  groups: 1,
  ...options,
});

const same = [
  [1, 1],
  [1, 1],
] as const;

/** What networks have, and what is computed in another way than the rest. */
const common: Readonly<Record<string, Case>> = {
  "a 3 x 3 window over many channels": square([2, 16, 9, 9], [8, 16, 3, 3], { padding: same }),
  "a 3 x 3 window in steps of 2": square([3, 6, 12, 11], [12, 6, 3, 3], { padding: same, strides: [2, 2] }),
  "one channel for each group": square([2, 6, 8, 8], [6, 1, 3, 3], { padding: same, groups: 6 }),
  "a window of one place": square([4, 16, 8, 8], [24, 16, 1, 1]),
  "a window of one place in steps of 2": square([4, 16, 12, 12], [24, 16, 1, 1], { strides: [2, 2] }),
  "a window as large as the input": square([24, 8, 5, 5], [16, 8, 5, 5]),
  "a few multiplications": square([2, 3, 6, 6], [4, 3, 3, 3]),
  "a few multiplications by a window of one place": square([2, 3, 4, 4], [8, 3, 1, 1]),
  "one image as large as the window": square([1, 8, 5, 5], [32, 8, 5, 5]),
  "a window on a long line, whose sums are cut anywhere": {
    x: [2, 4, 701],
    kernel: [6, 4, 5],
    strides: [1],
    padding: [[0, 0]],
    dilation: [1],
    groups: 1,
  },
  "a long sum": square([3, 4, 24, 24], [5, 4, 3, 3]),
};

const samples = Number(process.env["SAMPLES"] ?? 8);
const chosen = (i: number): WebgpuBackend[] => [others[i % others.length]!];

describe.skipIf(standard === null)("convolutions", () => {
  for (const [i, [name, one]] of Object.entries(common).entries()) {
    for (const [j, part] of (Object.keys(parts) as (keyof typeof parts)[]).entries()) {
      it(`by ${name}: the ${part}, with the same bits in all variants`, { timeout: 60_000 }, async () => {
        await check(one, part, chosen(i + j));
      });
    }
  }

  it("of any geometry agree with the reference, with the same bits in all variants", {
    timeout: 60_000 + 20_000 * samples,
  }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const part = (Object.keys(parts) as (keyof typeof parts)[])[run % 3]!;
        await check(one, part, chosen(run++));
      }),
      { numRuns: samples, seed: Number(process.env["SEED"] ?? 1), endOnFailure: true },
    );
  });

  it("have the same bits however the operands stand in memory", { timeout: 60_000 }, async () => {
    for (const [name, { x, kernel, ...options }] of Object.entries(common)) {
      const input = () => numbers(1, [...x].reverse()).transpose() as Tensor;
      const dense = () => input().mul(tensor(1).realise()).realise() as Tensor;
      const [a, b] = [input, dense].map(
        (make) => () => make().conv(numbers(2, kernel), options) as Tensor,
      ) as [() => Tensor, () => Tensor];
      expect(bits(await on(standard!, a)), name).toEqual(bits(await on(standard!, b)));
    }
  });

  it("of integers wrap", { timeout: 60_000 }, async () => {
    for (const dtype of ["int32", "uint32"] as const) {
      const large = (shape: readonly number[]) =>
        numbers(4, shape)
          .mul(2 ** 30)
          .abs()
          .astype(dtype) as Tensor;
      const product = () => large([2, 3, 7, 7]).conv(large([4, 3, 3, 3]), { padding: 1 }) as Tensor;
      const expected = await on(reference, product);
      for (const backend of [standard!, others[1]!]) expect(await on(backend, product)).toEqual(expected);
    }
  });

  it("without channels are zeros", { timeout: 60_000 }, async () => {
    const product = () => numbers(1, [2, 0, 5, 5]).conv(numbers(2, [4, 0, 3, 3]) as never) as Tensor;
    for (const backend of [standard!, others[1]!]) {
      expect(await on(backend, product)).toEqual(new Float32Array(2 * 4 * 9));
    }
  });

  it("are measured once for a class, and remembered", { timeout: 120_000 }, async () => {
    const backend = await webgpu({ product: "measured" });
    try {
      const of = (images: number) => () =>
        numbers(1, [images, 7, 6, 6]).conv(numbers(2, [8, 7, 3, 3]), { padding: 1 }) as Tensor;
      const first = await on(backend, of(3));
      expect(backend.productChoices.size).toBe(1);
      expect(bits(first)).toEqual(bits(await on(standard!, of(3))));
      await on(backend, of(4));
      expect(backend.productChoices.size).toBe(1);
    } finally {
      await backend.close();
    }
  });
});

import { referenceBackend } from "@amari/backend-reference";
import { type WebgpuBackend, webgpu } from "@amari/backend-webgpu";
import { scan, setDefaultBackend, type Tensor, tensor, zeros } from "@amari/core";
import { uniformFrom } from "@amari/testing";
import { afterAll, describe, expect, it } from "vitest";
import { productVariantNames } from "../src/emit/dot/variants.ts";
import { backendOrNull } from "./support.ts";

const standard = await backendOrNull("products of matrices on WebGPU");
const others: WebgpuBackend[] = [];
for (const product of standard === null ? [] : productVariantNames.slice(1))
  others.push(await webgpu({ product, rows: "shared" }));

afterAll(async () => {
  await standard?.close();
  for (const backend of others) await backend.close();
});

/** The same numbers from -1 to 1 on every backend. */
function numbers(seed: number, ...shape: number[]): Tensor {
  const uniform = uniformFrom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => 2 * uniform() - 1)).reshape(shape) as Tensor;
}

async function on(backend: Parameters<typeof setDefaultBackend>[0], f: () => Tensor): Promise<Float32Array> {
  setDefaultBackend(backend);
  return (await f().data()) as Float32Array;
}

const bits = (x: Float32Array): Uint32Array => new Uint32Array(x.buffer, x.byteOffset, x.length);

function expectClose(got: Float32Array, expected: Float32Array, k: number): void {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  got.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(x - expected[i]!));
  });
  expect(worst).toBeLessThanOrEqual(1e-7 * k + 1e-6);
}

/** Operands of which each is read along its rows or its columns. */
const layouts = (m: number, k: number, n: number): readonly (() => Tensor)[] => [
  () => numbers(1, m, k).matmul(numbers(2, k, n)) as Tensor,
  () =>
    numbers(1, k, m)
      .transpose()
      .matmul(numbers(2, k, n)) as Tensor,
  () => numbers(1, m, k).matmul(numbers(2, n, k).transpose()) as Tensor,
  () =>
    numbers(1, k, m)
      .transpose()
      .matmul(numbers(2, n, k).transpose()) as Tensor,
];

const shapes = [
  // Whole quads and tiles, ragged tiles, no quads at all, and every edge of them.
  [32, 16, 64],
  [36, 20, 132],
  [5, 7, 6],
  [7, 8, 4],
  [65, 33, 31],
  [4, 1, 8],
  // Whose sum over k is cut.
  [20, 1028, 12],
  [9, 1031, 5],
] as const;

/** Every ninth combination of shape, layout and variant, since software drivers compile slowly; all of them: EVERY=1 */
const every = Number(process.env["EVERY"] ?? 9);

describe.skipIf(standard === null)("products of matrices", () => {
  let combination = 0;
  for (const [m, k, n] of shapes) {
    it(`of ${m} x ${k} by ${k} x ${n} have the same bits in all variants`, { timeout: 120_000 }, async () => {
      for (const product of layouts(m, k, n)) {
        const chosen = others.filter(() => combination++ % every === 0);
        if (chosen.length === 0) continue;
        const first = await on(standard!, product);
        expectClose(first, await on(referenceBackend(), product), k);
        for (const backend of chosen) expect(bits(await on(backend, product))).toEqual(bits(first));
      }
    });
  }

  it("of batches have the same bits in all variants", { timeout: 120_000 }, async () => {
    const product = () =>
      numbers(3, 2, 3, 12, 20).matmul(numbers(4, 3, 16, 20).matrixTranspose() as never) as Tensor;
    const first = await on(standard!, product);
    expectClose(first, await on(referenceBackend(), product), 20);
    for (const backend of others) expect(bits(await on(backend, product))).toEqual(bits(first));
  });

  it("of float16 have the same bits in all variants as of float32", { timeout: 120_000 }, async () => {
    // Whole quads of halves, and none.
    for (const [m, k, n] of [
      [36, 20, 132],
      [33, 18, 70],
    ] as const) {
      const operands = (): [Tensor, Tensor] => [
        numbers(8, m, k).astype("float16") as Tensor,
        numbers(9, n, k).astype("float16").transpose() as Tensor,
      ];
      const product = ([x, y]: [Tensor, Tensor]) => x.matmul(y).astype("float32") as Tensor;
      const expected = await on(standard!, () => {
        const [x, y] = operands().map((z) => z.astype("float32").realise() as Tensor) as [Tensor, Tensor];
        return (x.matmul(y).realise() as Tensor).astype("float16").astype("float32") as Tensor;
      });
      for (const backend of [standard!, ...others])
        expect(bits(await on(backend, () => product(operands())))).toEqual(bits(expected));
    }
  });

  it("have the same bits whether memory begins on quads or not", { timeout: 60_000 }, async () => {
    const weights = () => numbers(6, 8, 4);
    // The second and the third step of the loop read from the middle of a quad on.
    const cut = (x: Tensor) => x.slice(...x.shape.slice(1).map(() => null), [0, 32]) as Tensor;
    const looped = () =>
      scan(
        (carry: Tensor, x: Tensor) =>
          [
            carry,
            cut(x)
              .reshape([4, 8])
              .matmul(weights() as never),
          ] as const,
        zeros([1]) as Tensor,
        numbers(5, 3, 33),
      )[1] as Tensor;
    const whole = () =>
      cut(numbers(5, 3, 33))
        .reshape([3, 4, 8])
        .matmul(weights() as never) as Tensor;
    expect(bits(await on(standard!, looped))).toEqual(bits(await on(standard!, whole)));
  });

  it("keep what is not finite, and the signs of zeros", { timeout: 60_000 }, async () => {
    // 9 steps along k end in the middle of a tile, beyond which nothing must be added.
    const x = () => tensor(Float32Array.from({ length: 45 }, (_, i) => (i === 7 ? Infinity : -1e-30)));
    const y = () => tensor(Float32Array.from({ length: 45 }, () => 1e-30));
    const product = () =>
      x()
        .reshape([5, 9])
        .matmul(y().reshape([9, 5]) as never) as Tensor;
    const first = await on(standard!, product);
    expect(first[0]).toBe(Infinity);
    for (const backend of others) expect(bits(await on(backend, product))).toEqual(bits(first));
  });
});

describe.skipIf(standard === null)("vectors by matrices", () => {
  for (const [vectors, k, outer] of [
    [1, 64, 33],
    [1, 300, 7],
    [3, 131, 40],
    [2, 9000, 2],
    [1, 20_000, 1],
  ] as const) {
    it(`${vectors} of ${k} by ${outer}: the same bits however the matrix stands, by one or many invocations`, {
      timeout: 60_000,
    }, async () => {
      const left = layouts(vectors, k, outer);
      const expected = await on(referenceBackend(), left[0]!);
      // The second and fourth layout hold other numbers on the left, the third and fourth on the right.
      const wide = () => numbers(1, vectors, k).matmul(numbers(2, outer, k).transpose()) as Tensor;
      const tall = () =>
        numbers(2, outer, k)
          .matmul(numbers(1, vectors, k).transpose())
          .transpose() as Tensor;
      const copied = () =>
        numbers(1, vectors, k).matmul(numbers(2, outer, k).transpose().realise().mul(1) as never) as Tensor;
      expectClose(await on(standard!, left[0]!), expected, k);
      const bitsOfWide = bits(await on(standard!, wide));
      expectClose(await on(standard!, wide), await on(referenceBackend(), wide), k);
      // On a software driver, invocations share the sums of an element only where they are told to.
      for (const backend of [standard!, others[0]!]) {
        expect(bits(await on(backend, wide))).toEqual(bitsOfWide);
        expect(bits(await on(backend, copied))).toEqual(bitsOfWide);
        if (vectors !== outer) expect(bits(await on(backend, tall))).toEqual(bitsOfWide);
      }
    });
  }
});

describe.skipIf(standard === null)("the choice of a variant", () => {
  it("is measured once for a class of products, and remembered", { timeout: 120_000 }, async () => {
    const backend = await webgpu({ product: "measured" });
    try {
      const product = () => numbers(1, 20, 24).matmul(numbers(2, 24, 28)) as Tensor;
      const measured = await on(backend, product);
      expect([...backend.productChoices.keys()]).toEqual(["1 x 32 x 32 x 32 NN"]);
      expect(bits(measured)).toEqual(bits(await on(standard!, product)));
      const { shaders } = backend;
      await on(backend, () => numbers(1, 24, 20).matmul(numbers(2, 20, 32)) as Tensor);
      expect(backend.productChoices.size).toBe(1);
      expect(backend.shaders).toBeLessThanOrEqual(shaders + 1);
    } finally {
      await backend.close();
    }
  });

  it("names the variants that there are", async () => {
    await expect(webgpu({ product: "shared" as never })).rejects.toThrow(
      /product.*"shared 64x64".*got shared/,
    );
  });

  it("does not hold up a loop that awaits nothing", { timeout: 120_000 }, async () => {
    const backend = await webgpu({ product: "measured" });
    try {
      setDefaultBackend(backend);
      let x = numbers(1, 8, 8).realise() as Tensor;
      for (let i = 0; i < 40; i++) x = x.matmul(x).mul(0.5).realise() as Tensor;
      expect((await x.data()).length).toBe(64);
    } finally {
      await backend.close();
    }
  });
});

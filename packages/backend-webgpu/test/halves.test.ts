import { referenceBackend } from "@amari/backend-reference";
import type { WebgpuBackend } from "@amari/backend-webgpu";
import { concat, cond, jit, scan, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { afterAll, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const backend = (await backendOrNull("float16 in halves of words")) as WebgpuBackend;

afterAll(() => backend?.close());

/** Numbers whose sums and products show where an element went. */
const numbers = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (((7 * i) % 101) - 50) / 4),
    { shape, dtype: "float16" },
  ) as Tensor;

type Stores = "pairs" | "quads" | "one by one";

/** Computed on the device in the way that is named, with the bits of the reference. */
async function expectSame(
  stores: Stores,
  f: (...x: Tensor[]) => Tensor,
  ...operands: Tensor[]
): Promise<void> {
  const host = operands.map((x) => x.data());
  setDefaultBackend(referenceBackend());
  const copies = async () =>
    Promise.all(
      operands.map(async (x, i) => tensor(await host[i]!, { shape: x.shape, dtype: x.dtype }) as Tensor),
    );
  const expected = await f(...(await copies())).data();
  setDefaultBackend(backend);
  const placed = (await copies()).map((x) => x.realise() as Tensor);
  const result = jit(f)(...placed) as Tensor;
  expect(await result.data()).toEqual(expected);
  const text = backend.explain(backend.compile((backend as unknown as { readonly latest: never }).latest));
  expect(waysIn(text)).toContain(stores);
}

/** How the shaders of a program store halves. */
const waysIn = (text: string): Stores[] =>
  [
    text.includes("vec2<u32>>;") ? "quads" : null,
    text.includes("var side") ? "pairs" : null,
    text.includes("put_half(b") ? "one by one" : null,
  ].filter((way) => way !== null) as Stores[];

describe.skipIf(backend === null)("float16 in halves of words", () => {
  it("is stored in whole words by elementwise kernels, of odd numbers too", async () => {
    for (const size of [1, 2, 3, 64, 1001, 1002])
      await expectSame("pairs", (x, y) => x!.mul(y!).add(1) as Tensor, numbers(size), numbers(size));
    await expectSame("pairs", (x) => x!.transpose().add(1) as Tensor, numbers(5, 7));
    await expectSame("pairs", (x) => x!.transpose().add(1) as Tensor, numbers(6, 4));
    await expectSame(
      "pairs",
      (x) => x!.astype("float16").mul(3) as Tensor,
      numbers(33).astype("float32") as Tensor,
    );
  });

  it("goes through large kernels four at a time", async () => {
    const [x, row] = [numbers(257, 256), numbers(256)];
    await expectSame("quads", (x, row) => x!.add(row!) as Tensor, x, row);
    await expectSame("quads", (x, row) => x!.add(row!) as Tensor, x, row.astype("float32") as Tensor);
    await expectSame("quads", (x) => x!.gt(0).where(x!.astype("float32"), 1) as Tensor, x);
    await expectSame("pairs", (x) => x!.mul(2) as Tensor, numbers(65_539));
  });

  it("is stored in pairs of results by folds, and in pairs along rows", async () => {
    await expectSame("pairs", (x) => x!.max(1) as Tensor, numbers(7, 9));
    await expectSame("pairs", (x) => x!.max(1) as Tensor, numbers(8, 300));
    await expectSame("pairs", (x) => x!.max() as Tensor, numbers(999));
    await expectSame("pairs", (x) => x!.max(0) as Tensor, numbers(9, 7));
    // All of an odd number: the last is alone in its word.
    for (const size of [3, 5]) await expectSame("pairs", (x) => x!.sub(x!.max()) as Tensor, numbers(size));
    const shifted = (x?: Tensor) => x!.sub(x!.max(1, { keepDims: true })) as Tensor;
    await expectSame("pairs", shifted, numbers(5, 8));
    await expectSame("quads", shifted, numbers(3, 1500));
  });

  it("is stored half by half where words are shared by rows or windows", async () => {
    await expectSame("one by one", (x) => x!.sub(x!.max(1, { keepDims: true })) as Tensor, numbers(5, 301));
    await expectSame("one by one", (x, y) => concat([x!, y!]) as Tensor, numbers(3), numbers(4));
    await expectSame(
      "one by one",
      (x) =>
        x!.pad([
          [1, 2],
          [1, 1],
        ]) as Tensor,
      numbers(3, 3),
    );
  });

  it("is written over its operand", async () => {
    setDefaultBackend(backend);
    for (const size of [7, 70_000]) {
      const x = numbers(size).realise() as Tensor;
      const expected = (await x.data()).map((v) => v + 1);
      expect(await (jit((x: Tensor) => x.add(1) as Tensor, { donate: [0] })(x) as Tensor).data()).toEqual(
        expected,
      );
    }
  });

  it("begins anywhere in a slice of a loop, also of what the host computes or is copied", async () => {
    const body = (carry: Tensor, x: Tensor): [Tensor, Tensor] => [
      carry.add(x) as Tensor,
      concat([carry, x.mul(2), x.sort() as Tensor]) as Tensor,
    ];
    const inner = (carry: Tensor, x: Tensor): [Tensor, Tensor] => {
      const kept = cond(
        x.sum().gt(0) as Tensor<[]>,
        (x: Tensor) => x.add(1) as Tensor,
        (x: Tensor) => x,
        x,
      );
      return [carry.add(kept) as Tensor, kept];
    };
    for (const f of [body, inner]) {
      const run = (): Promise<unknown[]> =>
        Promise.all((scan(f, numbers(3), numbers(5, 3)) as [Tensor, Tensor]).map((x) => x.data()));
      setDefaultBackend(referenceBackend());
      const expected = await run();
      setDefaultBackend(backend);
      expect(await run()).toEqual(expected);
    }
  });

  it("is multiplied as the float32 that it is, from where it stands", { timeout: 120_000 }, async () => {
    const products: (readonly [left: number[], right: number[], f?: (x: Tensor, y: Tensor) => Tensor])[] = [
      [
        [12, 16],
        [16, 8],
      ],
      [
        [13, 7],
        [7, 9],
      ],
      [
        [2, 33, 20],
        [2, 20, 36],
      ],
      [[40, 24], [40, 24], (x, y) => x.matmul(y.transpose()) as Tensor],
      [[24, 40], [24, 36], (x, y) => (x.transpose() as Tensor).matmul(y) as Tensor],
      [
        [70, 1030],
        [1030, 66],
      ],
      [
        [1, 301],
        [301, 35],
      ],
      [
        [45, 100],
        [100, 2],
      ],
      [
        [3, 9],
        [9, 3],
      ],
    ];
    setDefaultBackend(backend);
    for (const [left, right, multiply = (x: Tensor, y: Tensor) => x.matmul(y) as Tensor] of products) {
      const operands = [numbers(...left), numbers(...right)].map((x) => x.realise() as Tensor);
      const [x, y] = operands as [Tensor, Tensor];
      const got = jit(multiply)(x, y) as Tensor;
      const bits = await got.data();
      const text = backend.explain(
        backend.compile((backend as unknown as { readonly latest: never }).latest),
      );
      // One shader multiplies, and one rounds: none converts before.
      expect(text.split("// shader").length - 1).toBe(left.includes(1030) ? 3 : 2);
      const wide = operands.map((z) => z.astype("float32").realise() as Tensor) as [Tensor, Tensor];
      expect(bits).toEqual(await (multiply(...wide).realise() as Tensor).astype("float16").data());
    }
  });

  it("takes two bytes of the heap", async () => {
    setDefaultBackend(backend);
    const size = 2 ** 22;
    const two = numbers(2).add(0).realise() as Tensor;
    await backend.flush();
    const before = backend.bytesInUse;
    const x = two
      .broadcastTo([size / 2, 2])
      .add(0)
      .realise() as Tensor;
    await backend.flush();
    expect(backend.bytesInUse - before).toBe(2 * size);
    expect((await x.data()).length).toBe(size);
  });
});

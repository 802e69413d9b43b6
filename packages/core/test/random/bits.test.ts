import { referenceBackend } from "@amari/backend-reference";
import { jit, random, setDefaultBackend, type Tensor, tensor, vmap } from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { bits64Of, bitsOf, foldInOf, keyOf, permutationOf, randintOf, splitOf } from "./oracle.ts";

setDefaultBackend(referenceBackend());

const words = (...values: number[]): Tensor => tensor(Uint32Array.from(values));
const list = (x: Tensor): number[] => Array.from(x.dataSync());
const pairs = (keys: readonly (readonly [bigint, bigint])[]): number[][] =>
  keys.map(([high, low]) => [Number(high), Number(low)]);

const seeds = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

describe("threefry2x32", () => {
  // The known answers of Random123, the authors' own library, for threefry2x32 with 20 rounds.
  test.each([
    { key: [0, 0], counter: [0, 0], block: [0x6b200159, 0x99ba4efe] },
    {
      key: [0xffffffff, 0xffffffff],
      counter: [0xffffffff, 0xffffffff],
      block: [0x1cb996fc, 0xbb002be7],
    },
    {
      key: [0x13198a2e, 0x03707344],
      counter: [0x243f6a88, 0x85a308d3],
      block: [0xc4923a9c, 0x483df7a0],
    },
  ])("gives the known answer for key $key and counter $counter", ({ key, counter, block }) => {
    const operands = [...key, ...counter].map((word) => words(word)) as [Tensor, Tensor, Tensor, Tensor];
    expect([0, 1].map((word) => random.threefry2x32(...operands, word as 0 | 1).itemSync())).toEqual(block);
  });

  test("broadcasts, and refuses anything but uint32", () => {
    const [k0, k1] = [words(1, 2, 3).reshape([3, 1]), words(5)];
    const block = random.threefry2x32(k0 as Tensor, k1, words(0), words(7, 8), 1);
    expect(block.shape).toEqual([3, 2]);
    const alone = random.threefry2x32(words(2), words(5), words(0), words(8), 1);
    expect(block.slice(1, 1).itemSync()).toBe(alone.itemSync());
    expect(() => random.threefry2x32(words(1), words(2), tensor([3]) as Tensor, words(4), 0)).toThrow(
      /expected uint32 operands, got float32/,
    );
  });
});

// Printed by JAX 0.5 or later with its defaults (jax_threefry_partitionable = True), as found in the documentation of
// JAX and in the tests and notes of public projects that compare themselves with it.
describe("the numbers of JAX", () => {
  const key = random.key(0);

  test("bits", () => {
    expect(random.bits(key).itemSync()).toBe(4070199207);
    expect(list(random.bits(random.key(10), [4]))).toEqual([169096361, 1572511259, 2689743692, 2228103506]);
  });

  test("split", () => {
    expect(random.split(key, 3).arraySync()).toEqual([
      [1797259609, 2579123966],
      [928981903, 3453687069],
      [4146024105, 2718843009],
    ]);
    expect(random.split(random.key(1), 3).arraySync()).toEqual([
      [507451445, 1853169794],
      [1948878966, 4237131848],
      [2441914641, 3819641963],
    ]);
    expect(random.split(random.split(key).slice(0)).slice(0).arraySync()).toEqual([4165894930, 804218099]);
  });

  test("uniform", () => {
    expect(list(random.uniform(key, [4]))).toEqual(
      [0.9476670027, 0.9785798788, 0.3322914839, 0.4686684608].map(Math.fround),
    );
    expect(list(random.uniform(random.key(51), [4]))).toEqual(
      [0.471269, 0.12344253, 0.17550635, 0.5663593].map(Math.fround),
    );
  });

  // XLA computes erfinv in float32 by a polynomial that errs by up to 3 ulp; ours is rounded once.
  test("normal, within four units in the last place", () => {
    const expected = [
      1.6226422, 2.0252647, -0.43359444, -0.07861735, 0.1760909, -0.97208923, -0.49529874, 0.4943786,
      0.6643493, -0.9501635, 2.1795304, -1.9551506, 0.35857072, 0.15779513, 1.2770847, 1.5104648,
    ];
    const actual = list(random.normal(key, [4, 4]));
    expected.forEach((value, i) => {
      const ulp = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);
      expect(Math.abs(actual[i]! - value) / ulp).toBeLessThanOrEqual(4);
    });
    expect(random.normal(random.key(42)).itemSync()).toBeCloseTo(-0.028304616, 9);
  });

  test("randint and bernoulli", () => {
    expect(list(random.randint(key, [8], 0, 20))).toEqual([9, 0, 12, 13, 11, 7, 12, 3]);
    expect(list(random.bernoulli(key, 0.25, [8]))).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
  });
});

describe("the bits of an independent implementation, for any seed and shape", () => {
  test.prop([seeds])("key holds the 64 bits of the seed", (seed) => {
    expect([random.key(seed).arraySync()]).toEqual(pairs([keyOf(BigInt(seed))]));
  });

  test.prop([seeds, shapes])("bits", (seed, shape) => {
    const bits: Tensor = random.bits(random.key(seed), shape);
    expect([bits.shape, bits.dtype]).toEqual([shape, "uint32"]);
    expect(list(bits)).toEqual(bitsOf(keyOf(BigInt(seed)), sizeOf(shape)));
  });

  test.prop([seeds, shapes])("split", (seed, shape) => {
    const keys: Tensor = random.split(random.key(seed), shape);
    expect(keys.shape).toEqual([...shape, 2]);
    expect(list(keys)).toEqual(pairs(splitOf(keyOf(BigInt(seed)), sizeOf(shape))).flat());
  });

  test.prop([seeds, fc.integer({ min: 0, max: 2 ** 32 - 1 })])("foldIn", (seed, data) => {
    expect([random.foldIn(random.key(seed), data).arraySync()]).toEqual(
      pairs([foldInOf(keyOf(BigInt(seed)), data)]),
    );
  });

  test.prop([seeds, shapes])(
    "uniform: the upper 23 bits in float32, the upper 52 in float64",
    (seed, shape) => {
      const [key, size] = [keyOf(BigInt(seed)), sizeOf(shape)];
      expect(list(random.uniform(random.key(seed), shape))).toEqual(
        bitsOf(key, size).map((word) => Math.floor(word / 512) / 2 ** 23),
      );
      expect(list(random.uniform(random.key(seed), shape, { dtype: "float64" }))).toEqual(
        bits64Of(key, size).map((bits) => Number(bits >> 12n) / 2 ** 52),
      );
    },
  );

  test.prop([
    seeds,
    fc.tuple(fc.integer(), fc.integer()).filter(([a, b]) => a !== b),
    fc.constantFrom("int32" as const, "uint32" as const),
  ])("randint", (seed, bounds, dtype) => {
    const shift = dtype === "int32" ? 0 : 2 ** 31;
    const [minval, maxval] = [Math.min(...bounds) + shift, Math.max(...bounds) + shift];
    expect(list(random.randint(random.key(seed), [5], minval, maxval, { dtype }))).toEqual(
      randintOf(keyOf(BigInt(seed)), 5, BigInt(minval), BigInt(maxval)),
    );
  });

  test.prop([seeds, fc.integer({ min: 0, max: 40 })])("permutation", (seed, n) => {
    expect(list(random.permutation(random.key(seed), n))).toEqual(permutationOf(keyOf(BigInt(seed)), n));
  });

  test("permutation of 2,000, which sorts twice", () => {
    expect(list(random.permutation(random.key(3), 2_000))).toEqual(permutationOf(keyOf(3n), 2_000));
  });
});

describe("the formulas of JAX, on the same uniform samples", () => {
  const [key, shape] = [random.key(6), [50]] as const;
  const u = random.uniform(key, shape, { dtype: "float64" });

  test("exponential is -log(1 - u)", () => {
    const expected = list(u).map((x) => -Math.log1p(-x));
    expect(list(random.exponential(key, shape, { dtype: "float64" }))).toEqual(expected);
  });

  test("gumbel is -log(-log(u))", () => {
    const expected = list(u).map((x) => -Math.log(-Math.log(x)));
    expect(list(random.gumbel(key, shape, { dtype: "float64" }))).toEqual(expected);
  });

  test("categorical is the argmax of logits + gumbel, row by row", () => {
    const logits = tensor([
      [0, 1, 2],
      [1, 0, -1],
    ]);
    const noise: Tensor = random.gumbel(key, [4, 2, 3]);
    const expected = noise.add(logits).argmax(-1).arraySync();
    expect(random.categorical(key, logits, { shape: [4, 2] }).arraySync()).toEqual(expected);
  });
});

describe("keys", () => {
  test("keys lists the rows of split", () => {
    const [first, second, third] = random.keys(random.key(5), 3);
    const rows = random.split(random.key(5), 3).arraySync();
    expect([first, second, third].map((key) => key.arraySync())).toEqual(rows);
    expect(random.keys(random.key(5))).toHaveLength(2);
  });

  test("a tensor seed gives the key of its number, so that vmap makes keys", () => {
    const made = vmap((seed: Tensor) => random.key(seed))(tensor(Int32Array.of(0, 7, 99)));
    expect(made.arraySync()).toEqual([0, 7, 99].map((seed) => random.key(seed).arraySync()));
  });

  test("foldIn takes a tensor, such as a step counter", () => {
    const folded = random.foldIn(random.key(1), tensor(12, { dtype: "int32" }));
    expect(folded.arraySync()).toEqual(random.foldIn(random.key(1), 12).arraySync());
  });

  test("float32 and float64 draws of one key agree to float32", () => {
    // Both begin with the same block, of which float32 takes the exclusive or: they are different numbers.
    const [single, double] = (["float32", "float64"] as const).map((dtype) =>
      list(random.uniform(random.key(0), [4], { dtype })),
    );
    expect(single).not.toEqual(double!.map(Math.fround));
  });
});

describe("under transformations", () => {
  const draws = {
    bits: (key: Tensor) => random.bits(key, [3]),
    normal: (key: Tensor) => random.normal(key, [2, 2]),
    split: (key: Tensor) => random.split(key, 2),
    foldIn: (key: Tensor) => random.foldIn(key, 4),
    randint: (key: Tensor) => random.randint(key, [3], -5, 5),
    permutation: (key: Tensor) => random.permutation(key, 6),
    categorical: (key: Tensor) => random.categorical(key, tensor([0.5, 1, 2]), { shape: [4] }),
  } satisfies Record<string, (key: Tensor) => Tensor>;

  test.each(Object.entries(draws))("vmap of %s over keys is the draw of each key", (_, draw) => {
    const keys: Tensor = random.split(random.key(8), 4);
    const each = [0, 1, 2, 3].map((i) => (draw as (key: Tensor) => Tensor)(keys.slice(i)).arraySync());
    expect((vmap(draw as (key: Tensor) => Tensor)(keys) as Tensor).arraySync()).toEqual(each);
  });

  test.each(Object.entries(draws))(
    "jit of %s draws anew for another key, without tracing again",
    (_, draw) => {
      let traces = 0;
      const compiled = jit((key: Tensor): Tensor => {
        traces++;
        return (draw as (key: Tensor) => Tensor)(key);
      });
      for (const seed of [1, 2, 3]) {
        const key = random.key(seed);
        expect(compiled(key).arraySync()).toEqual((draw as (key: Tensor) => Tensor)(key).arraySync());
      }
      expect(traces).toBe(1);
    },
  );
});

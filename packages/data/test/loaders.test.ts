import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  arange,
  random,
  ShapeError,
  setDefaultBackend,
  type Tensor,
  tensor,
} from "@amari/core";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { batches, iris, trainTestSplit } from "../src/index.ts";

setDefaultBackend(referenceBackend());

const key = random.key(0);
const values = (x: Tensor): number[] => Array.from(x.dataSync());
const sorted = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b);
const count = (list: readonly number[], value: number): number => list.filter((v) => v === value).length;

/** n examples whose two tensors say which example they are of. */
const numbered = (n: number) => ({
  id: arange(n),
  pair: arange(2 * n).reshape([n, 2]),
  name: "numbered",
});

describe("trainTestSplit", () => {
  test.prop([fc.integer({ min: 4, max: 40 }), fc.integer(), fc.double({ min: 0.2, max: 0.8, noNaN: true })])(
    "puts every example in exactly one part, with its own rows",
    (n, seed, testShare) => {
      const { train, test: held } = trainTestSplit(random.key(seed), numbered(n), { testShare });
      expect(held.id.size).toBe(Math.round(testShare * n));
      expect(sorted([...values(train.id), ...values(held.id)])).toEqual(
        Array.from({ length: n }, (_, i) => i),
      );
      for (const part of [train, held]) {
        expect(values(part.pair)).toEqual(values(part.id).flatMap((i) => [2 * i, 2 * i + 1]));
        expect(part.name).toBe("numbered");
      }
    },
  );

  test("depends on the key alone", () => {
    const once = trainTestSplit(key, numbered(20)).test.id;
    expect(values(trainTestSplit(key, numbered(20)).test.id)).toEqual(values(once));
    expect(values(trainTestSplit(random.key(1), numbered(20)).test.id)).not.toEqual(values(once));
  });

  test("stratified, holds out the same share of each class", () => {
    const flowers = iris();
    const { train, test: held } = trainTestSplit(key, flowers, { testShare: 0.2, stratifyBy: flowers.y });
    expect([0, 1, 2].map((c) => count(values(held.y), c))).toEqual([10, 10, 10]);
    expect([0, 1, 2].map((c) => count(values(train.y), c))).toEqual([40, 40, 40]);
    expect(train.classNames).toEqual(["setosa", "versicolor", "virginica"]);
  });

  test("stratified, holds out the wanted number in all, each class within one of its share", () => {
    const labels = tensor(Int32Array.from({ length: 50 }, (_, i) => (i < 7 ? 5 : i < 20 ? -1 : 3)));
    const { test: held } = trainTestSplit(key, { y: labels }, { testShare: 0.3, stratifyBy: labels });
    const shares = [7, 13, 30].map((size) => 0.3 * size);
    const counts = [5, -1, 3].map((c) => count(values(held.y), c));
    expect(held.y.size).toBe(15);
    for (const [c, share] of shares.entries()) expect(Math.abs(counts[c]! - share)).toBeLessThan(1);
  });

  test("stratified, leaves the parts in random order", () => {
    const flowers = iris();
    const { train } = trainTestSplit(key, flowers, { stratifyBy: flowers.y });
    const labels = values(train.y);
    const changes = labels.filter((label, i) => i > 0 && label !== labels[i - 1]).length;
    // In random order two neighbours differ with probability 2/3: 74 of 111 in the mean, with a deviation below 6.
    expect(changes).toBeGreaterThan(50);
  });

  test("says what it cannot divide", () => {
    expect(() => trainTestSplit(key, numbered(10), { testShare: 1.5 })).toThrow(ArgumentError);
    expect(() => trainTestSplit(key, numbered(10), { testShare: 0.01 })).toThrow(/which holds out 0/);
    expect(() => trainTestSplit(key, { a: arange(3), b: arange(4) })).toThrow(ShapeError);
    expect(() => trainTestSplit(key, { a: arange(3), b: arange(4) })).toThrow(
      /got the shapes \[3\] and \[4\]/,
    );
    expect(() => trainTestSplit(key, { name: "nothing" })).toThrow(/at least one tensor/);
    expect(() => trainTestSplit(key, numbered(10), { stratifyBy: arange(9) })).toThrow(
      /expected stratifyBy of shape \[10\]/,
    );
  });
});

describe("batches", () => {
  test.prop([fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })])(
    "without a key gives the examples in order, every batch full but the last",
    (n, size) => {
      const all = [...batches(numbered(n), { size })];
      expect(all.flatMap(({ id }) => values(id))).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(all.slice(0, -1).every(({ id, pair }) => id.shape[0] === size && pair.shape[0] === size)).toBe(
        true,
      );
      expect(all.at(-1)!.id.size).toBe(n % size === 0 ? Math.min(size, n) : n % size);
      expect(all[0]!.name).toBe("numbered");
    },
  );

  test("with a key shuffles rows together, another way in each epoch", () => {
    const all = [...batches(numbered(12), { size: 4, key, epochs: 3 })];
    expect(all).toHaveLength(9);
    const epochs = [0, 3, 6].map((at) => all.slice(at, at + 3).flatMap(({ id }) => values(id)));
    for (const order of epochs) expect(sorted(order)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(new Set(epochs.map(String)).size).toBe(3);
    for (const { id, pair } of all)
      expect(values(pair)).toEqual(values(id).flatMap((i) => [2 * i, 2 * i + 1]));
  });

  test("gives the same batches when gone through again", () => {
    const iterable = batches(numbered(7), { size: 3, key });
    const [first, second] = [[...iterable], [...iterable]].map((all) => all.map(({ id }) => values(id)));
    expect(first).toEqual(second);
  });

  test("dropLast leaves out the smaller batch", () => {
    const sizes = [...batches(numbered(10), { size: 4, dropLast: true })].map(({ id }) => id.size);
    expect(sizes).toEqual([4, 4]);
  });

  test("goes on for ever when asked to", () => {
    let taken = 0;
    for (const { id } of batches(numbered(2), { size: 2, key, epochs: Infinity })) {
      expect(id.size).toBe(2);
      if (++taken === 10) break;
    }
    expect(taken).toBe(10);
  });

  test.each([
    [{ size: 0 }, /expected a size of 1 or more; got 0/],
    [{ size: 11, dropLast: true }, /with dropLast at most the 10 examples; got 11/],
    [{ size: 2, epochs: 0 }, /expected 1 or more epochs, got 0/],
  ])("refuses %o", (options, message) => {
    expect(() => batches(numbered(10), options)).toThrow(ArgumentError);
    expect(() => batches(numbered(10), options)).toThrow(message);
  });
});

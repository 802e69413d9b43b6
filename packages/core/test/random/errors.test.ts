import { referenceBackend } from "@amari/backend-reference";
import {
  ArgumentError,
  DTypeError,
  random,
  ShapeError,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from "@amari/core";
import { describe, expect, test } from "vitest";

setDefaultBackend(referenceBackend());

const key = random.key(0);
const bad = (value: unknown): Tensor => value as Tensor;

describe("what is no key is refused, with what to write instead", () => {
  test("a number: the seed itself", () => {
    expect(() => random.normal(bad(42), [3])).toThrow(ArgumentError);
    expect(() => random.normal(bad(42), [3])).toThrow(
      "random.normal: expected a key, got a number; write random.key(42)",
    );
    expect(() => random.split(bad(undefined))).toThrow("random.split: expected a key, got undefined");
  });

  test("a tensor of another dtype or shape", () => {
    expect(() => random.uniform(bad(zeros([2])))).toThrow(DTypeError);
    expect(() => random.uniform(bad(zeros([2])))).toThrow(/which is uint32\[2\], got float32\[2\]/);
    expect(() => random.bits(bad(zeros([3], { dtype: "uint32" })))).toThrow(ShapeError);
  });

  test("several keys: take one, or vmap", () => {
    expect(() => random.permutation(random.split(key, 3), 5)).toThrow(ShapeError);
    expect(() => random.gumbel(random.split(key, 3))).toThrow(
      /take one of them by keys\.slice\(0\), or write vmap\(\(key\) => random\.gumbel\(key, \.\.\.\)\)\(keys\)/,
    );
  });

  test("also where there is nothing to draw", () => {
    expect(() => random.permutation(bad(1), 0)).toThrow(/expected a key/);
  });
});

describe("what a function does not accept", () => {
  test.each([
    ["a seed that is no integer", () => random.key(0.5), /expected an integer seed, got 0.5/],
    ["a float tensor as seed", () => random.key(tensor(1)), /expected the seed to be an integer scalar/],
    [
      "a negative number folded in",
      () => random.foldIn(key, -1),
      /expected an integer from 0 to 2\^32 - 1, got -1/,
    ],
    [
      "an infinite bound",
      () => random.uniform(key, [2], { maxval: Infinity }),
      /expected finite numbers minval <= maxval, got 0 and Infinity/,
    ],
    ["bounds in the wrong order", () => random.uniform(key, [2], { minval: 1, maxval: 0 }), /got 1 and 0/],
    [
      "truncation to nothing",
      () => random.truncatedNormal(key, 1, 1),
      /expected lower below upper, got 1 and 1/,
    ],
    [
      "truncation beyond float32",
      () => random.truncatedNormal(key, 6, 7),
      /float32 cannot tell them apart; pass \{ dtype: "float64" \}/,
    ],
    [
      "a probability above 1",
      () => random.bernoulli(key, 1.5),
      /expected a probability from 0 to 1, got 1.5/,
    ],
    ["an empty range of integers", () => random.randint(key, [2], 3, 3), /expected integers minval < maxval/],
    ["a fractional bound", () => random.randint(key, [2], 0, 2.5), /got 0 and 2.5/],
    [
      "a negative bound for uint32",
      () => random.randint(key, [2], -1, 2, { dtype: "uint32" }),
      /from 0 to 4294967296/,
    ],
    ["a negative count", () => random.permutation(key, -1), /expected a count 0, 1, 2/],
    ["too many draws", () => random.choice(key, 3, [4], { replace: false }), /cannot draw 4 of 3 elements/],
    ["a draw from nothing", () => random.choice(key, 0, [1]), /cannot draw 1 of 0 elements/],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  test.each([
    [
      "an integer dtype for floats",
      () => random.normal(key, [2], { dtype: "int32" }),
      /write random\.randint/,
    ],
    [
      "a float dtype for integers",
      () => random.randint(key, [2], 0, 5, { dtype: "float32" }),
      /write random\.uniform/,
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(DTypeError);
    expect(call).toThrow(message);
  });

  test.each([
    ["a shape that is none", () => random.uniform(key, [2, -1]), /non-negative integers/],
    ["probabilities that do not fit", () => random.bernoulli(key, tensor([0.1, 0.2]), [3]), /broadcast/],
    [
      "a categorical shape that does not end in the rows",
      () => random.categorical(key, zeros([4, 5]), { shape: [3] }),
      /expected a shape that ends in \[4\], that of the logits \[4, 5\] without axis 1; got \[3\]/,
    ],
    ["a permutation of a scalar", () => random.permutation(key, tensor(1)), /a scalar tensor has no axis/],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });
});

import type { DType } from "@amari/core";
import fc from "fast-check";
import { choiceRange, Draw } from "./draw.ts";
import { type Input, type RandomProgram, referencesIn, tensorOf, withoutDeadCode } from "./random-program.ts";
import { recipes, weightedNames } from "./recipes.ts";
import { sampleValues } from "./sample-values.ts";

/** Which programs are generated. */
export interface ProgramConstraints {
  /** The float types that occur. Default: float32, float64 or float16, or two of them in one program. */
  readonly floats?: readonly ("float16" | "float32" | "float64")[];
  /** Calls that are tried; those that do not fit are left out. Default 40. */
  readonly maxCalls?: number;
  /** No value has more. Default 5000. */
  readonly maxElements?: number;
}

/** Sizes around the widths of vectors, tiles and blocks, and primes. */
const edges: readonly number[] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 0, 11, 13, 37];

/** Further ones where values may be larger. */
const largeEdges: readonly number[] = [100, 127, 128, 129, 257, 300, 513, 1000, 4099, 30_011, 100_003];
const fewElements = 5_000;

/** What a program is made of, as numbers that shrink one by one. */
export interface ProgramChoices {
  readonly maxElements: number;
  readonly floats: readonly DType[];
  readonly base: readonly number[];
  readonly inputs: readonly InputChoices[];
  /** Whether the inputs hold NaN, infinities and their like. */
  readonly special: boolean;
  readonly calls: readonly (readonly [recipe: string, choices: readonly number[]])[];
  readonly outputs: readonly number[];
}

interface InputChoices {
  readonly kind: "float" | "int32" | "uint32" | "bool";
  readonly float: number;
  /** How many leading axes of the base shape it lacks. */
  readonly dropped: number;
  /** Which axes have size 1, as bits. */
  readonly ones: number;
  readonly seed: number;
}

const dimensions = (rank: number, maxElements: number): fc.Arbitrary<number[]> => {
  // Large sizes where there are few axes, so that values stay small.
  const isLarge = maxElements > fewElements;
  const longest = maxElements ** (1 / Math.max(1, rank));
  const sizes = isLarge
    ? [...largeEdges, ...edges].filter((n) => n <= longest && n > longest / 16)
    : edges.filter((n) => n <= longest);
  const small = edges.filter((n) => n < 9 && n > 0);
  return fc.array(fc.oneof({ arbitrary: fc.constantFrom(...sizes), weight: 3 }, fc.constantFrom(...small)), {
    minLength: rank,
    maxLength: rank,
  });
};

const inputChoices: fc.Arbitrary<InputChoices> = fc.record({
  kind: fc.oneof(
    { arbitrary: fc.constant("float" as const), weight: 4 },
    fc.constantFrom("int32" as const, "uint32" as const, "bool" as const),
  ),
  float: fc.nat(1),
  dropped: fc.constantFrom(0, 0, 0, 1, 2),
  ones: fc.constantFrom(0, 0, 0, 0, 1, 2, 4, 3),
  seed: fc.nat(999),
});

/** Programs over the table of operations, whose counterexamples shrink call by call and size by size. */
export const randomPrograms = (constraints: ProgramConstraints = {}): fc.Arbitrary<RandomProgram> =>
  programChoices(constraints).map(programOf);

const allRecipes = recipes();

const usualFloats: readonly (readonly DType[])[] = [
  ["float32"],
  ["float32"],
  ["float64"],
  ["float16"],
  ["float32", "float64"],
  ["float16", "float32"],
  ["float16", "float64"],
];

/** What {@link programOf} makes a program of. */
export function programChoices({
  floats,
  maxCalls = 40,
  maxElements = fewElements,
}: ProgramConstraints): fc.Arbitrary<ProgramChoices> {
  const floatSets: readonly (readonly DType[])[] = floats === undefined ? usualFloats : [floats];
  return fc.record({
    maxElements: fc.constant(maxElements),
    floats: fc.constantFrom(...floatSets),
    base: fc.constantFrom(1, 2, 2, 3, 0, 4).chain((rank) => dimensions(rank, maxElements)),
    inputs: fc.array(inputChoices, { minLength: 1, maxLength: 4, size: "max" }),
    special: fc.constantFrom(false, false, false, false, true),
    calls: fc.array(
      fc.tuple(
        fc.constantFrom(...weightedNames(allRecipes)),
        fc.array(fc.nat(choiceRange - 1), { minLength: 12, maxLength: 12 }),
      ),
      { minLength: 1, maxLength: maxCalls, size: "max" },
    ),
    outputs: fc.array(fc.nat(15), { maxLength: 6, size: "max" }),
  });
}

/** The program that some choices stand for; any do. */
export function programOf({
  maxElements,
  floats,
  base,
  inputs,
  special,
  calls,
  outputs,
}: ProgramChoices): RandomProgram {
  const made = inputs.map(({ kind, float, dropped, ones, seed }): Input => {
    const shape = base.map((n, i) => (((ones >> i) & 1) === 1 ? 1 : n)).slice(Math.min(dropped, base.length));
    const dtype = kind === "float" ? floats[float % floats.length]! : kind;
    const size = shape.reduce((a, b) => a * b, 1);
    return { shape, dtype, values: sampleValues(dtype, size, seed, special) };
  });
  const draw = new Draw(made.map(tensorOf), maxElements);
  for (const [name, numbers] of calls) {
    draw.choose(numbers);
    allRecipes.get(name)!(draw);
  }
  // What nothing reads is returned for the most part, so that little of the program is dead.
  const read = new Set(draw.calls.flatMap(({ args }) => args.flatMap(referencesIn)));
  const unread = draw.values.map((_, i) => i).filter((i) => !read.has(i) && i >= inputs.length);
  const candidates = [...unread.reverse(), ...draw.values.keys()];
  const returned = new Set([
    draw.values.length - 1,
    ...outputs.map((k) => candidates[k % candidates.length]!),
  ]);
  return withoutDeadCode({ inputs: made, calls: draw.calls, outputs: [...returned] });
}

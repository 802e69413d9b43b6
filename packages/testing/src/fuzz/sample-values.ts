import type { DType } from "@amari/core";
import { type Uniform, uniformFrom } from "../sample.ts";

/** What a float may be beside an ordinary number: where kernels go wrong. */
const specials: readonly number[] = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-40, -5e-324, 1, -1];

const extremes: { readonly [D in "int32" | "uint32"]: readonly number[] } = {
  int32: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
  uint32: [0, 1, 2 ** 31, 2 ** 32 - 1],
};

/** One number in so many is a special one, where there are any. */
const specialEvery = 5;

/**
 * Elements for an input of a random program, printable: floats from -2 to 2 with three decimals, some of them equal, and
 * small integers.
 *
 * @param special - whether NaN, infinities, -0, denormals and the ends of the integers occur
 */
export function sampleValues(dtype: DType, count: number, seed: number, special: boolean): number[] {
  const uniform = uniformFrom(seed);
  return Array.from({ length: count }, () => {
    if (special && dtype !== "bool" && uniform() * specialEvery < 1) {
      const choices = dtype === "int32" || dtype === "uint32" ? extremes[dtype] : specials;
      return choices[Math.floor(uniform() * choices.length)]!;
    }
    return ordinary(dtype, uniform);
  });
}

function ordinary(dtype: DType, uniform: Uniform): number {
  switch (dtype) {
    case "bool":
      return Number(uniform() < 0.5);
    case "int32":
      return Math.floor(uniform() * 19) - 9;
    case "uint32":
      return Math.floor(uniform() * 10);
    case "float16":
    case "float32":
    case "float64":
      // A few halves among them, so that ties occur.
      return uniform() < 0.1
        ? Math.floor(uniform() * 9 - 4) / 2 + 0
        : Math.round(uniform() * 4000 - 2000) / 1000 + 0;
  }
}

import type { DType, TypedArray } from "@amari/core";
import { epsilonOf, isFloat } from "@amari/core/backend";

/** How far a result may be from the reference, in spreads of the perturbed runs. */
export const spreadsAllowed = 4;

/**
 * By how many bounds the strained runs, in which every operation is wrong by as much as the bound allows for, may be off
 * before the bound says nothing: by less, the spread was small by chance.
 */
const strainAllowed = 2;

/** What runs of the reference with wrong operations gave for one result. */
export interface Perturbed {
  /** For each group of operations, the runs that perturb it by the stated error. */
  readonly groups: readonly (readonly TypedArray[])[];
  /** Runs that perturb all at once by {@link spreadsAllowed} times their errors. */
  readonly strained: readonly TypedArray[];
}

/** How the elements of one result compare. */
export interface Judgement {
  readonly elements: number;
  /** Elements that say nothing: a comparison, a sort or an overflow went another way under perturbation. */
  readonly discarded: number;
  /** The largest error as a share of what is allowed, over the elements that were allowed an error. */
  readonly worst: number;
  /** The elements beyond what is allowed, and how far they may be from the reference. */
  readonly wrong: readonly { readonly index: number; readonly bound: number }[];
}

/** Equal as results of one definition: NaN whatever its bits; -0 is 0 unless said. */
const same = (a: number, b: number, signedZeros: boolean): boolean =>
  Object.is(a, b) || (!signedZeros && a === b);

/**
 * Compares a result element by element with the reference. The perturbed runs of the reference say what an error of the
 * stated size in each operation comes to here: to first order, the sum of what each group of operations causes. Whether
 * the first order holds as far as the bound reaches, the strained runs say: where a comparison goes another way, or a
 * pole is near, all errors together do more than the sum of what each does, and the element is discarded.
 *
 * @param exact - whether only exact operations led to it: then the bits must agree, of zeros too
 */
export function judge(
  got: TypedArray,
  expected: TypedArray,
  { groups, strained }: Perturbed,
  dtype: DType,
  exact: boolean,
): Judgement {
  const unstable = instabilityOf(expected, dtype);
  const wrong: { index: number; bound: number }[] = [];
  let [discarded, worst] = [0, 0];
  expected.forEach((y, index) => {
    const x = got[index]!;
    const farthest = (runs: readonly TypedArray[]): number =>
      Math.max(...runs.map((run) => distance(run[index]!, y)));
    // An inexact value is known to a unit in the last place at best.
    const least = exact || !isFloat(dtype) || !Number.isFinite(y) ? 0 : Math.abs(y) * epsilonOf(dtype);
    const moves = groups.map(farthest).reduce((a, b) => a + b, 0);
    const spread = Math.max(least, moves);
    const strain = farthest(strained);
    if (spread > unstable || strain > strainAllowed * spreadsAllowed * spread) {
      discarded++;
      return;
    }
    if (same(x, y, exact)) return;
    const bound = Math.max(spreadsAllowed * spread, strain);
    const share = distance(x, y) / bound;
    if (share > worst) worst = share;
    if (!(share <= 1)) wrong.push({ index, bound });
  });
  return { elements: expected.length, discarded, worst, wrong };
}

/** How far apart two numbers are; a NaN, or an infinity, is infinitely far from what is not the same. */
function distance(a: number, b: number): number {
  if (same(a, b, false)) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Infinity : difference;
}

/**
 * The spread from which an element says nothing. Rounding, even where most digits cancel, moves a result by much less
 * than half of its digits; a branch that was taken the other way moves it by more. Integers and bools move only so.
 */
function instabilityOf(expected: TypedArray, dtype: DType): number {
  if (!isFloat(dtype)) return 0;
  let largest = 0;
  for (const x of expected) if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
  return Math.sqrt(epsilonOf(dtype)) * largest;
}

/** The first element whose bits differ (NaN aside), or -1. */
export const firstDifference = (a: TypedArray, b: TypedArray): number =>
  a.findIndex((x, i) => !Object.is(x, b[i]!));

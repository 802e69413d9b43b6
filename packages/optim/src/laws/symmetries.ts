import type { Tensor } from "@amari/core";
import fc from "fast-check";
import { nonzero, vector } from "./arbitraries.ts";
import type { Matrix } from "./arrays.ts";
import {
  columns,
  compareUpdates,
  equivarianceResiduals,
  gradientsOf,
  mapElements,
  mapSample,
  parametersOf,
  reordered,
  reshape,
  rows,
  run,
  same,
  samples,
} from "./compare-updates.ts";
import { relativeDistance } from "./numbers.ts";
import { runSteps } from "./run-steps.ts";
import { type AnyTraitLaw, law } from "./trait-law.ts";

// What changes of coordinates, of scale and of the layout do to the updates.

const signs = vector(fc.constantFrom(1, -1), rows * columns);
const permutation = (n: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n, maxLength: n },
  );

/** The reflection in the hyperplane orthogonal to v. */
const reflect = (v: readonly number[], x: readonly number[]): number[] => {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, ai, i) => sum + ai * b[i]!, 0);
  const along = (2 * dot(v, x)) / dot(v, v);
  return x.map((xi, i) => xi - along * v[i]!);
};

export const lossScaleInvariance: AnyTraitLaw = law({
  description: "S1: gradients times 2^k leave every update bitwise equal",
  arbitrary: fc.record({ at: samples, k: fc.integer({ min: -101, max: 101 }) }),
  residuals: (optimizer, batch) =>
    compareUpdates(
      optimizer,
      batch.map(({ at, k }) => mapSample(at, same, (g) => mapElements(g, (x) => x * 2 ** k))),
      batch.map(({ at }) => at),
    ),
  tolerance: 0,
});

export const signEquivariance: AnyTraitLaw = law({
  description: "S3: flipping the sign of coordinates flips their updates, bitwise",
  arbitrary: fc.record({ at: samples, flip: signs }),
  residuals: (optimizer, batch) =>
    equivarianceResiduals(
      optimizer,
      batch.map(({ at, flip }) => ({ at, change: (x) => x.map((xi, i) => xi * flip[i]!) })),
    ),
  tolerance: 0,
});

export const permutationEquivariance: AnyTraitLaw = law({
  description: "S4: permuting elements permutes their updates",
  arbitrary: fc.record({ at: samples, order: permutation(rows * columns) }),
  residuals: (optimizer, batch) =>
    equivarianceResiduals(
      optimizer,
      batch.map(({ at, order }) => ({ at, change: (x) => order.map((i) => x[i]!) })),
    ),
  tolerance: reordered,
});

export const partitionInvariance: AnyTraitLaw = law({
  description: "S5: cutting a tensor in two changes no update",
  arbitrary: samples,
  residuals: (optimizer, batch) => {
    const cut = (x: Tensor) => ({
      head: x.slice(null, [0, 1]) as Tensor,
      tail: x.slice(null, [1, rows]) as Tensor,
    });
    const parts = runSteps(optimizer, cut(parametersOf(batch)), gradientsOf(batch).map(cut));
    return run(optimizer, batch).map(({ updates }, i) => relativeDistance(parts[i]!.updates, updates));
  },
  tolerance: reordered,
});

export const orthogonalEquivariance: AnyTraitLaw = law({
  description: "S6: rotating parameters and gradients rotates the updates",
  arbitrary: fc.record({
    at: samples,
    first: vector(nonzero, rows * columns),
    second: vector(nonzero, rows * columns),
  }),
  residuals: (optimizer, batch) =>
    equivarianceResiduals(
      optimizer,
      batch.map(({ at, first, second }) => ({ at, change: (x) => reflect(second, reflect(first, x)) })),
    ),
  // Two reflections of the inputs and two of the expected result, (N + 4) u each, summed over the gradients: 4e-14.
  tolerance: 1e-13,
});

export const diagonalEquivariance: AnyTraitLaw = law({
  description:
    "S9: scaling a coordinate by s and its gradient by 1/s scales its update by s, bitwise for s = 2^k",
  arbitrary: fc.record({ at: samples, exponents: vector(fc.integer({ min: -8, max: 8 }), rows * columns) }),
  residuals: (optimizer, batch) =>
    equivarianceResiduals(
      optimizer,
      batch.map(({ at, exponents }) => ({
        at,
        change: (x) => x.map((xi, i) => xi * 2 ** exponents[i]!),
        changeGradient: (x) => x.map((xi, i) => xi / 2 ** exponents[i]!),
      })),
    ),
  tolerance: 0,
});

export const transposeEquivariance: AnyTraitLaw = law({
  description: "S11: transposing a matrix and permuting its rows and columns does the same to the updates",
  arbitrary: fc.record({ at: samples, row: permutation(rows), column: permutation(columns) }),
  residuals: (optimizer, batch) => {
    const change = (x: Matrix, i: number): Matrix =>
      batch[i]!.column.map((c) => batch[i]!.row.map((r) => x[r]![c]!));
    return compareUpdates(
      optimizer,
      batch.map(({ at }, i) => mapSample(at, (x) => change(x, i))),
      batch.map(({ at }) => at),
      (update, i) => change(reshape(update), i).flat(),
    );
  },
  tolerance: reordered,
});

export const translationInvariance: AnyTraitLaw = law({
  description: "S12: adding a constant to the parameters changes no update, bitwise",
  arbitrary: fc.record({ at: samples, shift: nonzero }),
  residuals: (optimizer, batch) =>
    compareUpdates(
      optimizer,
      batch.map(({ at, shift }) => mapSample(at, (x) => mapElements(x, (xi) => xi + shift), same)),
      batch.map(({ at }) => at),
    ),
  tolerance: 0,
});

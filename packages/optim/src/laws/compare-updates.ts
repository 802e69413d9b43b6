import type { Tensor } from "@amari/core";
import type fc from "fast-check";
import type { Optimizer } from "../optimizer.ts";
import { type Sample, sample } from "./arbitraries.ts";
import { f64, type Matrix } from "./arrays.ts";
import { relativeDistance } from "./numbers.ts";
import { type Run, runSteps } from "./run-steps.ts";

// Laws compare the runs of an optimizer on two lists of samples, the second made from the first.

/** The parameters of every sample are a matrix of this many rows. */
export const rows = 3;
/** The parameters of every sample are a matrix of this many columns. */
export const columns = 4;
/** Gradients are given for this many steps. */
export const steps = 3;

/** What most laws start from. */
export const samples: fc.Arbitrary<Sample> = sample(rows, columns, steps);

/** The runs of a batch of samples, as one program. */
export const run = (optimizer: Optimizer, batch: readonly Sample[]): Run[] =>
  runSteps(optimizer, parametersOf(batch), gradientsOf(batch));

/** The parameters of a batch of samples, stacked. */
export const parametersOf = (batch: readonly Sample[]): Tensor =>
  f64(batch.map(({ parameters }) => parameters));

/** The gradients of each step, stacked over a batch of samples. */
export const gradientsOf = (batch: readonly Sample[]): Tensor[] =>
  Array.from({ length: steps }, (_, t) => f64(batch.map(({ gradients }) => gradients[t]!)));

/** Compares the updates of the optimizer on two lists of samples; `expected` says what the second ones should become. */
export function compareUpdates(
  optimizer: Optimizer,
  changed: readonly Sample[],
  original: readonly Sample[],
  expected: (update: number[], i: number) => readonly number[] = (update) => update,
): number[] {
  const before = run(optimizer, original);
  return run(optimizer, changed).map(({ updates }, i) =>
    relativeDistance(
      updates,
      before[i]!.updates.map((update) => expected(update, i)),
    ),
  );
}

/** Changes the parameters of a sample by `f` and its gradients by `g`. */
export const mapSample = (
  { parameters, gradients }: Sample,
  f: (x: Matrix) => Matrix,
  g: (x: Matrix) => Matrix = f,
): Sample => ({
  parameters: f(parameters),
  gradients: gradients.map(g),
});

/** Applies `f` to the elements of a matrix and their row-major positions. */
export const mapElements = (x: Matrix, f: (element: number, i: number) => number): Matrix =>
  x.map((row, r) => row.map((element, c) => f(element, r * row.length + c)));

/** The matrix with these elements, row-major. */
export const reshape = (x: readonly number[]): Matrix =>
  Array.from({ length: rows }, (_, r) => x.slice(r * columns, (r + 1) * columns));

type Change = (x: readonly number[]) => readonly number[];

/** How far `optimizer` is from commuting with changes of coordinates that are linear in the flattened matrix. */
export function equivarianceResiduals(
  optimizer: Optimizer,
  batch: readonly { readonly at: Sample; readonly change: Change; readonly changeGradient?: Change }[],
): number[] {
  const through = (f: Change) => (x: Matrix) => reshape(f(x.flat()));
  return compareUpdates(
    optimizer,
    batch.map(({ at, change, changeGradient }) =>
      mapSample(at, through(change), through(changeGradient ?? change)),
    ),
    batch.map(({ at }) => at),
    (update, i) => batch[i]!.change(update),
  );
}

/** No change. */
export const same = (x: Matrix): Matrix => x;

/**
 * A sum of N = 12 squares in another order differs by N u, of which the RMS and the quotients by it take a small
 * multiple in each of the 3 steps: 12 * 1.1e-16 * 3 * 8 = 3e-14.
 */
export const reordered = 1e-13;

import { jit, mapTree, type Tensor, vmap } from "@amari/core";
import fc from "fast-check";
import { applyUpdates, type Optimizer, type Traits } from "../src/index.ts";
import { matrix, nonzero, real, type Sample, sample, vector } from "./arbitraries.ts";
import { relativeDistance, rms, unitRoundoff } from "./numbers.ts";
import { type Prepare, type Run, runSteps } from "./run-steps.ts";
import { f64, type Matrix, values } from "./setup.ts";

/** A law as something that can be measured: 0 where it holds exactly. */
export interface TraitLaw<S> {
  readonly title: string;
  readonly arbitrary: fc.Arbitrary<S>;
  /** One residual for each sample of a batch, which is run as one program. */
  readonly residuals: (optimizer: Optimizer, batch: readonly S[]) => number[];
  /** The largest residual that rounding explains. */
  readonly tolerance: number;
}

/** A residual above this is no rounding: the law is broken. */
export const clearlyBroken = 1e-6;

/** The learning rate of every optimizer whose traits are tested. */
export const learningRate = 0.05;

const [rows, columns, steps] = [3, 4, 3];
const samples = sample(rows, columns, steps);

const run = (optimizer: Optimizer, batch: readonly Sample[]): Run[] =>
  runSteps(optimizer, parametersOf(batch), gradientsOf(batch));

const parametersOf = (batch: readonly Sample[]): Tensor => f64(batch.map(({ parameters }) => parameters));
const gradientsOf = (batch: readonly Sample[]): Tensor[] =>
  Array.from({ length: steps }, (_, t) => f64(batch.map(({ gradients }) => gradients[t]!)));

/** Compares the updates of the optimizer on two lists of samples; `expected` says what the second ones should become. */
function compareUpdates(
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

const mapSample = ({ parameters, gradients }: Sample, f: (x: Matrix) => Matrix, g = f): Sample => ({
  parameters: f(parameters),
  gradients: gradients.map(g),
});

const mapElements = (x: Matrix, f: (element: number, i: number) => number): Matrix =>
  x.map((row, r) => row.map((element, c) => f(element, r * row.length + c)));

const reshape = (x: readonly number[]): Matrix =>
  Array.from({ length: rows }, (_, r) => x.slice(r * columns, (r + 1) * columns));

type Change = (x: readonly number[]) => readonly number[];

/** How far `optimizer` is from commuting with changes of coordinates that are linear in the flattened matrix. */
function equivarianceResiduals(
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

const same = (x: Matrix): Matrix => x;

const fillFisher: Prepare = (state, by) => {
  const { fisher, ...rest } = state as { readonly fisher: unknown };
  return { ...rest, fisher: mapTree(fisher, (x) => x.mul(0).add(by)) };
};

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

// A sum of N = 12 squares in another order differs by N u, of which the RMS and the quotients by it take a small
// multiple in each of the 3 steps: 12 * 1.1e-16 * 3 * 8 = 3e-14.
const reordered = 1e-13;

/** The quadratic programs are closed loops: each gradient is taken where the step before has led. */
const quadraticPrograms = new WeakMap<Optimizer, (theta: Tensor, curvature: Tensor) => Tensor[]>();
function lossesOnQuadratic(optimizer: Optimizer, theta0: Tensor, curvature: Tensor): number[][] {
  let program = quadraticPrograms.get(optimizer);
  if (program === undefined) {
    const descend = (theta: Tensor, h: Tensor): Tensor[] => {
      let state = optimizer.init(theta);
      const losses = [theta.square().mul(h).sum() as Tensor];
      for (let t = 0; t < 20; t++) {
        const [update, next] = optimizer.update(theta.mul(h) as Tensor, state, theta);
        state = next;
        theta = applyUpdates(theta, update);
        losses.push(theta.square().mul(h).sum() as Tensor);
      }
      return losses;
    };
    program = jit(vmap(descend)) as unknown as (theta: Tensor, curvature: Tensor) => Tensor[];
    quadraticPrograms.set(optimizer, program);
  }
  return program(theta0, curvature).map(values);
}

const law = <S>(l: TraitLaw<S>): TraitLaw<unknown> => l as unknown as TraitLaw<unknown>;

/** One law for each trait; the compiler finds a trait without one. */
export const traitLaws: { readonly [T in keyof Required<Traits>]: TraitLaw<unknown> } = {
  lossScaleInvariance: law({
    title: "S1: gradients times 2^k leave every update bitwise equal",
    arbitrary: fc.record({ at: samples, k: fc.integer({ min: -101, max: 101 }) }),
    residuals: (optimizer, batch) =>
      compareUpdates(
        optimizer,
        batch.map(({ at, k }) => mapSample(at, same, (g) => mapElements(g, (x) => x * 2 ** k))),
        batch.map(({ at }) => at),
      ),
    tolerance: 0,
  }),
  signEquivariance: law({
    title: "S3: flipping the sign of coordinates flips their updates, bitwise",
    arbitrary: fc.record({ at: samples, flip: signs }),
    residuals: (optimizer, batch) =>
      equivarianceResiduals(
        optimizer,
        batch.map(({ at, flip }) => ({ at, change: (x) => x.map((xi, i) => xi * flip[i]!) })),
      ),
    tolerance: 0,
  }),
  permutationEquivariance: law({
    title: "S4: permuting elements permutes their updates",
    arbitrary: fc.record({ at: samples, order: permutation(rows * columns) }),
    residuals: (optimizer, batch) =>
      equivarianceResiduals(
        optimizer,
        batch.map(({ at, order }) => ({ at, change: (x) => order.map((i) => x[i]!) })),
      ),
    tolerance: reordered,
  }),
  partitionInvariance: law({
    title: "S5: cutting a tensor in two changes no update",
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
  }),
  orthogonalEquivariance: law({
    title: "S6: rotating parameters and gradients rotates the updates",
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
  }),
  diagonalEquivariance: law({
    title:
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
  }),
  transposeEquivariance: law({
    title: "S11: transposing a matrix and permuting its rows and columns does the same to the updates",
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
  }),
  translationInvariance: law({
    title: "S12: adding a constant to the parameters changes no update, bitwise",
    arbitrary: fc.record({ at: samples, shift: nonzero }),
    residuals: (optimizer, batch) =>
      compareUpdates(
        optimizer,
        batch.map(({ at, shift }) => mapSample(at, (x) => mapElements(x, (xi) => xi + shift), same)),
        batch.map(({ at }) => at),
      ),
    tolerance: 0,
  }),
  fisherInitialisationInvariance: law({
    title: "E2: the first value of the Fisher estimate has no influence, bitwise",
    arbitrary: fc.record({ at: samples, initial: fc.constantFrom(0, 1e-30, 0.5, 7, 1e30) }),
    residuals: (optimizer, batch) => {
      const at = batch.map((one) => one.at);
      const by = f64(batch.map(({ initial }) => initial));
      const changed = runSteps(optimizer, parametersOf(at), gradientsOf(at), { prepare: fillFisher, by });
      return run(optimizer, at).map(({ updates }, i) => relativeDistance(changed[i]!.updates, updates));
    },
    tolerance: 0,
  }),
  monotoneOnQuadratics: law({
    title: "E19: a convex quadratic of curvature below 2 / learningRate falls at every step",
    arbitrary: fc.record({
      // Near the minimum compared with the learning rate, where a step of constant length must overshoot.
      theta: matrix(fc.integer({ min: -16, max: 16 }), rows, columns),
      curvature: matrix(fc.integer({ min: 1, max: 63 }), rows, columns),
    }),
    residuals: (optimizer, batch) => {
      const theta = f64(batch.map((one) => mapElements(one.theta, (x) => x / 64)));
      const h = f64(batch.map((one) => mapElements(one.curvature, (x) => ((x / 64) * 2) / learningRate)));
      const losses = lossesOnQuadratic(optimizer, theta, h);
      return batch.map((_, i) =>
        Math.max(...losses.slice(1).map((loss, t) => (loss[i]! - losses[t]![i]!) / (losses[0]![i]! + 1e-30))),
      );
    },
    // Each loss is a sum of 12 terms of relative error 6 u.
    tolerance: 20 * unitRoundoff,
  }),
  rmsStepBound: law({
    title: "B2: the root mean square of an update is at most the declared multiple of the learning rate",
    arbitrary: samples,
    residuals: (optimizer, batch) => {
      const bound = optimizer.traits.rmsStepBound! * learningRate;
      return run(optimizer, batch).map(({ updates }) =>
        Math.max(...updates.map((update) => rms(update) / bound - 1)),
      );
    },
    // Two clipped terms, each at most c (1 + (N + 4) u), convex combinations of them, and our own RMS: 40 u.
    tolerance: 40 * unitRoundoff,
  }),
  zeroGradientFixedPoint: law({
    title: "B5: parameters whose gradient was always zero do not move, and nothing becomes NaN",
    arbitrary: matrix(real, rows, columns),
    residuals: (optimizer, batch) => {
      const zero = mapElements(batch[0]!, () => 0);
      const still = batch.map((parameters) => ({ parameters, gradients: Array(steps).fill(zero) }));
      return run(optimizer, still).map(({ updates }) => {
        const largest = Math.max(...updates.flat().map(Math.abs));
        return Number.isFinite(largest) ? largest : Infinity;
      });
    },
    tolerance: 0,
  }),
  contractingDecay: law({
    title: "B8: under equal gradients, decay brings any two parameters nearer to each other",
    arbitrary: fc.record({
      at: sample(rows, columns, steps, nonzero),
      offset: matrix(nonzero, rows, columns),
      exponent: fc.integer({ min: -40, max: 0 }),
    }),
    residuals: (optimizer, batch) => {
      const scaled = batch.map(({ at, exponent }) =>
        mapSample(at, same, (g) => mapElements(g, (x) => x * 2 ** exponent)),
      );
      const moved = batch.map(({ offset }, i) =>
        mapSample(scaled[i]!, (x) => mapElements(x, (xi, j) => xi + offset.flat()[j]!), same),
      );
      const last = (samples: readonly Sample[]) =>
        run(optimizer, samples).map(({ parameters }) => parameters.at(-1)!);
      const [a, b] = [last(scaled), last(moved)];
      return batch.map(({ offset }, i) =>
        Math.max(...offset.flat().map((d, j) => Math.abs((b[i]![j]! - a[i]![j]!) / d) - 1)),
      );
    },
    // The factor is (1 - learningRate * weightDecay)^steps with a decay of at least 0.01: below 1 - 1.4e-3.
    tolerance: -1e-3,
  }),
};

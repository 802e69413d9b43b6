import fc from "fast-check";
import { matrix, nonzero, real, type Sample, sample } from "./arbitraries.ts";
import { columns, mapElements, mapSample, rows, run, same, samples, steps } from "./compare-updates.ts";
import { rms, unitRoundoff } from "./numbers.ts";
import { type AnyTraitLaw, law } from "./trait-law.ts";

// How far steps reach, where they end, and what decay does.

export const rmsStepBound: AnyTraitLaw = law({
  description: "B2: the root mean square of an update is at most the declared multiple of the learning rate",
  arbitrary: samples,
  residuals: (optimizer, batch, learningRate) => {
    const bound = optimizer.traits.rmsStepBound! * learningRate();
    return run(optimizer, batch).map(({ updates }) =>
      Math.max(...updates.map((update) => rms(update) / bound - 1)),
    );
  },
  // Two clipped terms, each at most c (1 + (N + 4) u), convex combinations of them, and our own RMS: 40 u.
  tolerance: 40 * unitRoundoff,
});

export const zeroGradientFixedPoint: AnyTraitLaw = law({
  description: "B5: parameters whose gradient was always zero do not move, and nothing becomes NaN",
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
});

export const contractingDecay: AnyTraitLaw = law({
  description: "B8: under equal gradients, decay brings any two parameters nearer to each other",
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
  // Without decay only rounding of the parameters, below 2^7, moves an offset of at least 2^-6: 3 * 2^13 * 3 u = 8e-12.
  tolerance: -1e-9,
});

import type { Outcome } from "../study/outcome.ts";
import { logCorrelation, median, medianRatio, relativeError, worstRatio } from "../study/statistics.ts";
import type { SubjectResult } from "../study/study.ts";
import type { DiagonalSample } from "../study/trajectory.ts";

/** The estimates of the Fisher diagonal that the report compares. */
export const estimates: Readonly<Record<EstimateName, string>> = {
  minibatchEstimate: "FAdam's f, minibatches",
  singleEstimate: "FAdam's f, single examples",
  squaredMinibatch: "squared minibatch gradient, expected here",
  empirical: "conditional empirical Fisher, here",
};

/** The estimates in a {@link DiagonalSample}. */
export type EstimateName = Exclude<keyof DiagonalSample, "exact">;

/** What an estimate is multiplied by: the squared gradient of a mean over B examples is on the scale of F / B. */
export const scaleOf = (name: EstimateName, batchSize: number): number =>
  name === "minibatchEstimate" || name === "squaredMinibatch" ? batchSize : 1;

/** How far an estimate is from the exact diagonal at one step. */
export interface Distance {
  /** Of the vectors of all parameters. */
  readonly error: number;
  /** The median over the parameters of estimate / exact. */
  readonly ratio: number;
  /** Of the parameter for which estimate / exact is farthest from 1, up or down. */
  readonly worst: number;
  /** Of the logarithms: how well the estimate ranks the parameters. */
  readonly correlation: number;
}

/** The distance of `factor` times an estimate. */
export function distance(sample: DiagonalSample, name: EstimateName, factor: number): Distance {
  const scaled = sample[name].map((value) => value * factor);
  return {
    error: relativeError(scaled, sample.exact),
    ratio: medianRatio(scaled, sample.exact),
    worst: worstRatio(scaled, sample.exact),
    correlation: logCorrelation(scaled, sample.exact),
  };
}

/** Over the last fifth of the measurements, the medians: the end, without the accident of one step. */
export function distanceAtEnd({ trajectory }: SubjectResult, name: EstimateName, factor: number): Distance {
  const last = trajectory.diagonals.slice(-Math.max(1, Math.round(trajectory.diagonals.length / 5)));
  const all = last.map((sample) => distance(sample, name, factor));
  const middle = (key: keyof Distance) => median(all.map((each) => each[key]));
  return {
    error: middle("error"),
    ratio: middle("ratio"),
    worst: middle("worst"),
    correlation: middle("correlation"),
  };
}

/** The median of a series over a part of it, from 0 to 1. */
export function medianOver(values: readonly number[], from: number, to: number): number {
  const [start, end] = [Math.floor(values.length * from), Math.ceil(values.length * to)];
  return median(values.slice(start, end).filter(Number.isFinite));
}

/** The medians over the first, second and last third of a series. */
export const thirds = (values: readonly number[]): [number, number, number] => [
  medianOver(values, 0, 1 / 3),
  medianOver(values, 1 / 3, 2 / 3),
  medianOver(values, 2 / 3, 1),
];

/** Whether all runs of one optimizer ended lower than all of the other. */
export type Verdict = "lower" | "higher" | "undecided";

/** Compares final losses: decided only where the ranges over the seeds do not overlap. */
export function compareLosses(a: Outcome, b: Outcome): Verdict {
  if (a.finalLoss.high < b.finalLoss.low) return "lower";
  return a.finalLoss.low > b.finalLoss.high ? "higher" : "undecided";
}

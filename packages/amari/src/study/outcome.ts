import type { Contestant } from "./contestants.ts";
import type { GridRun } from "./grid.ts";
import { mean, median } from "./statistics.ts";

/** The middle of several runs, with the extremes. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What one optimizer achieved at the learning rate that suited it best. */
export interface Outcome {
  readonly id: string;
  readonly label: string;
  readonly settings: string;
  /** The chosen learning rate. */
  readonly rate: number;
  /** Whether it stands at an end of the grid, so that a better one may lie outside. */
  readonly atEdge: boolean;
  /** Of each rate of the grid: the mean over the seeds of the training loss at the end. */
  readonly grid: readonly { readonly rate: number; readonly loss: number }[];
  /** After how many steps the curves were evaluated. */
  readonly steps: readonly number[];
  /** Training loss at each evaluation, over the seeds. */
  readonly curve: readonly Spread[];
  readonly finalLoss: Spread;
  readonly accuracy: Spread;
  /** The steps until the training loss was first at or below the goal, median over the seeds; null where most never were. */
  readonly stepsToGoal: number | null;
  readonly millisecondsPerStep: number;
}

const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  low: Math.min(...values),
  high: Math.max(...values),
});

const finite = (value: number): number => (Number.isFinite(value) ? value : Number.POSITIVE_INFINITY);

/** The mean over the seeds of the last training loss. */
const endLosses = ({ loss }: GridRun): number[] =>
  loss.map((seeds) => mean(seeds.map((curve) => finite(curve.at(-1)!))));

/** The rate whose training loss at the end is the lowest, averaged over the seeds. The held-out part has no say in it. */
export function chooseRate(run: GridRun): number {
  const losses = endLosses(run);
  return losses.indexOf(Math.min(...losses));
}

/** The curves and the row of the table for the chosen rate. */
export function outcomeOf(
  { id, label, settings }: Contestant,
  run: GridRun,
  chosen: number,
  goal: number,
  millisecondsPerStep: number,
): Outcome {
  const losses = run.loss[chosen]!;
  const curve = run.steps.map((_, i) => spreadOf(losses.map((seed) => seed[i]!)));
  const reached = losses.map((seed) => run.steps[seed.findIndex((value) => value <= goal)] ?? Infinity);
  const stepsToGoal = median(reached);
  return {
    id,
    label,
    settings,
    rate: run.rates[chosen]!,
    atEdge: run.rates.length > 1 && (chosen === 0 || chosen === run.rates.length - 1),
    grid: endLosses(run).map((loss, i) => ({ rate: run.rates[i]!, loss })),
    steps: run.steps,
    curve,
    finalLoss: curve.at(-1)!,
    accuracy: spreadOf(run.accuracy[chosen]!.map((seed) => seed.at(-1)!)),
    stepsToGoal: Number.isFinite(stepsToGoal) ? stepsToGoal : null,
    millisecondsPerStep,
  };
}

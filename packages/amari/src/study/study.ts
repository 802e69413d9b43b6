import { jit, random, type Tensor, tensor } from "@amari/core";
import { minibatches } from "./batches.ts";
import type { Contestant } from "./contestants.ts";
import { trainGrid } from "./grid.ts";
import { chooseRate, type Outcome, outcomeOf } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { irisSplit, type Split } from "./split.ts";
import { median } from "./statistics.ts";
import { trainingStep } from "./step.ts";
import { type Parameters, type Subject, subjects } from "./subjects.ts";
import { followTrajectory, type Trajectory } from "./trajectory.ts";

/** What the study is asked to do. */
export interface StudyOptions {
  /** Steps of training in each run. */
  readonly steps: number;
  /** Decides initial weights and the order of the minibatches; the split does not depend on it. */
  readonly seed: number;
  /** How many runs, from seeds of their own, each optimizer makes at each learning rate. */
  readonly repetitions: number;
  readonly contestants: readonly Contestant[];
}

/** What came out for one model. */
export interface SubjectResult {
  readonly id: Subject["id"];
  readonly label: string;
  readonly parameterCount: number;
  readonly outcomes: readonly Outcome[];
  readonly trajectory: Trajectory;
}

/** All that the study measured, as plain data. */
export interface Study {
  readonly steps: number;
  readonly seed: number;
  readonly repetitions: number;
  readonly batchSize: number;
  readonly trainCount: number;
  readonly testCount: number;
  /** The training loss that "steps to" counts to. */
  readonly goal: number;
  readonly results: readonly SubjectResult[];
}

/** A quarter of the training part, so that natural gradient descent has a Fisher matrix worth inverting. */
const batchSize = 25;
/** In nats per example: what all but the slowest reach. */
const goalLoss = 0.1;
const timedSteps = 20;

/**
 * Trains both models on iris by all optimizers and measures how near the optimizers come to the exact Fisher information and the
 * exact natural gradient. Runs on the default backend, in float64.
 */
export function runStudy(options: StudyOptions, progress: Progress): Study {
  const { steps, seed, repetitions, contestants } = options;
  const split = irisSplit();
  const seeds = Array.from({ length: repetitions }, (_, i) => random.foldIn(random.key(seed), i).realise());
  const batches = minibatches(split, seeds, steps, batchSize);
  const every = Math.max(1, Math.round(steps / 42));

  progress.begin(subjects.length * (contestants.length + 1) * steps);
  const results = subjects.map((subject): SubjectResult => {
    const outcomes = contestants.map((contestant) => {
      progress.stage(`${subject.label}: ${contestant.label}`);
      const run = trainGrid(subject, contestant, split, batches, seeds, Math.min(3, every), progress);
      const chosen = chooseRate(run);
      const time = timePerStep(subject, contestant, run.rates[chosen]!, split);
      return outcomeOf(contestant, run, chosen, goalLoss, time);
    });
    progress.stage(`${subject.label}: Fisher information`);
    const entrants = contestants.map((contestant, i) => ({ contestant, rate: outcomes[i]!.rate }));
    const leader = entrants.find(({ contestant }) => contestant.id === "fadam") ?? entrants[0]!;
    const trajectory = followTrajectory(
      subject,
      leader,
      entrants,
      split,
      batches,
      seeds[0]!,
      every,
      progress,
    );
    return {
      id: subject.id,
      label: subject.label,
      parameterCount: trajectory.diagonals[0]!.exact.length,
      outcomes,
      trajectory,
    };
  });
  progress.end();
  return {
    steps,
    seed,
    repetitions,
    batchSize,
    trainCount: split.trainX.shape[0]!,
    testCount: split.testX.shape[0]!,
    goal: goalLoss,
    results,
  };
}

/** Milliseconds of one jitted step of one run: the median of some, after a few that compile. */
function timePerStep(
  subject: Subject,
  contestant: Contestant,
  rate: number,
  { trainX, trainY }: Split,
): number {
  const step = jit(trainingStep(subject, contestant));
  const rateTensor = tensor(rate, { dtype: "float64" }) as Tensor;
  const x = trainX.slice([0, batchSize]).realise() as Tensor;
  const y = trainY.slice([0, batchSize]).realise() as Tensor;
  let params: Parameters = subject.init(random.key(0));
  let state = contestant.make({ rate: rateTensor, subject, x }).init(params);
  const times: number[] = [];
  for (let i = 0; i < timedSteps; i++) {
    const start = performance.now();
    [params, state] = step(rateTensor, params, state, x, y);
    if (i >= timedSteps / 4) times.push(performance.now() - start);
  }
  return median(times);
}

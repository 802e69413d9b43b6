import {
  type DType,
  getDefaultBackend,
  jit,
  random,
  setDefaultBackend,
  type Tensor,
  tensor,
} from "@amari/core";
import { minibatches } from "./batches.ts";
import type { Contestant } from "./contestants.ts";
import { trainGrid } from "./grid.ts";
import { chooseRate, type Outcome, outcomeOf } from "./outcome.ts";
import { moveTo, type Place, type Places, within } from "./places.ts";
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
  readonly places: Places;
}

/** Where something was computed, by name. */
export interface Computed {
  readonly backend: string;
  readonly dtype: DType;
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
  readonly training: Computed;
  readonly exact: Computed;
  readonly results: readonly SubjectResult[];
}

/** A quarter of the training part, so that natural gradient descent has a Fisher matrix worth inverting. */
const batchSize = 25;
/** In nats per example: what all but the slowest reach. */
const goalLoss = 0.1;
const timedSteps = 20;

/**
 * Trains both models on iris by all optimizers and measures how near the optimizers come to the exact Fisher information and the
 * exact natural gradient. Data and initial weights are made where the exact mathematics runs and then moved, so that they
 * are the same wherever the training runs.
 */
export async function runStudy(options: StudyOptions, progress: Progress): Promise<Study> {
  const before = getDefaultBackend();
  setDefaultBackend(options.places.exact.backend);
  try {
    return await studyIris(options, progress);
  } finally {
    setDefaultBackend(before);
  }
}

async function studyIris(options: StudyOptions, progress: Progress): Promise<Study> {
  const { steps, seed, repetitions, contestants, places } = options;
  const { training, exact } = places;
  const split = irisSplit();
  const seeds = Array.from({ length: repetitions }, (_, i) => random.foldIn(random.key(seed), i).realise());
  const splitThere = await moveTo(training, split);
  const batches = await moveTo(training, minibatches(split, seeds, steps, batchSize));
  const every = Math.max(1, Math.round(steps / 42));

  progress.begin(subjects.length * (contestants.length + 1) * steps);
  const results: SubjectResult[] = [];
  for (const subject of subjects) {
    const outcomes: Outcome[] = [];
    for (const contestant of contestants) {
      progress.stage(`${subject.label}: ${contestant.label}`);
      const evaluateEvery = Math.min(3, every);
      const run = await trainGrid(
        subject,
        contestant,
        training,
        splitThere,
        batches,
        seeds,
        evaluateEvery,
        progress,
      );
      const chosen = chooseRate(run);
      const time = await timePerStep(subject, contestant, run.rates[chosen]!, training, splitThere);
      outcomes.push(outcomeOf(contestant, run, chosen, goalLoss, time));
    }
    progress.stage(`${subject.label}: Fisher information`);
    const entrants = contestants.map((contestant, i) => ({ contestant, rate: outcomes[i]!.rate }));
    const leader = entrants.find(({ contestant }) => contestant.id === "fadam") ?? entrants[0]!;
    const trajectory = await followTrajectory(
      subject,
      leader,
      entrants,
      places,
      split,
      batches,
      seeds[0]!,
      every,
      progress,
    );
    results.push({
      id: subject.id,
      label: subject.label,
      parameterCount: trajectory.diagonals[0]!.exact.length,
      outcomes,
      trajectory,
    });
  }
  progress.end();
  return {
    steps,
    seed,
    repetitions,
    batchSize,
    trainCount: split.trainX.shape[0]!,
    testCount: split.testX.shape[0]!,
    goal: goalLoss,
    training: computedAt(training),
    exact: computedAt(exact),
    results,
  };
}

const computedAt = ({ backend, dtype }: Place): Computed => ({ backend: backend.name, dtype });

/** Milliseconds of one jitted step of one run, until it has been computed: the median of some, after a few that compile. */
async function timePerStep(
  subject: Subject,
  contestant: Contestant,
  rate: number,
  place: Place,
  { trainX, trainY }: Split,
): Promise<number> {
  const step = jit(trainingStep(subject, contestant));
  const rateTensor = await moveTo(place, tensor(rate, { dtype: "float64" }) as Tensor);
  const x = trainX.slice([0, batchSize]).realise() as Tensor;
  const y = trainY.slice([0, batchSize]).realise() as Tensor;
  let params: Parameters = await moveTo(place, subject.init(random.key(0)));
  let state = contestant.make({ rate: rateTensor, subject, x }).init(params);
  const times: number[] = [];
  for (let i = 0; i < timedSteps; i++) {
    const start = performance.now();
    [params, state] = within(place, () => step(rateTensor, params, state, x, y));
    await place.backend.flush();
    if (i >= timedSteps / 4) times.push(performance.now() - start);
  }
  return median(times);
}

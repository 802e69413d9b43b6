import { jit, type Tensor, tensor } from "@amari/core";
import { ravel } from "@amari/fisher";
import { applyUpdates, fadam } from "@amari/optim";
import type { Batch } from "./batches.ts";
import type { Contestant } from "./contestants.ts";
import {
  cosineToNatural,
  type DiagonalDirection,
  diagonalDirections,
  referenceAt,
  steepestShare,
} from "./directions.ts";
import { diagonals } from "./estimates.ts";
import { moveTo, type Places, within } from "./places.ts";
import type { Progress } from "./progress.ts";
import type { Split } from "./split.ts";
import { gradientOf } from "./step.ts";
import type { Parameters, Subject } from "./subjects.ts";

/** Estimates of the Fisher diagonal, and the diagonal itself, of all parameters at one step. */
export interface DiagonalSample {
  readonly exact: readonly number[];
  readonly empirical: readonly number[];
  readonly squaredMinibatch: readonly number[];
  /** FAdam's f from the minibatches. */
  readonly minibatchEstimate: readonly number[];
  /** FAdam's f from one example a step. */
  readonly singleEstimate: readonly number[];
}

/** What was measured along one path of parameters. */
export interface Trajectory {
  /** The optimizer that chose the path. */
  readonly leader: string;
  /** The measurements were made before these steps, at the parameters that the step's gradient was taken at. */
  readonly steps: readonly number[];
  readonly diagonals: readonly DiagonalSample[];
  /** Of each optimizer's update, by its id. */
  readonly optimizerCosines: Readonly<Record<string, readonly number[]>>;
  readonly diagonalCosines: Readonly<Record<DiagonalDirection, readonly number[]>>;
  /** The share of the natural gradient's squared length along the direction of the largest curvature. */
  readonly steepestShares: readonly number[];
}

/** An optimizer with the learning rate it was given. */
export interface Entrant {
  readonly contestant: Contestant;
  readonly rate: number;
}

/**
 * Follows one optimizer, the leader, and asks all others at every step what they would do: they see the same gradients at
 * the same parameters and keep their own state, but only the leader's updates are applied. Every `every` steps parameters
 * and updates are moved to where the exact mathematics is done.
 *
 * @param split where the exact mathematics is done
 * @param batches at the place of training
 */
export async function followTrajectory(
  subject: Subject,
  leader: Entrant,
  entrants: readonly Entrant[],
  { training, exact }: Places,
  split: Split,
  batches: readonly Batch[],
  seed: Tensor,
  every: number,
  progress: Progress,
): Promise<Trajectory> {
  const shadows = entrants.includes(leader) ? entrants : [leader, ...entrants];
  const leading = shadows.indexOf(leader);
  const batchSize = batches[0]!.x.shape[1]!;
  const estimator = fadam({ learningRate: 0 });
  const made = ({ contestant, rate }: Entrant, x: Tensor) =>
    contestant.make({ rate: tensor(rate, { dtype: training.dtype }) as Tensor, subject, x });

  const propose = jit((params: Parameters, states: unknown[], f: Estimators, x: Tensor, y: Tensor) => {
    const gradients = gradientOf(subject, params, x, y);
    const proposals = shadows.map((entrant, i) => made(entrant, x).update(gradients, states[i], params));
    const single = gradientOf(subject, params, x.slice([0, 1]) as Tensor, y.slice([0, 1]) as Tensor);
    const [, minibatch] = estimator.update(gradients as never, f.minibatch as never, params as never);
    const [, one] = estimator.update(single as never, f.single as never, params as never);
    return [
      proposals.map(([updates]) => updates),
      proposals.map(([, state]) => state),
      { minibatch, single: one } as Estimators,
    ] as const;
  });
  const measure = jit((params: Parameters, updates: Parameters[], f: Estimators) => {
    const reference = referenceAt(subject, params, split);
    const known = diagonals(subject, params, split, batchSize);
    const minibatchEstimate = ravel(f.minibatch.fisher).vector;
    const directions = diagonalDirections(reference, minibatchEstimate, known.exact);
    return {
      steepestShare: steepestShare(reference),
      diagonals: { ...known, minibatchEstimate, singleEstimate: ravel(f.single.fisher).vector },
      optimizers: updates.map((update) => cosineToNatural(reference, ravel(update).vector)),
      preconditioners: Object.fromEntries(
        Object.entries(directions).map(([name, direction]) => [name, cosineToNatural(reference, direction)]),
      ),
    };
  });

  let params = await moveTo(training, subject.init(seed));
  const initial = estimator.init(params) as unknown as Estimators["single"];
  let f: Estimators = { minibatch: initial, single: initial };
  let states: readonly unknown[] = shadows.map((entrant) => made(entrant, batches[0]!.x).init(params));
  const steps: number[] = [];
  const samples: DiagonalSample[] = [];
  const steepestShares: number[] = [];
  const optimizerCosines: Record<string, number[]> = {};
  const diagonalCosines: Record<string, number[]> = {};
  for (const [i, batch] of batches.entries()) {
    const [updates, nextStates, nextF] = within(training, () =>
      propose(params, states as unknown[], f, batch.x.slice(0) as Tensor, batch.y.slice(0) as Tensor),
    );
    if (i % every === 0 || i + 1 === batches.length) {
      const measured = measure(...(await moveTo(exact, [params, updates, nextF] as const)));
      steps.push(i + 1);
      steepestShares.push(measured.steepestShare.itemSync());
      samples.push(readAll(measured.diagonals) as unknown as DiagonalSample);
      measured.optimizers.forEach((cosine, s) => {
        (optimizerCosines[shadows[s]!.contestant.id] ??= []).push(cosine.itemSync());
      });
      for (const [name, cosine] of Object.entries(measured.preconditioners)) {
        (diagonalCosines[name] ??= []).push(cosine.itemSync());
      }
    }
    params = within(training, () => applyUpdates(params, updates[leading]!));
    states = nextStates;
    f = nextF;
    progress.advance(1);
  }
  return {
    leader: leader.contestant.id,
    steps,
    diagonals: samples,
    optimizerCosines,
    steepestShares,
    diagonalCosines: diagonalCosines as unknown as Trajectory["diagonalCosines"],
  };
}

/** FAdam's state, fed with minibatches and with single examples. */
interface Estimators {
  readonly minibatch: { readonly fisher: Parameters };
  readonly single: { readonly fisher: Parameters };
}

const readAll = (tensors: Readonly<Record<string, Tensor>>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, Array.from(t.dataSync(), Number)]));

import { broadcastTo, jit, mapTree, stack, type Tensor, tensor, vmap } from "@amari/core";
import type { Batch } from "./batches.ts";
import type { Contestant } from "./contestants.ts";
import { moveTo, type Place, within } from "./places.ts";
import type { Progress } from "./progress.ts";
import type { Split } from "./split.ts";
import { evaluation, trainingStep } from "./step.ts";
import type { Parameters, Subject } from "./subjects.ts";

/** What a run over all rates and seeds showed at each evaluation: `values[rate][seed][evaluation]`. */
export interface GridRun {
  readonly rates: readonly number[];
  /** After how many steps the evaluations were made. */
  readonly steps: readonly number[];
  readonly loss: readonly (readonly (readonly number[])[])[];
  readonly accuracy: readonly (readonly (readonly number[])[])[];
}

type Untyped = (...args: readonly unknown[]) => unknown;

/** `f` for every rate and every seed, as one program. `axes` says which arguments run along [rates, seeds]. */
function overGrid<F extends (...args: never[]) => unknown>(
  f: F,
  axes: readonly { readonly rates: boolean; readonly seeds: boolean }[],
): F {
  const overSeeds = vmap(f as never, { inAxes: axes.map(({ seeds }) => (seeds ? 0 : null)) }) as unknown;
  const overRates = vmap(overSeeds as never, { inAxes: axes.map(({ rates }) => (rates ? 0 : null)) });
  return jit(overRates as unknown as Untyped as never) as F;
}

const alongRates = { rates: true, seeds: false };
const alongSeeds = { rates: false, seeds: true };
const alongBoth = { rates: true, seeds: true };

/** A tree with the same tensors for every rate and seed. */
const spread = <T>(tree: T, axes: readonly number[]): T =>
  mapTree(tree, (leaf) => broadcastTo(leaf, [...axes, ...leaf.shape]));

/** Stacks trees of the same structure along a new first axis. */
const stackTrees = <T>(trees: readonly T[]): T => {
  const leaves = trees.map((tree) => {
    const list: Tensor[] = [];
    mapTree(tree, (leaf) => list.push(leaf));
    return list;
  });
  return mapTree(trees[0] as T, (_, i) => stack(leaves.map((list) => list[i]!)));
};

/**
 * Trains a model by one optimizer for every learning rate of its grid and every seed at once: one step, written for a
 * single run, under two vmaps and one jit.
 *
 * @param split at the place of training, as the batches
 */
export async function trainGrid(
  subject: Subject,
  contestant: Contestant,
  place: Place,
  split: Split,
  batches: readonly Batch[],
  seeds: readonly Tensor[],
  evaluateEvery: number,
  progress: Progress,
): Promise<GridRun> {
  const { rates } = contestant;
  const rateTensor = await moveTo(place, tensor(rates, { dtype: "float64" }) as Tensor);
  const initial = await moveTo(
    place,
    seeds.map((seed) => subject.init(seed)),
  );
  let [params, state] = within(place, () => {
    const first = contestant.make({ rate: rateTensor.slice(0), subject, x: split.trainX }).init(initial[0]!);
    return [spread(stackTrees(initial), [rates.length]), spread(first, [rates.length, seeds.length])];
  });
  const step = overGrid(trainingStep(subject, contestant), [
    alongRates,
    alongBoth,
    alongBoth,
    alongSeeds,
    alongSeeds,
  ]);
  const evaluate = overGrid(evaluation(subject, split), [alongBoth]);

  const steps: number[] = [];
  const shape = [rates.length, seeds.length];
  const loss = rates.map(() => seeds.map((): number[] => []));
  const accuracy = rates.map(() => seeds.map((): number[] => []));
  const record = async (at: number, current: Parameters): Promise<void> => {
    steps.push(at);
    const evaluated = within(place, () => evaluate(current));
    const [losses, accuracies] = await Promise.all(evaluated.map((value) => value.data()));
    for (let r = 0; r < shape[0]!; r++) {
      for (let s = 0; s < shape[1]!; s++) {
        loss[r]![s]!.push(Number(losses![r * shape[1]! + s]));
        accuracy[r]![s]!.push(Number(accuracies![r * shape[1]! + s]));
      }
    }
  };

  await record(0, params);
  for (const [i, { x, y }] of batches.entries()) {
    [params, state] = within(place, () => step(rateTensor, params, state, x, y));
    if ((i + 1) % evaluateEvery === 0 || i + 1 === batches.length) await record(i + 1, params);
    progress.advance(1);
  }
  return { rates, steps, loss, accuracy };
}

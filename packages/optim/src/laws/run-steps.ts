import { concat, jit, type Tensor, treeLeaves, vmap } from "@amari/core";
import { applyUpdates, type Optimizer } from "../optimizer.ts";
import { values } from "./arrays.ts";

/** What a number of steps did to one example: updates[t] and parameters[t] are those of step t + 1, flattened. */
export interface Run {
  readonly updates: readonly number[][];
  readonly parameters: readonly number[][];
}

/** Changes the state before the first step, by a number that differs from example to example. */
export type Prepare = (state: unknown, by: Tensor) => unknown;

type Program = (parameters: unknown, gradients: readonly unknown[], by: Tensor) => [Tensor[], Tensor[]];
const programs = new WeakMap<Optimizer, Map<Prepare | null, Program>>();

/**
 * Takes one step for each of the gradients, for a batch of examples at once: all tensors have a leading axis of
 * examples, which `vmap` maps over. The gradients are given beforehand, since laws of the update rule need no loss.
 * The steps are one compiled program for each optimizer and shape.
 */
export function runSteps<P>(
  optimizer: Optimizer,
  parameters: P,
  gradients: readonly P[],
  prepared?: { readonly prepare: Prepare; readonly by: Tensor },
): Run[] {
  const compiled = programs.get(optimizer) ?? new Map<Prepare | null, Program>();
  programs.set(optimizer, compiled);
  const prepare = prepared?.prepare ?? null;
  const program = compiled.get(prepare) ?? (jit(vmap(stepsOf(optimizer, prepare)) as Program) as Program);
  compiled.set(prepare, program);
  const batch = treeLeaves(parameters)[0]!.shape[0]!;
  const by = prepared?.by ?? (treeLeaves(parameters)[0]!.reshape([batch, -1]).sum(1) as Tensor);
  const [updates, after] = program(parameters, gradients, by);
  const [byExample, ends] = [transposed(updates, batch), transposed(after, batch)];
  return byExample.map((of, i) => ({ updates: of, parameters: ends[i]! }));
}

const stepsOf =
  (optimizer: Optimizer, prepare: Prepare | null): Program =>
  (parameters, gradients, by) => {
    const updates: Tensor[] = [];
    const after: Tensor[] = [];
    let state = optimizer.init(parameters);
    if (prepare !== null) state = prepare(state, by);
    for (const gradient of gradients) {
      const [update, next] = optimizer.update(gradient, state, parameters);
      state = next;
      parameters = applyUpdates(parameters, update);
      updates.push(flat(update));
      after.push(flat(parameters));
    }
    return [updates, after];
  };

/** All elements of a tree as one vector. */
function flat(tree: unknown): Tensor {
  const leaves = treeLeaves(tree).map((leaf) => leaf.reshape([leaf.size]) as Tensor);
  return leaves.length === 1 ? leaves[0]! : (concat(leaves) as Tensor);
}

/** From a [batch, n] tensor for each step to, for each example, the vectors of its steps. */
function transposed(bySteps: readonly Tensor[], batch: number): number[][][] {
  const read = bySteps.map(values);
  return Array.from({ length: batch }, (_, i) =>
    read.map((all) => all.slice((i * all.length) / batch, ((i + 1) * all.length) / batch)),
  );
}

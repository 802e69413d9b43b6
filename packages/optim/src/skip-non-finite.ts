import { mapTree, mapTrees, type Tensor, treeLeaves } from "@amari/core";
import type { KindOf, Optimizer, UpdateExtra } from "./optimizer.ts";

/**
 * Leaves parameters and state as they are in a step where any gradient is NaN or infinite. Without this wrapper such a
 * value spreads through the moments of every optimizer and stays there.
 *
 * @example const optimizer = skipNonFinite(fadam({ learningRate: 1e-3 }));
 */
export function skipNonFinite<O extends Optimizer>(optimizer: O): Optimizer<KindOf<O>> {
  const update = (
    gradients: unknown,
    state: unknown,
    params: unknown,
    extra?: UpdateExtra<unknown>,
  ): [unknown, unknown] => {
    const isUsable = treeLeaves(gradients)
      .map((gradient) => gradient.isFinite().all() as Tensor)
      .reduce<Tensor | boolean>((all, one) => (all === true ? one : one.logicalAnd(all)), true);
    if (isUsable === true) return optimizer.update(gradients, state, params, extra);
    const usable = isUsable as Tensor;
    // The unusable values must not reach the step at all: a derivative would be NaN even in the branch not taken.
    const safe = mapTree(gradients, (gradient) => usable.where(gradient, 0));
    const [updates, next] = optimizer.update(safe, state, params, extra);
    return [
      mapTree(updates, (step) => usable.where(step, 0)),
      mapTrees((after: Tensor, before: Tensor) => usable.where(after, before), next, state),
    ];
  };
  return {
    name: `skipNonFinite(${optimizer.name})`,
    traits: optimizer.traits,
    needsFisherDiagonal: optimizer.needsFisherDiagonal === true,
    init: optimizer.init,
    update,
  } as unknown as Optimizer<KindOf<O>>;
}

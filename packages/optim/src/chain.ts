import { TreeError } from "@amari/core";
import type { KindOf, Optimizer, StateFor, StateKind, UpdateExtra } from "./optimizer.ts";
import type { Trait, Traits } from "./traits.ts";

/** The states of the parts of a chain, in order. */
export interface ChainKind<Kinds extends readonly StateKind[]> extends StateKind {
  readonly state: { readonly [I in keyof Kinds]: StateFor<Kinds[I], this["params"]> };
}

type KindsOf<Parts extends readonly Optimizer[]> = { readonly [I in keyof Parts]: KindOf<Parts[I]> };

/**
 * Runs optimizers one after the other: each takes the updates of the one before as its gradients. A chain that descends
 * ends in {@link scaleByLearningRate} or in an optimizer of its own.
 *
 * @example const optimizer = chain(clipByGlobalNorm(1), traceMomentum({ decay: 0.9 }), scaleByLearningRate(0.1));
 */
export function chain<const Parts extends readonly Optimizer[]>(
  ...parts: Parts
): Optimizer<ChainKind<KindsOf<Parts>>> {
  const init = (params: unknown): unknown => parts.map((part) => part.init(params));
  const update = (
    gradients: unknown,
    state: readonly unknown[],
    params: unknown,
    extra?: UpdateExtra<unknown>,
  ): [unknown, unknown] => {
    if (!Array.isArray(state) || state.length !== parts.length) {
      throw new TreeError(
        `chain: the state is a list of the states of its ${parts.length} parts; pass what init(params) or the ` +
          "update before this one returned",
      );
    }
    let updates = gradients;
    const after = parts.map((part, i) => {
      const [changed, next] = part.update(
        updates,
        state[i],
        params,
        part.needsFisherDiagonal ? extra : undefined,
      );
      updates = changed;
      return next;
    });
    return [updates, after];
  };
  return {
    name: `chain(${parts.map(({ name }) => name).join(", ")})`,
    traits: commonTraits(parts),
    needsFisherDiagonal: parts.some((part) => part.needsFisherDiagonal === true),
    init,
    update,
  } as unknown as Optimizer<ChainKind<KindsOf<Parts>>>;
}

/** The laws that a composition keeps when each of its parts does: maps that commute with a change of coordinates. */
const preserved: readonly (keyof Traits)[] = [
  "signEquivariance",
  "permutationEquivariance",
  "partitionInvariance",
  "orthogonalEquivariance",
  "transposeEquivariance",
  "translationInvariance",
  "zeroGradientFixedPoint",
];

function commonTraits(parts: readonly Optimizer[]): Traits {
  const kept = preserved.filter((law) => parts.every(({ traits }) => traits[law] === "satisfies"));
  return Object.fromEntries(kept.map((law): [string, Trait] => [law, "satisfies"]));
}

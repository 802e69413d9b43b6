import { mapTrees, type Tensor } from "@amari/core";
import type { Traits } from "./traits.ts";

/**
 * How the type of a state follows from the type of the parameters: a function from types to types, written as an
 * interface whose `state` mentions `this["params"]`.
 *
 * @example
 * interface VelocityState<P> { readonly velocity: P }
 * interface VelocityKind extends StateKind { readonly state: VelocityState<this["params"]> }
 */
export interface StateKind {
  readonly params: unknown;
  readonly state: unknown;
}

/** The state that an optimizer of kind `K` keeps for parameters `P`. */
export type StateFor<K extends StateKind, P> = (K & { readonly params: P })["state"];

/** What a step may be told beside the gradients. */
export interface UpdateExtra<P> {
  /**
   * The diagonal of the Fisher information at the parameters, elementwise >= 0 and of the tree of the parameters: used
   * in place of the squared gradient by the optimizers that were made with `fisher: "injected"`.
   */
  readonly fisherDiagonal?: P;
}

/**
 * A pair of pure functions of trees, and what is known about them.
 *
 * `update` maps gradients to updates, which {@link applyUpdates} adds to the parameters; the minus sign of descent is
 * already in them. Both functions may be used inside jit, vmap and grad. A state is a tree of tensors.
 *
 * @example
 * let state = optimizer.init(params);
 * const [updates, next] = optimizer.update(gradients, state, params);
 * params = applyUpdates(params, updates);
 */
export interface Optimizer<K extends StateKind = StateKind> {
  readonly name: string;
  /** The laws that this optimizer, with its options, keeps or must break. */
  readonly traits: Traits;
  /** Whether each update must be given `extra.fisherDiagonal`; otherwise, by default, none may be given. */
  readonly needsFisherDiagonal?: boolean;
  /** Carries the kind for {@link StateOf}; there is no such value. */
  readonly kind?: K;
  /** The state before the first step. @throws DTypeError where a parameter is not a float */
  init<P>(params: P): StateFor<K, P>;
  /**
   * One step. Nothing is mutated.
   *
   * @throws TreeError where gradients, state and parameters differ in structure
   * @throws ShapeError where a gradient has another shape than its parameter
   * @throws DTypeError where a gradient or parameter is not a float
   */
  update<P>(
    gradients: NoInfer<P>,
    state: StateFor<K, NoInfer<P>>,
    params: P,
    extra?: UpdateExtra<NoInfer<P>>,
  ): [updates: P, state: StateFor<K, P>];
}

/**
 * The type of the state that an optimizer keeps for parameters of type `P`.
 *
 * @example const step = jit((p: Params, s: StateOf<typeof optimizer, Params>) => ...)
 */
export type StateOf<O extends Optimizer, P> = StateFor<KindOf<O>, P>;

/** The kind that an optimizer was declared with. */
export type KindOf<O extends Optimizer> = O extends { readonly kind?: infer K extends StateKind } ? K : never;

/** Adds updates to the parameters; each parameter keeps its dtype. @throws TreeError where the structures differ */
export const applyUpdates = <P>(params: P, updates: NoInfer<P>): P =>
  mapTrees(
    (parameter: Tensor, update: Tensor) => parameter.add(update).astype(parameter.dtype),
    params,
    updates,
  );

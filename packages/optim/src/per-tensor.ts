import { ArgumentError, type DType, Tensor, TreeError, zeros } from "@amari/core";
import type { Optimizer, StateKind, UpdateExtra } from "./optimizer.ts";
import type { Traits } from "./traits.ts";
import { leavesLike, type MapLeaves, parameterLeaves, placeAt, subtreesAt } from "./trees.ts";

/** When a step happens, in the dtype of the parameters that it moves. */
export interface StepTime {
  /** How many steps were finished before this one: an int32 scalar. */
  readonly count: Tensor;
  /** The number of this step, from 1, as a float scalar of `dtype`. */
  readonly t: Tensor;
  readonly dtype: DType;
}

/** What an update rule sees of one tensor of the parameters: all of one shape and dtype. */
export interface RuleInput {
  readonly gradient: Tensor;
  readonly parameter: Tensor;
  /** Given with every step where the rule says `injected`, and only there. */
  readonly fisherDiagonal: Tensor | undefined;
}

/** An update rule for one tensor; its state is a record of slots, each a tensor or a small tree. */
export interface TensorRule<Slots, Scalars> {
  /** For errors. */
  readonly name: string;
  /** The laws that the rule keeps or must break; {@link Traits} lists them. `{}` claims nothing. */
  readonly traits: Traits;
  /** Whether each step must be given the Fisher diagonal; otherwise it must not. Default false. */
  readonly injected?: boolean;
  /** The first value of each slot, for one parameter. */
  readonly slots: { readonly [Name in keyof Slots]: (parameter: Tensor) => Slots[Name] };
  /** What all tensors of one dtype share in a step: the learning rate, bias corrections. Default: nothing. */
  readonly scalars?: (time: StepTime) => Scalars;
  /** The update, which is added to the parameter and so holds the minus sign of descent, and the slots after it. */
  readonly step: (
    input: RuleInput,
    slots: NoInfer<Slots>,
    scalars: NoInfer<Scalars>,
  ) => [update: Tensor, slots: NoInfer<Slots>];
}

/** The function of each slot that makes its first value. */
export type FirstSlots = Readonly<Record<string, (parameter: Tensor) => unknown>>;

/** The slots that such functions make: inferred from the functions, as generic ones like `zerosLike` ask for. */
export type SlotsOf<Initial extends FirstSlots> = {
  readonly [Name in keyof Initial]: ReturnType<Initial[Name]>;
};

/** The state of an optimizer made by {@link perTensor}: the step count, and a tree like the parameters for each slot. */
export type SlotState<P, Slots> = { readonly count: Tensor<[]> } & {
  readonly [Name in keyof Slots]: Tensor extends Slots[Name] ? P : MapLeaves<P, Slots[Name]>;
};

/** @see {@link StateKind} */
export interface SlotKind<Slots> extends StateKind {
  readonly state: SlotState<this["params"], Slots>;
}

/**
 * Lifts an update rule for one tensor to an optimizer of trees. The state is the int32 step count and, for each slot, a
 * tree like the parameters with that slot's value in place of each tensor. Whether the rule keeps the laws that its
 * `traits` declare is checked by `checkOptimizer` of `@amari/optim/laws`.
 *
 * @example
 * const signDescent = perTensor({
 *   name: "signDescent",
 *   traits: { lossScaleInvariance: "satisfies" },
 *   slots: { momentum: zerosLike },
 *   step: ({ gradient }, slots) => {
 *     const momentum = slots.momentum.mul(0.9).add(gradient.mul(0.1));
 *     return [momentum.sign().mul(-0.01), { momentum }];
 *   },
 * });
 */
export function perTensor<const Initial extends FirstSlots, Scalars = undefined>(
  rule: TensorRule<SlotsOf<Initial>, Scalars> & { readonly slots: Initial },
): Optimizer<SlotKind<SlotsOf<Initial>>>;
/** The same for a state that has a type of its own: `K` must describe what the slots hold. */
export function perTensor<K extends StateKind, Slots extends object, Scalars>(
  rule: TensorRule<Slots, Scalars>,
): Optimizer<K>;
export function perTensor<K extends StateKind, Slots extends object, Scalars>(
  rule: TensorRule<Slots, Scalars>,
): Optimizer<K> {
  const { name, traits, injected = false } = rule;
  const slotNames = Object.keys(rule.slots) as (keyof Slots & string)[];

  const init = (params: unknown): unknown => {
    const leaves = parameterLeaves(params, name);
    const slots = slotNames.map((slot) => [slot, placeAt(params, leaves.map(rule.slots[slot]))] as const);
    return { count: zeros([], { dtype: "int32" }), ...Object.fromEntries(slots) };
  };

  const update = (
    gradients: unknown,
    state: Readonly<Record<string, unknown>>,
    params: unknown,
    extra: UpdateExtra<unknown> = {},
  ): [unknown, unknown] => {
    const parameters = parameterLeaves(params, name);
    const gradientLeaves = leavesLike(params, gradients, `${name}: the gradients`);
    const diagonals = injectedLeaves(name, injected, params, extra);
    const count = countOf(name, state);
    const before = slotNames.map((slot) => subtreesAt(params, state[slot], `${name}: the state's ${slot}`));
    const scalarsOf = memoised(
      (dtype: DType) => rule.scalars?.({ count, t: count.add(1).astype(dtype), dtype }) as Scalars,
    );

    const updates: Tensor[] = [];
    const after: unknown[][] = slotNames.map(() => []);
    parameters.forEach((parameter, i) => {
      const slots = Object.fromEntries(slotNames.map((slot, s) => [slot, before[s]![i]])) as Slots;
      const gradient = gradientLeaves[i]!.astype(parameter.dtype);
      const input = { gradient, parameter, fisherDiagonal: diagonals?.[i]?.astype(parameter.dtype) };
      const [step, next] = rule.step(input, slots, scalarsOf(parameter.dtype));
      updates.push(step);
      slotNames.forEach((slot, s) => {
        after[s]!.push(next[slot]);
      });
    });
    const trees = slotNames.map((slot, s) => [slot, placeAt(params, after[s]!)] as const);
    return [placeAt(params, updates), { count: count.add(1), ...Object.fromEntries(trees) }];
  };

  return { name, traits, needsFisherDiagonal: injected, init, update } as unknown as Optimizer<K>;
}

function countOf(name: string, state: Readonly<Record<string, unknown>> | undefined): Tensor {
  const count = state?.["count"];
  if (count instanceof Tensor) return count;
  throw new TreeError(
    `${name}: the state has no step count; pass what init(params) or the update before this one returned`,
  );
}

function injectedLeaves(
  name: string,
  injected: boolean,
  params: unknown,
  { fisherDiagonal }: UpdateExtra<unknown>,
): Tensor[] | undefined {
  if (injected && fisherDiagonal === undefined) {
    throw new ArgumentError(
      `${name}: made with fisher: "injected", so each update needs the Fisher diagonal; ` +
        "write update(gradients, state, params, { fisherDiagonal })",
    );
  }
  if (!injected && fisherDiagonal !== undefined) {
    throw new ArgumentError(
      `${name}: this optimizer estimates the Fisher diagonal itself and would ignore the given one; ` +
        'make it with { fisher: "injected" } if it has that option, or leave fisherDiagonal out',
    );
  }
  return injected ? leavesLike(params, fisherDiagonal, `${name}: the Fisher diagonal`) : undefined;
}

function memoised<A, R>(f: (argument: A) => R): (argument: A) => R {
  const results = new Map<A, R>();
  return (argument) => {
    if (!results.has(argument)) results.set(argument, f(argument));
    return results.get(argument)!;
  };
}

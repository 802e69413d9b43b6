import {
  apply,
  applyTuple,
  type BatchContext,
  type JvpContext,
  type Primitive,
  type Tangent,
} from "../define/primitive.ts";
import { viewPrimitive } from "../define/view.ts";
import { isFloat } from "../dtype.ts";
import { GradientError, TreeError } from "../errors/errors.ts";
import type { TensorType } from "../operation.ts";
import { zeros, zerosLike } from "../ops/creation.ts";
import { stopGradient } from "../ops/identity.ts";
import type { Tensor } from "../tensor.ts";
import { flatten, flattenLike, type TreeStructure } from "../tree.ts";
import { inlineGraph, traceGraph } from "./graph.ts";
import { vjp } from "./linearise.ts";
import { checkFunction, checkSynchronous, groupResults } from "./scope.ts";
import type { Checkpoint, CustomJvp, CustomVjp } from "./signatures.ts";
import { vmap } from "./vmap.ts";

/** The derivative of a call, on flat lists of tensors. */
interface Rule {
  /** The tangents of the results; a tangent that is zero comes as zeros. */
  tangents(
    primals: readonly Tensor[],
    tangents: readonly Tensor[],
    results: readonly TensorType[],
  ): readonly Tensor[];
  /** The rule of the same call on primals with a new first axis, where `batched` says so. */
  batched(batched: readonly boolean[], size: number): Rule;
}

interface CustomAttributes {
  readonly rule: Rule;
  /** Which result of the call this node is. */
  readonly index: number;
  readonly results: readonly TensorType[];
}

/**
 * One result of a function with a derivative of its own: the value of its first operand, which is the function applied
 * to constants, with the derivative of the rule by the other operands, which are the arguments.
 */
const customPrimitive: Primitive<CustomAttributes> = {
  name: "custom",
  kernel: { kind: "alias" },
  type: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  jvp: ({ inputs, tangents, attributes }: JvpContext<CustomAttributes>): Tangent => {
    const primals = inputs.slice(1);
    const given = tangents.slice(1).map((t, i) => t ?? (zerosLike(primals[i]!) as Tensor));
    return attributes.rule.tangents(primals, given, attributes.results)[attributes.index]!;
  },
  batch: ({ inputs, batched, size, attributes }: BatchContext<CustomAttributes>): Tensor => {
    const value = batched[0] ? inputs[0]! : inputs[0]!.broadcastTo([size, ...inputs[0]!.shape]);
    return apply(customPrimitive, [value, ...inputs.slice(1)], {
      rule: attributes.rule.batched(batched.slice(1), size),
      index: attributes.index,
      results: attributes.results.map(({ shape, dtype }) => ({ shape: [size, ...shape], dtype })),
    });
  },
};

/** Calls f on constants and gives each of its results the rule's derivative by the arguments. */
function callWith(
  f: (...args: never[]) => unknown,
  args: readonly unknown[],
  label: string,
  ruleFor: (structure: TreeStructure, result: TreeStructure) => Rule,
): unknown {
  const { leaves, structure } = flatten(args);
  const constants = structure.rebuild(
    leaves.map((leaf) => (isFloat(leaf.dtype) ? stopGradient(leaf as never) : leaf)),
  );
  const value = (f as unknown as (...args: readonly unknown[]) => unknown)(...(constants as unknown[]));
  checkSynchronous(value, label);
  const outputs = flatten(value);
  const rule = ruleFor(structure, outputs.structure);
  const results = outputs.leaves.map(({ shape, dtype }) => ({ shape, dtype }));
  const custom = outputs.leaves.map((leaf, index) =>
    isFloat(leaf.dtype) ? apply(customPrimitive, [leaf, ...leaves], { rule, index, results }) : leaf,
  );
  const result = outputs.structure.rebuild(custom);
  groupResults(result);
  return result;
}

type AnyFunction = (...args: readonly unknown[]) => unknown;

/**
 * A function with its own rule for forward mode, from which reverse mode follows by transposition: the rule must be
 * linear in the tangents.
 *
 * @example
 * const log1pexp = customJvp((x: Tensor) => x.exp().add(1).log(), ([x], [dx]) => dx.mul(x.sigmoid()));
 * @throws TreeError where the rule's result differs in structure from the function's
 */
export const customJvp: CustomJvp = ((f: AnyFunction, rule: AnyFunction) => {
  checkFunction(f, "customJvp");
  return (...args: unknown[]): unknown =>
    callWith(f as never, args, "customJvp", (structure, result) => {
      const rebuilt: Rule = {
        tangents: (primals, tangents) => {
          const returned = flatten(rule(structure.rebuild(primals), structure.rebuild(tangents)));
          if (returned.structure.key !== result.key) {
            throw new TreeError(
              `customJvp: the rule must return tangents like the function's result, ${result.key}; got ${returned.structure.key}`,
            );
          }
          return returned.leaves;
        },
        batched: (batched, size) => batchedRule(rebuilt, batched, size),
      };
      return rebuilt;
    });
}) as unknown as CustomJvp;

/** A rule that maps the rule of one example over a batch. */
function batchedRule(rule: Rule, batched: readonly boolean[], size: number): Rule {
  const axes = batched.map((isBatched) => (isBatched ? 0 : null));
  const self: Rule = {
    tangents: (primals, tangents, results) => {
      const examples = results.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
      const mapped = vmap(
        ((p: readonly Tensor[], t: readonly Tensor[]) => [...rule.tangents(p, t, examples)]) as never,
        {
          inAxes: [axes, axes],
        } as never,
      ) as unknown as (p: readonly Tensor[], t: readonly Tensor[]) => Tensor[];
      return mapped([...primals], [...tangents]);
    },
    batched: (outer, outerSize) => batchedRule(self, outer, outerSize),
  };
  return batched.some((isBatched) => isBatched)
    ? self
    : { ...rule, tangents: (p, t, r) => broadcastResults(rule, p, t, r, size) };
}

const broadcastResults = (
  rule: Rule,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
  results: readonly TensorType[],
  size: number,
): Tensor[] =>
  rule
    .tangents(
      primals,
      tangents,
      results.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype })),
    )
    .map((t) => t.broadcastTo([size, ...t.shape]));

interface PullbackAttributes {
  /** The cotangents of the primals, given what was saved for them and the cotangents of the results. */
  readonly pull: Pull;
  /** How many of the operands were saved; the others are tangents. */
  readonly saved: number;
  readonly results: readonly TensorType[];
}

type Pull = (saved: readonly Tensor[], cotangents: readonly Tensor[]) => readonly Tensor[];

const throwForward = (): never => {
  throw new GradientError(
    "customVjp has a rule for reverse mode only, and forward mode (jvp, jacfwd, hessian) came to it; use customJvp, " +
      "whose rule serves both, or jacrev",
  );
};

/**
 * The tangents of a function of which only the pullback is known: it has a transpose and nothing else, so it can be
 * differentiated in reverse mode and never run forwards. What the pullback needs of the primals is among the operands,
 * where every transformation finds it.
 */
const pullbackPrimitive: Primitive<PullbackAttributes> = {
  name: "customVjp",
  kernel: { kind: "routine", run: throwForward },
  type: (_, { results }) => results,
  jvp: ({ tangents, inputs, attributes }) => {
    const { saved } = attributes;
    if (tangents.slice(0, saved).some((t) => t !== null)) throwForward();
    const pushed = tangents.slice(saved).map((t, i) => t ?? (zerosLike(inputs[saved + i]!) as Tensor));
    return applyTuple(pullbackPrimitive, [...inputs.slice(0, saved), ...pushed], attributes);
  },
  transpose: ({ cotangents, inputs, linear, attributes: { pull, saved, results } }) => {
    const given = cotangents.map(
      (ct, i) => ct ?? (zeros(results[i]!.shape, { dtype: results[i]!.dtype }) as Tensor),
    );
    const pulled = pull(inputs.slice(0, saved), given);
    return linear.map((wanted, i) => (wanted ? pulled[i - saved]! : null));
  },
  batch: () => {
    throw new GradientError(
      "a forward derivative of customVjp cannot be batched, since it has none; use customJvp",
    );
  },
};

/**
 * A function with its own rule for reverse mode. `forward` returns the value and what the pullback needs; `backward`
 * takes that and the cotangent of the value, and returns one cotangent for each argument. What f closes over counts as
 * a constant: pass what should have a derivative as an argument.
 *
 * @example
 * const clipGradient = customVjp((x: Tensor) => x, {
 *   forward: (x) => [x, null],
 *   backward: (_, ct) => [ct.clip(-1, 1)],
 * });
 * @throws GradientError in forward mode, TreeError where backward's result is not one cotangent for each argument
 */
export const customVjp: CustomVjp = ((
  f: AnyFunction,
  { forward, backward }: { readonly forward: AnyFunction; readonly backward: AnyFunction },
) => {
  checkFunction(f, "customVjp");
  return (...args: unknown[]): unknown =>
    callWith(f as never, args, "customVjp", (structure, result) => {
      const save = (primals: readonly Tensor[]): Saved => {
        const [, residuals] = forward(...(structure.rebuild(primals) as unknown[])) as readonly [
          unknown,
          unknown,
        ];
        const kept = flatten(residuals);
        return {
          leaves: kept.leaves,
          pull: (leaves, cotangents) => {
            const returned = backward(kept.structure.rebuild(leaves), result.rebuild(cotangents));
            const like = { leaves: primals, structure };
            return flattenLike(like, returned, "customVjp: the cotangents that backward returns").leaves;
          },
        };
      };
      return pullbackRule(save);
    });
}) as unknown as CustomVjp;

/** What a pullback needs of the primals, and the pullback. */
interface Saved {
  readonly leaves: readonly Tensor[];
  readonly pull: Pull;
}

type Save = (primals: readonly Tensor[]) => Saved;

function pullbackRule(save: Save): Rule {
  return {
    tangents: (primals, tangents, results) => {
      const { leaves, pull } = save(primals);
      const attributes = { pull, saved: leaves.length, results };
      return applyTuple(pullbackPrimitive, [...leaves, ...tangents], attributes);
    },
    batched: (batched, size) => pullbackRule(batchedSave(save, batched, size)),
  };
}

type OnLists = (...lists: readonly (readonly Tensor[])[]) => Tensor[];
type Axes = readonly (readonly (number | null)[])[];
const vmapLists = (
  f: (...lists: readonly (readonly Tensor[])[]) => readonly Tensor[],
  inAxes: Axes,
): OnLists =>
  vmap(
    ((...lists: readonly (readonly Tensor[])[]) => [...f(...lists)]) as never,
    { inAxes } as never,
  ) as unknown as OnLists;

/** The pullbacks of a batch of examples; an argument that all examples share gets the sum of its cotangents. */
const batchedSave =
  (save: Save, batched: readonly boolean[], size: number): Save =>
  (primals) => {
    const axes = batched.map((isBatched) => (isBatched ? 0 : null));
    let pull: Pull | undefined;
    const saveExample = (p: readonly Tensor[] = []): readonly Tensor[] => {
      const saved = save(p);
      pull = saved.pull;
      return saved.leaves;
    };
    const isShared = !batched.includes(true);
    const leaves = isShared ? saveExample(primals) : vmapLists(saveExample, [axes])([...primals]);
    return {
      leaves,
      pull: (saved, cotangents) => {
        const everywhere = (axis: number | null) => (list: readonly Tensor[]) => list.map(() => axis);
        const perExample = cotangents.map((ct) =>
          ct.shape[0] === size ? ct : ct.broadcastTo([size, ...ct.shape]),
        );
        const inAxes = [everywhere(isShared ? null : 0)(saved), everywhere(0)(perExample)];
        const pulled = vmapLists((l = [], ct = []) => pull!(l, ct), inAxes)([...saved], perExample);
        return pulled.map((ct, i) => (batched[i] ? ct : (ct.sum(0) as Tensor)));
      },
    };
  };

/**
 * The same function, whose derivative computes the forward pass again instead of keeping its intermediate values: less
 * memory for more time. The function is traced with placeholders, so it cannot read values.
 *
 * @example const loss = (p: Params) => block2(checkpoint(block1)(p, x)).mean();
 */
export const checkpoint: Checkpoint = ((f: AnyFunction) => {
  checkFunction(f, "checkpoint");
  return (...args: unknown[]): unknown => {
    const { leaves, structure } = flatten(args);
    let result: TreeStructure | undefined;
    const { graph, captured } = traceGraph(
      "checkpoint",
      leaves.map(({ node }) => node),
      (parameters) => {
        const value = f(...(structure.rebuild(parameters) as unknown[]));
        checkSynchronous(value, "checkpoint");
        const outputs = flatten(value);
        result = outputs.structure;
        return outputs.leaves;
      },
      "inside",
    );
    const run = (...tensors: Tensor[]): Tensor[] => inlineGraph(graph, tensors);
    const isMoving = [...captured, ...leaves].map(({ dtype }) => isFloat(dtype));
    const again = customVjp(
      run as never,
      {
        forward: (...tensors: Tensor[]) => [null, tensors],
        backward: (tensors: Tensor[], cotangents: Tensor[]) =>
          pullThrough(run, tensors, isMoving, cotangents),
      } as never,
    ) as unknown as (...tensors: Tensor[]) => Tensor[];
    return result!.rebuild(again(...captured, ...leaves));
  };
}) as unknown as Checkpoint;

/**
 * The same value behind a wall: what is computed from it again is not taken for what was computed from it before, which
 * would keep alive the intermediate values that a checkpoint is there to forget.
 */
const recomputed = (x: Tensor): Tensor => apply(wallPrimitive, [x], undefined);

const wallPrimitive: Primitive<undefined> = viewPrimitive<undefined>("wall", {
  shape: (shape) => shape,
  view: (input) => input,
  transpose: (cotangent) => cotangent,
  batch: () => undefined,
  opaque: true,
});

/** The cotangents of all operands; integers among them get zeros, which nobody reads. */
function pullThrough(
  run: (...tensors: Tensor[]) => Tensor[],
  operands: readonly Tensor[],
  isMoving: readonly boolean[],
  cotangents: readonly Tensor[],
): Tensor[] {
  const moving = operands.filter((_, i) => isMoving[i]);
  const onMoving = (...tensors: Tensor[]): Tensor[] => {
    let next = 0;
    return run(...operands.map((operand, i) => recomputed(isMoving[i] ? tensors[next++]! : operand)));
  };
  const [, pullback] = (
    vjp as unknown as (f: unknown, ...primals: Tensor[]) => [unknown, (ct: unknown) => Tensor[]]
  )(onMoving, ...moving);
  const pulled = pullback(cotangents);
  let next = 0;
  return operands.map((operand, i) => (isMoving[i] ? pulled[next++]! : (zerosLike(operand) as Tensor)));
}

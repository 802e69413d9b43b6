import type { Tangent } from "../define/primitive.ts";
import type { Node } from "../node.ts";
import { computesArray } from "../operation.ts";
import { zerosLike } from "../ops/creation.ts";
import { formGroup } from "../runtime/realise.ts";
import { range } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { flatten, flattenLike, type TreeStructure } from "../tree.ts";
import {
  checkTypes,
  type LinearMap,
  linearMapOf,
  openVariables,
  pullBack,
  rebuildAll,
} from "./differentiate.ts";
import { substitute } from "./rebuild.ts";
import { checkFunction, inScope, isPromise } from "./scope.ts";
import type { Jvp, Linearize, Vjp } from "./signatures.ts";

/** A function's value at a point and its derivative there. */
interface Linearised {
  readonly value: unknown;
  readonly outputs: readonly Tensor[];
  readonly structure: TreeStructure;
  readonly inputs: readonly TreeStructure[];
  readonly map: LinearMap;
}

function linearise<T>(
  f: (...args: never[]) => unknown,
  primals: readonly unknown[],
  label: string,
  finish: (at: Linearised) => T,
): T {
  checkFunction(f, label);
  const opened = openVariables(primals, range(0, primals.length), label);
  const call = f as unknown as (...args: readonly unknown[]) => unknown;
  return inScope(
    opened.scope,
    () => call(...opened.arguments),
    (value): T => {
      const { leaves, structure } = flatten(value);
      const map = linearMapOf(leaves, opened);
      const result = finish({ value, outputs: leaves, structure, inputs: opened.structures, map });
      formGroup([...leaves.map((leaf) => leaf.node), ...residuals(map)]);
      return result;
    },
  ) as T;
}

/** The values of the forward pass that the linear graph refers to: stored with the result, not computed again. */
function residuals({ outputs, scope }: LinearMap): Node[] {
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const stack = outputs.flatMap((output) => (output === null ? [] : [output.node]));
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const input of node.inputs) {
      if (!input.scopes.includes(scope)) found.add(input);
      else if (!seen.has(input)) {
        seen.add(input);
        stack.push(input);
      }
    }
  }
  return [...found].filter(({ operation }) => computesArray(operation.kernel));
}

/**
 * The value of f and its pullback: a function from a cotangent of the value (a tree like it) to the cotangents of the
 * arguments, one for each. The forward pass runs once, however often the pullback is called.
 *
 * @example const [y, pullback] = vjp((x) => x.sin(), x); const [xBar] = pullback(onesLike(y));
 * @throws GradientError for an argument that is not made of floats, TreeError for a cotangent of another structure
 */
export const vjp: Vjp = ((f: (...args: never[]) => unknown, ...primals: unknown[]) =>
  linearise(f, primals, "vjp", ({ value, outputs, inputs, map }) => {
    const like = flatten(value);
    const pullback = (cotangent: unknown): unknown[] => {
      const { leaves } = flattenLike(like, cotangent, "the pullback of vjp");
      checkTypes(
        leaves,
        outputs.map(({ node }) => node),
        "the pullback of vjp: cotangent",
      );
      return rebuildAll(inputs, pullBack(map, leaves));
    };
    return [value, pullback];
  })) as unknown as Vjp;

/**
 * The value of f and its derivative as a linear function of tangents, one for each argument.
 *
 * @throws GradientError for an argument that is not made of floats, TreeError for tangents of another structure
 */
export const linearize: Linearize = ((f: (...args: never[]) => unknown, ...primals: unknown[]) =>
  linearise(f, primals, "linearize", ({ value, outputs, structure, map }) => {
    const push = (...tangents: unknown[]): unknown => {
      const leaves = primals.flatMap(
        (primal, i) => flattenLike(flatten(primal), tangents[i], "linearize").leaves,
      );
      checkTypes(
        leaves,
        map.inputs.map(({ node }) => node),
        "linearize: tangent",
      );
      const values = new Map(map.inputs.map((input, i) => [input.node, leaves[i]!]));
      return structure.rebuild(pushForward(map, values, outputs));
    };
    return [value, push];
  })) as unknown as Linearize;

function pushForward(
  map: LinearMap,
  values: ReadonlyMap<Node, Tensor>,
  outputs: readonly Tensor[],
): Tensor[] {
  const present = map.outputs.filter((output): output is Tensor => output !== null);
  const pushed = substitute(
    present.map((output) => output.node),
    values,
    map.scope,
  );
  let next = 0;
  return map.outputs.map((output: Tangent, i) =>
    output === null ? (zerosLike(outputs[i]!) as Tensor) : pushed[next++]!,
  );
}

/**
 * The value of f and its derivative in one direction, in one forward pass: `[f(primals), df(primals) tangents]`.
 *
 * @example const [y, dy] = jvp((x) => x.sin(), [x], [dx]);
 * @throws GradientError for an argument that is not made of floats, TreeError for tangents of another structure
 */
export const jvp: Jvp = ((
  f: (...args: never[]) => unknown,
  primals: readonly unknown[],
  tangents: readonly unknown[],
) => {
  const result = (linearize as unknown as (f: unknown, ...primals: readonly unknown[]) => unknown)(
    f,
    ...primals,
  );
  const finish = ([value, push]: [unknown, (...tangents: readonly unknown[]) => unknown]) => [
    value,
    push(...tangents),
  ];
  return isPromise(result) ? result.then((r) => finish(r as never)) : finish(result as never);
}) as unknown as Jvp;

import type { Tangent } from "../define/primitive.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, GradientError } from "../errors/errors.ts";
import { Scope } from "../node.ts";
import { zerosLike } from "../ops/creation.ts";
import { showShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Flat, flatten, type TreeStructure } from "../tree.ts";
import { placeholder, storeArguments, variable } from "./scope.ts";
import { tangentsOf } from "./tangents.ts";
import { transposeLinear } from "./transpose.ts";

/** The arguments of a call with variables in place of those that it differentiates by. */
export interface Opened {
  readonly scope: Scope;
  /** All arguments, to call the function with. */
  readonly arguments: readonly unknown[];
  /** The variables in order, argument by argument. */
  readonly variables: readonly Tensor[];
  /** The structure of each differentiated argument. */
  readonly structures: readonly TreeStructure[];
}

/** Opens a call that differentiates by the arguments at `argnums`. @throws GradientError for integer leaves. */
export function openVariables(args: readonly unknown[], argnums: readonly number[], label: string): Opened {
  const chosen = argnums.map((argnum) => {
    if (!Number.isInteger(argnum) || argnum < 0 || argnum >= args.length) {
      throw new ArgumentError(
        `${label}: argnums names argument ${argnum}, but the call has ${args.length} arguments`,
      );
    }
    return flatten(args[argnum]);
  });
  for (const [i, flat] of chosen.entries()) checkDifferentiable(flat, argnums[i]!, label);
  storeArguments(args.flatMap((arg) => flatten(arg).leaves));
  const scope = new Scope("variable", label);
  const variables = chosen.map((flat) => flat.leaves.map((leaf) => variable(leaf, scope)));
  const opened = [...args];
  argnums.forEach((argnum, i) => {
    opened[argnum] = chosen[i]!.structure.rebuild(variables[i]!);
  });
  return {
    scope,
    arguments: opened,
    variables: variables.flat(),
    structures: chosen.map((flat) => flat.structure),
  };
}

function checkDifferentiable({ leaves }: Flat, argnum: number, label: string): void {
  if (leaves.length === 0) {
    throw new GradientError(
      `${label}: argument ${argnum} holds no tensor to differentiate by; wrap numbers by tensor(...), ` +
        "or choose other arguments by argnums",
    );
  }
  for (const { dtype, shape } of leaves) {
    if (isFloat(dtype)) continue;
    throw new GradientError(
      `${label}: argument ${argnum} has a leaf of ${dtype}${showShape(shape)}, which has no derivative; ` +
        'convert it with astype("float32"), or choose other arguments by argnums',
    );
  }
}

/** Splits a list of leaves into the trees that they came from. */
export function rebuildAll(structures: readonly TreeStructure[], leaves: readonly unknown[]): unknown[] {
  let start = 0;
  return structures.map((structure) => structure.rebuild(leaves.slice(start, (start += structure.leaves))));
}

/** A linear function of tangents, as a graph over placeholders. */
export interface LinearMap {
  readonly scope: Scope;
  readonly inputs: readonly Tensor[];
  /** `null` where an output does not depend on any input. */
  readonly outputs: readonly Tangent[];
}

/** The derivative of `outputs` by the variables, as a linear graph. */
export function linearMapOf(outputs: readonly Tensor[], opened: Opened): LinearMap {
  const scope = new Scope("placeholder", `the tangents of ${opened.scope.label}`);
  const inputs = opened.variables.map((v) => placeholder(v.node, scope));
  const seeds = new Map(opened.variables.map((v, i) => [v.node, inputs[i]!]));
  const nodes = outputs.map((output) => output.node);
  return { scope, inputs, outputs: tangentsOf(nodes, seeds, opened.scope) };
}

/** Applies the adjoint of a linear map: cotangents of the outputs to cotangents of the inputs. */
export function pullBack(map: LinearMap, cotangents: readonly Tensor[]): Tensor[] {
  const nodes = map.inputs.map((input) => input.node);
  const pulled = transposeLinear(map.outputs, cotangents, nodes, map.scope);
  return pulled.map((cotangent, i) => cotangent ?? (zerosLike(map.inputs[i]!) as Tensor));
}

/** Checks the tangents or cotangents that a user passes. @throws ArgumentError where a type differs */
export function checkTypes(
  given: readonly Tensor[],
  expected: readonly { readonly shape: readonly number[]; readonly dtype: string }[],
  what: string,
): void {
  given.forEach((x, i) => {
    const { shape, dtype } = expected[i]!;
    if (x.dtype !== dtype || showShape(x.shape) !== showShape(shape)) {
      throw new ArgumentError(
        `${what} ${i}: expected ${dtype}${showShape(shape)}, like the value it belongs to; got ${x.dtype}${showShape(x.shape)}`,
      );
    }
  });
}

import { ArgumentError, AxisError } from "../errors/errors.ts";
import { Scope } from "../node.ts";
import { resolveAxis, showShape } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { flatten } from "../tree.ts";
import { batchGraph } from "./rebuild.ts";
import { checkFunction, checkSynchronous, groupResults, placeholder, storeArguments } from "./scope.ts";
import type { Vmap } from "./signatures.ts";

/** Which axis is the batch: a number, null for none, or a tree of them for the parts of an argument. */
export type AxisSpec = number | null | readonly AxisSpec[] | { readonly [key: string]: AxisSpec };

/** Options of {@link vmap}. */
export interface VmapOptions {
  /** The batch axis of each argument (a list), or one for all. Default 0. */
  readonly inAxes?: AxisSpec;
  /** The batch axis of the result, or of each of its parts. Default 0. */
  readonly outAxes?: AxisSpec;
}

/**
 * Maps a function over a batch axis of its arguments: f is written for one example and called once, and every
 * operation in it is done for all examples at a time.
 *
 * @example vmap((x: Tensor<[3]>) => x.dot(w))(rows)
 * @throws ArgumentError where batch sizes differ, or where f is async
 * @throws PlaceholderError where f reads a value
 */
export const vmap: Vmap = ((
  f: (...args: never[]) => unknown,
  { inAxes = 0, outAxes = 0 }: VmapOptions = {},
) => {
  checkFunction(f, "vmap");
  return (...args: unknown[]): unknown => {
    const { leaves, structure } = flatten(args);
    storeArguments(leaves);
    const axes = axesOf(inAxes, args, "inAxes");
    const size = batchSize(leaves, axes);
    const scope = new Scope("placeholder", "vmap");
    const batches = new Map<Tensor["node"], Tensor>();
    const mapped = leaves.map((leaf, i) => {
      const axis = axes[i]!;
      if (axis === null) return leaf;
      const batch = leaf.moveAxis(resolveAxis(axis, leaf.rank, "vmap: inAxes"), 0);
      const example = placeholder({ shape: batch.shape.slice(1), dtype: batch.dtype }, scope);
      batches.set(example.node, batch);
      return example;
    });
    const call = f as unknown as (...args: readonly unknown[]) => unknown;
    let result: unknown;
    try {
      result = call(...(structure.rebuild(mapped) as unknown[]));
    } finally {
      scope.close();
    }
    checkSynchronous(result, "vmap");
    const outputs = flatten(result);
    const batched = batchGraph(
      outputs.leaves.map((leaf) => leaf.node),
      batches,
      scope,
      size,
    );
    const resultAxes = axesOf(outAxes, result, "outAxes");
    const placed = batched.map((output, i) => {
      const depends = outputs.leaves[i]!.node.scopes.includes(scope);
      return placeAxis(output, depends, resultAxes[i]!, size);
    });
    const rebuilt = outputs.structure.rebuild(placed);
    groupResults(rebuilt);
    return rebuilt;
  };
}) as unknown as Vmap;

/** The axis of every leaf of a tree; a number or null in the specification stands for all leaves below it. */
function axesOf(spec: AxisSpec, tree: unknown, what: string): (number | null)[] {
  if (typeof spec === "number" || spec === null) return flatten(tree).leaves.map(() => spec);
  if (
    typeof tree !== "object" ||
    tree === null ||
    tree instanceof Tensor ||
    Array.isArray(spec) !== Array.isArray(tree)
  ) {
    throw new ArgumentError(
      `vmap: ${what} has a list or an object where the arguments have a leaf; give a number or null`,
    );
  }
  const specs = spec as { readonly [key: string]: AxisSpec };
  const parts = tree as { readonly [key: string]: unknown };
  const keys = Object.keys(parts);
  const ordered = Array.isArray(tree) ? keys : keys.sort();
  if (Object.keys(specs).length !== keys.length || keys.some((key) => !(key in specs))) {
    throw new ArgumentError(
      `vmap: ${what} has the entries ${Object.keys(specs).join(", ")}, expected ${ordered.join(", ")}, one for each part`,
    );
  }
  return ordered.flatMap((key) => axesOf(specs[key]!, parts[key], what));
}

function batchSize(leaves: readonly Tensor[], axes: readonly (number | null)[]): number {
  let size: number | null = null;
  leaves.forEach((leaf, i) => {
    const axis = axes[i]!;
    if (axis === null) return;
    if (leaf.rank === 0) {
      throw new AxisError(
        "vmap: an argument is a scalar and has no axis to map over; pass inAxes with null for it",
      );
    }
    const n = leaf.shape[resolveAxis(axis, leaf.rank, "vmap: inAxes")]!;
    if (size !== null && n !== size) {
      throw new ArgumentError(
        `vmap: batch sizes differ: an argument of shape ${showShape(leaf.shape)} has ${n} along axis ${axis}, ` +
          `another one has ${size}; pass inAxes to choose the axes, with null for what is not mapped`,
      );
    }
    size = n;
  });
  if (size === null) {
    throw new ArgumentError(
      "vmap: no argument is mapped; at least one needs an axis in inAxes and must hold a tensor",
    );
  }
  return size;
}

function placeAxis(output: Tensor, depends: boolean, axis: number | null, size: number): Tensor {
  if (axis === null) {
    if (!depends) return output;
    throw new ArgumentError(
      "vmap: outAxes is null for a result that depends on a mapped argument; give it an axis",
    );
  }
  const batched = depends ? output : output.broadcastTo([size, ...output.shape]);
  return batched.moveAxis(0, axis);
}

import { DTypeError, flatten, ShapeError, Tensor, TreeError, treeLeaves } from "@amari/core";
import { isFloat } from "@amari/core/backend";

/** What stands in `tree` at the places where `params` has its tensors: one subtree for each, in the tensors' order. */
export function subtreesAt(params: unknown, tree: unknown, what: string): unknown[] {
  const found: unknown[] = [];
  collect(params, tree, what, "", found);
  return found;
}

function collect(params: unknown, tree: unknown, what: string, path: string, found: unknown[]): void {
  if (params instanceof Tensor) {
    found.push(tree);
    return;
  }
  if (typeof params !== "object" || params === null) return;
  const keys = Object.keys(params).sort((a, b) =>
    Array.isArray(params) ? Number(a) - Number(b) : a < b ? -1 : 1,
  );
  const same =
    typeof tree === "object" &&
    tree !== null &&
    !(tree instanceof Tensor) &&
    Array.isArray(tree) === Array.isArray(params) &&
    Object.keys(tree).length === keys.length &&
    keys.every((key) => Object.hasOwn(tree, key));
  if (!same) {
    throw new TreeError(
      `${what} and the parameters differ in structure at ${path === "" ? "the top" : path}: ` +
        `expected the keys [${keys.join(", ")}], got ${describe(tree)}. ` +
        "Pass gradients of the same parameters that the state was made for by init(params).",
    );
  }
  for (const key of keys) {
    collect(
      (params as Record<string, unknown>)[key],
      (tree as Record<string, unknown>)[key],
      what,
      `${path}.${key}`,
      found,
    );
  }
}

function describe(tree: unknown): string {
  if (tree instanceof Tensor) return tree.toString();
  if (typeof tree !== "object" || tree === null) return String(tree);
  return `[${Object.keys(tree).join(", ")}]`;
}

/** The tensors of the parameters. @throws DTypeError where one is not a float */
export function parameterLeaves(params: unknown, what: string): readonly Tensor[] {
  const leaves = treeLeaves(params);
  for (const leaf of leaves) checkFloat(leaf, `${what}: a parameter`);
  return leaves;
}

/** The tensors of a tree that must be like the parameters in structure and shapes; `what` names the tree. */
export function leavesLike(params: unknown, tree: unknown, what: string): Tensor[] {
  const leaves = treeLeaves(params);
  return subtreesAt(params, tree, what).map((leaf, i) => {
    if (!(leaf instanceof Tensor)) {
      throw new TreeError(`${what}: expected a tensor where the parameters have one, got ${describe(leaf)}`);
    }
    checkFloat(leaf, `${what}: a tensor`);
    const { shape } = leaves[i]!;
    if (leaf.rank !== shape.length || leaf.shape.some((size: number, axis: number) => size !== shape[axis])) {
      throw new ShapeError(
        `${what}: a tensor has shape [${leaf.shape.join(", ")}] where the parameter has [${shape.join(", ")}]`,
      );
    }
    return leaf;
  });
}

/** Puts one value at each place of a tensor of `params`. */
export const placeAt = (params: unknown, values: readonly unknown[]): unknown =>
  flatten(params).structure.rebuild(values);

function checkFloat(leaf: Tensor, what: string): void {
  if (isFloat(leaf.dtype)) return;
  throw new DTypeError(
    `${what} of shape [${leaf.shape.join(", ")}] is ${leaf.dtype}, which cannot be optimized; ` +
      'keep integers out of the parameters, or convert them by x.astype("float32")',
  );
}

/** The tree `P` with `L` in place of each tensor. */
export type MapLeaves<P, L> = P extends Tensor
  ? L
  : P extends object
    ? { [Key in keyof P]: MapLeaves<P[Key], L> }
    : P;

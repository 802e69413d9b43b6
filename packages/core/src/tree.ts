import { TreeError } from "./errors/errors.ts";
import { Tensor } from "./tensor.ts";

/**
 * A tree is a tensor, an array of trees or a plain object of trees; numbers, strings, booleans, functions, null and
 * undefined may stand in it as static leaves, which transformations pass through. Keys are visited in sorted order.
 */
export interface TreeStructure {
  /** Equal for equal structures; the static leaves are part of it. */
  readonly key: string;
  readonly leaves: number;
  /** Where each leaf stands, as one would write it: `.w[0]`; empty for a tree that is a tensor. */
  paths(): readonly string[];
  /** Puts `leaves.length` tensors back into the shape of the tree. */
  rebuild(leaves: readonly unknown[]): unknown;
}

/** The tensors of a tree in order, and what is left without them. */
export interface Flat {
  readonly leaves: readonly Tensor[];
  readonly structure: TreeStructure;
}

type Skeleton =
  | { readonly kind: "tensor" }
  | { readonly kind: "static"; readonly value: unknown }
  | { readonly kind: "array"; readonly items: readonly Skeleton[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly items: readonly Skeleton[] };

/** Takes a tree apart. @throws TreeError where it holds something that is not a tree. */
export function flatten(tree: unknown): Flat {
  const leaves: Tensor[] = [];
  const skeleton = take(tree, leaves, "");
  const key = keyOf(skeleton);
  return {
    leaves,
    structure: {
      key,
      leaves: leaves.length,
      paths: () => pathsOf(skeleton, ""),
      rebuild: (values) => put(skeleton, values, { next: 0 }),
    },
  };
}

/** Applies `f` to every tensor of a tree and returns a tree of the same structure. */
export function mapTree<T>(tree: T, f: (leaf: Tensor, index: number) => unknown): T {
  const { leaves, structure } = flatten(tree);
  return structure.rebuild(leaves.map(f)) as T;
}

/**
 * Applies `f` to the corresponding tensors of several trees and returns a tree of the first one's structure.
 *
 * @throws TreeError where the structures differ, naming the first place.
 */
export function mapTrees<T>(f: (...leaves: Tensor[]) => unknown, first: T, ...others: readonly unknown[]): T {
  const flat = flatten(first);
  const rest = others.map((other) => flattenLike(flat, other, "mapTrees").leaves);
  return flat.structure.rebuild(
    flat.leaves.map((leaf, i) => f(leaf, ...rest.map((leaves) => leaves[i]!))),
  ) as T;
}

/** Takes `tree` apart and checks that it has the structure of `expected`; `what` names the caller in the error. */
export function flattenLike(expected: Flat, tree: unknown, what: string): Flat {
  const flat = flatten(tree);
  if (flat.structure.key !== expected.structure.key) {
    throw new TreeError(
      `${what}: trees differ in structure.\n  expected ${expected.structure.key}\n  got      ${flat.structure.key}\n` +
        "Both need the same keys and the same lengths, with a tensor (T) wherever the other one has a tensor.",
    );
  }
  return flat;
}

/** The tensors of a tree, in order. */
export const treeLeaves = (tree: unknown): readonly Tensor[] => flatten(tree).leaves;

function take(value: unknown, leaves: Tensor[], path: string): Skeleton {
  if (value instanceof Tensor) {
    leaves.push(value);
    return { kind: "tensor" };
  }
  if (Array.isArray(value)) {
    return { kind: "array", items: value.map((item, i) => take(item, leaves, `${path}[${i}]`)) };
  }
  if (typeof value !== "object" || value === null) return { kind: "static", value };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (value as object).constructor.name;
    throw new TreeError(
      `a tree is made of tensors, arrays and plain objects; found ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name} at ` +
        `${path || "the top"}. Wrap typed arrays by tensor(...), and spread class instances into plain objects.`,
    );
  }
  const keys = Object.keys(value).sort();
  const items = keys.map((key) => take((value as Record<string, unknown>)[key], leaves, `${path}.${key}`));
  return { kind: "object", keys, items };
}

function put(skeleton: Skeleton, leaves: readonly unknown[], at: { next: number }): unknown {
  switch (skeleton.kind) {
    case "tensor":
      return leaves[at.next++];
    case "static":
      return skeleton.value;
    case "array":
      return skeleton.items.map((item) => put(item, leaves, at));
    case "object":
      return Object.fromEntries(skeleton.keys.map((key, i) => [key, put(skeleton.items[i]!, leaves, at)]));
  }
}

function pathsOf(skeleton: Skeleton, path: string): string[] {
  switch (skeleton.kind) {
    case "tensor":
      return [path];
    case "static":
      return [];
    case "array":
      return skeleton.items.flatMap((item, i) => pathsOf(item, `${path}[${i}]`));
    case "object":
      return skeleton.items.flatMap((item, i) => pathsOf(item, `${path}.${skeleton.keys[i]}`));
  }
}

const functionIds = new WeakMap<object, number>();
let nextFunctionId = 0;

function keyOf(skeleton: Skeleton): string {
  switch (skeleton.kind) {
    case "tensor":
      return "T";
    case "static":
      return staticKey(skeleton.value);
    case "array":
      return `[${skeleton.items.map(keyOf).join(", ")}]`;
    case "object":
      return `{${skeleton.keys.map((key, i) => `${key}: ${keyOf(skeleton.items[i]!)}`).join(", ")}}`;
  }
}

function staticKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") {
    let id = functionIds.get(value);
    if (id === undefined) functionIds.set(value, (id = nextFunctionId++));
    return `function#${id}`;
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

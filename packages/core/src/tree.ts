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
  /** The tensors of a tree of this structure, in order; null for another one. Many times faster than {@link flatten}. */
  leavesOf(tree: unknown): readonly Tensor[] | null;
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
      leavesOf: (other) => {
        const found: Tensor[] = [];
        return takeLike(skeleton, other, found) ? found : null;
      },
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
  if (!isRecord(value)) {
    const name = value.constructor.name;
    throw new TreeError(
      `a tree is made of tensors, arrays and plain objects; found ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name} at ` +
        `${path || "the top"}. Wrap typed arrays by tensor(...), and spread class instances into plain objects.`,
    );
  }
  const keys = Object.keys(value).sort();
  const items = keys.map((key) => take(value[key], leaves, `${path}.${key}`));
  return { kind: "object", keys, items };
}

/** Takes a tree apart that is expected to be like another one; stops at the first difference. */
function takeLike(skeleton: Skeleton, value: unknown, leaves: Tensor[]): boolean {
  switch (skeleton.kind) {
    case "tensor":
      if (!(value instanceof Tensor)) return false;
      leaves.push(value);
      return true;
    case "static":
      return Object.is(skeleton.value, value);
    case "array": {
      const { items } = skeleton;
      if (!Array.isArray(value) || value.length !== items.length) return false;
      for (let i = 0; i < items.length; i++) if (!takeLike(items[i]!, value[i], leaves)) return false;
      return true;
    }
    case "object": {
      if (!isRecord(value)) return false;
      const { keys, items } = skeleton;
      let count = 0;
      for (const key in value) if (Object.hasOwn(value, key)) count++;
      if (count !== keys.length) return false;
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!;
        if (!Object.hasOwn(value, key) || !takeLike(items[i]!, value[key], leaves)) return false;
      }
      return true;
    }
  }
}

/** Whether a value is a plain object. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function put(skeleton: Skeleton, leaves: readonly unknown[], at: { next: number }): unknown {
  switch (skeleton.kind) {
    case "tensor":
      return leaves[at.next++];
    case "static":
      return skeleton.value;
    case "array":
      return skeleton.items.map((item) => put(item, leaves, at));
    case "object": {
      const { keys, items } = skeleton;
      const result: Record<string, unknown> = {};
      for (let i = 0; i < keys.length; i++) result[keys[i]!] = put(items[i]!, leaves, at);
      return result;
    }
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

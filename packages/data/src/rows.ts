import { ArgumentError, type Shape, ShapeError, type Tensor, treeLeaves } from "@amari/core";

/** A tree of examples with N in the place of the number of rows; what is not a tensor stays. */
export type Rows<T, N extends number = number> =
  T extends Tensor<infer S>
    ? Tensor<S extends readonly [number, ...infer Rest extends Shape] ? [N, ...Rest] : Shape>
    : T extends string | number | boolean | null | undefined
      ? T
      : { readonly [K in keyof T]: Rows<T[K], N> };

/** The number of examples of a tree, which is the size of the first axis of all its tensors. */
export function countRows(data: unknown, what: string): number {
  const leaves = treeLeaves(data);
  if (leaves.length === 0)
    throw new ArgumentError(`${what}: expected data with at least one tensor, got none`);
  const sizes = leaves.map(({ shape }) => shape[0]);
  if (sizes.some((size) => size === undefined || size !== sizes[0])) {
    const shapes = leaves.map(({ shape }) => `[${shape.join(", ")}]`).join(" and ");
    throw new ShapeError(
      `${what}: expected tensors with one row per example along their first axis, got the shapes ${shapes}`,
    );
  }
  return sizes[0]!;
}

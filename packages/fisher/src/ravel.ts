import { ArgumentError, concat, flatten, ShapeError, type Tensor, treeLeaves } from "@amari/core";

/** A tree of parameters as one vector, and the way back. */
export interface Raveled<T> {
  /** All elements, `[P]`: leaf after leaf in the order of {@link ravel}, each leaf in row-major order. */
  readonly vector: Tensor;
  /** Cuts a vector of length P into a tree of the same structure, shapes and dtypes. */
  unravel(vector: Tensor): T;
}

/**
 * Lays a tree of tensors out as one vector. Every Fisher matrix of this package has its rows and columns in this order:
 * the leaves of a list by position, those of an object by the sorted names of its keys, each leaf row by row. So for
 * `{ w: [4, 3], b: [3] }` the three biases come first, then the twelve weights.
 *
 * @example const { vector, unravel } = ravel({ w, b }); unravel(vector) // { w, b } again
 * @throws ArgumentError where the tree holds no tensor
 */
export function ravel<T>(tree: T): Raveled<T> {
  const { leaves, structure } = flatten(tree);
  if (leaves.length === 0) {
    throw new ArgumentError(
      "ravel: the tree holds no tensor; give the parameters as tensors in plain objects or arrays",
    );
  }
  const total = leaves.reduce((sum, leaf) => sum + leaf.size, 0);
  return {
    vector: vectorOf(tree),
    unravel: (vector) => {
      if (vector.rank !== 1 || vector.shape[0] !== total) {
        throw new ShapeError(
          `unravel: expected a vector of ${total} elements, got shape [${vector.shape.join(", ")}]`,
        );
      }
      let start = 0;
      const parts = leaves.map((leaf) => {
        const part = vector.slice([start, start + leaf.size]).reshape(leaf.shape);
        start += leaf.size;
        return part.astype(leaf.dtype);
      });
      return structure.rebuild(parts) as T;
    },
  };
}

/** The elements of a tree as one vector, in the order of {@link ravel}. */
export function vectorOf(tree: unknown): Tensor {
  const flat = treeLeaves(tree).map((leaf) => leaf.reshape([leaf.size]) as Tensor);
  return flat.length === 1 ? flat[0]! : (concat(flat) as Tensor);
}

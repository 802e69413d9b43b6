import fc from "fast-check";
import { type TensorConstraints, tensors } from "./tensors.ts";

/** Which trees are generated. */
export interface TreeConstraints {
  /** The tensors at the leaves. Default: of rank 2 at most. */
  readonly leaves?: TensorConstraints;
  /** Levels of nesting. Default 2. */
  readonly depth?: number;
  /** Whether strings, booleans and null stand among the leaves, which transformations pass through. Default false. */
  readonly statics?: boolean;
}

/** Trees of tensors: a tensor, or arrays and plain objects of trees. At least one leaf is a tensor. */
export function trees({ leaves, depth = 2, statics = false }: TreeConstraints = {}): fc.Arbitrary<unknown> {
  const leaf = tensors(leaves ?? { shape: { maxRank: 2 } });
  const level = (remaining: number): fc.Arbitrary<unknown> => {
    if (remaining === 0) return leaf;
    const inner = level(remaining - 1);
    const item = statics
      ? fc.oneof({ arbitrary: inner, weight: 4 }, fc.constantFrom("name", true, null))
      : inner;
    const key = fc.constantFrom("a", "b", "c", "weight", "bias");
    return fc.oneof(
      leaf,
      fc.tuple(inner, fc.array(item, { maxLength: 2 })).map(([first, rest]) => [first, ...rest]),
      fc.tuple(inner, fc.dictionary(key, item, { maxKeys: 2 })).map(([first, rest]) => ({ ...rest, first })),
    );
  };
  return level(depth);
}

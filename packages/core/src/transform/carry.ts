import { ArgumentError } from "../errors/errors.ts";
import type { TensorType } from "../operation.ts";
import { sameShape, showShape } from "../shape.ts";
import { type Flat, flattenLike } from "../tree.ts";

/** Whether a loop may hand on a value of one type as the other. */
export const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** A type as errors show it: `float32[2, 3]`. */
export const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`;

/**
 * Takes apart the carry that a loop's body returns.
 *
 * @throws TreeError where its structure is not that of the carry that came in, ArgumentError where a leaf's type is not
 */
export function nextCarry(label: string, carry: Flat, returned: unknown): Flat {
  const next = flattenLike(carry, returned, `${label}: the carry that the body returns`);
  carry.leaves.forEach((before, i) => {
    const after = next.leaves[i]!;
    if (sameType(before, after)) return;
    throw new ArgumentError(
      `${label}: the carry${carry.structure.paths()[i]} comes in as ${showType(before)} and is returned as ${showType(after)}; ` +
        "it must keep its shape and dtype (convert with astype, or start with the type it ends with)",
    );
  });
  return next;
}

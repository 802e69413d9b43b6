import { isInteger } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors/errors.ts";
import { arange, tensor } from "../ops/creation.ts";
import { Tensor } from "../tensor.ts";
import { flatten } from "../tree.ts";
import { nextCarry, showType } from "./carry.ts";
import { loopOver } from "./scan.ts";
import { checkFunction, checkSynchronous } from "./scope.ts";
import type { ForiLoop } from "./signatures.ts";
import { loopWhile } from "./while-loop.ts";

/**
 * A counted loop: `for (let i = lower; i < upper; i++) carry = body(i, carry)`, with i an int32 scalar tensor and the
 * carry a tree of tensors that keep their shapes and dtypes. With numbers as bounds it is a {@link scan} and has
 * derivatives in both modes; with a tensor among them it is a {@link whileLoop} and has those of forward mode.
 *
 * @example const factorial = foriLoop(1, 6, (i, product) => product.mul(i.astype("float32")), tensor(1)); // 120
 * @throws TreeError where the carry that the body returns differs in structure, ArgumentError where a leaf's type does
 * @throws ArgumentError, ShapeError or DTypeError for a bound that is not an integer scalar
 */
export const foriLoop: ForiLoop = ((
  lower: unknown,
  upper: unknown,
  body: (index: Tensor, carry: unknown) => unknown,
  initial: unknown,
) => {
  checkFunction(body, "foriLoop");
  checkBound(lower, "lower");
  checkBound(upper, "upper");
  const carry = flatten(initial);
  const turn = (index: Tensor, before: unknown): unknown => {
    const after = body(index, before);
    checkSynchronous(after, "foriLoop");
    nextCarry("foriLoop", carry, after);
    return after;
  };
  if (typeof lower === "number" && typeof upper === "number") {
    const indices = arange(lower, Math.max(lower, upper), 1, { dtype: "int32" });
    return loopOver("foriLoop", (before, i) => [turn(i as Tensor, before), null], initial, indices)[0];
  }
  const [first, end] = [asIndex(lower), asIndex(upper)];
  type Counted = readonly [index: Tensor, carry: unknown];
  const result = loopWhile(
    "foriLoop",
    (counted) => (counted as Counted)[0].lt(end),
    (counted) => {
      const [index, before] = counted as Counted;
      return [index.add(1), turn(index, before)];
    },
    [first, initial],
  );
  return (result as Counted)[1];
}) as unknown as ForiLoop;

const asIndex = (bound: number | Tensor): Tensor =>
  typeof bound === "number" ? tensor(bound, { dtype: "int32" }) : (bound.astype("int32") as Tensor);

function checkBound(bound: unknown, which: string): asserts bound is number | Tensor {
  if (typeof bound === "number") {
    if (Number.isInteger(bound)) return;
    throw new ArgumentError(`foriLoop: the ${which} bound must be an integer, got ${bound}`);
  }
  if (!(bound instanceof Tensor)) {
    throw new ArgumentError(
      `foriLoop: the ${which} bound must be a number or an integer scalar tensor, got ${bound === null ? "null" : typeof bound}`,
    );
  }
  if (!isInteger(bound.dtype)) {
    throw new DTypeError(
      `foriLoop: the ${which} bound must be an integer scalar, got ${showType(bound)}; write x.astype("int32")`,
    );
  }
  if (bound.rank > 0) {
    throw new ShapeError(
      `foriLoop: the ${which} bound must be a scalar, got ${showType(bound)}; use vmap for a loop for each element`,
    );
  }
}

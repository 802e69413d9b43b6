import { add, cond, mean, scan, type Tensor, whileLoop, zeros } from "@amari/core";

// Uses of transformations as functions of tensors alone, so that random programs may call them.

/** The recurrence `c' = c / 2 + x` along the first axis by `scan`: the differences of its states, stacked. */
export function recurrence(x: Tensor): Tensor {
  const start = zeros(x.shape.slice(1), { dtype: x.dtype }) as Tensor;
  const body = (carry: Tensor, slice: Tensor): readonly [Tensor, Tensor] => {
    const next = carry.mul(0.5).add(slice);
    return [next, next.sub(carry)];
  };
  return scan(body, start, x)[1];
}

/** Both operands from one branch or the other, by `cond`: `x tanh(y)`, or `x - y` where the mean of x is not positive. */
export const branch = (x: Tensor, y: Tensor): Tensor =>
  cond(
    mean(x).gt(0),
    (x: Tensor, y: Tensor) => x.mul(y.tanh()),
    (x: Tensor, y: Tensor) => x.sub(y),
    x,
    y,
  ) as Tensor;

/** Halves x, by `whileLoop`, until its largest magnitude is below 1/2, five times at most. */
export const halved = (x: Tensor): Tensor =>
  whileLoop(
    ([y, n]: readonly [Tensor, Tensor]) => y.abs().max().ge(0.5).logicalAnd(n.lt(5)) as Tensor<[]>,
    ([y, n]: readonly [Tensor, Tensor]): [Tensor, Tensor] => [y.mul(0.5), add(n, 1) as Tensor],
    [x, zeros([], { dtype: "int32" }) as Tensor] as readonly [Tensor, Tensor],
  )[0] as Tensor;

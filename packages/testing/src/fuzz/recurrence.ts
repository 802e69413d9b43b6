import { scan, type Tensor, zeros } from "@amari/core";

/** The recurrence `c' = c / 2 + x` along the first axis by `scan`: the differences of its states, stacked. */
export function recurrence(x: Tensor): Tensor {
  const start = zeros(x.shape.slice(1), { dtype: x.dtype }) as Tensor;
  const body = (carry: Tensor, slice: Tensor): readonly [Tensor, Tensor] => {
    const next = carry.mul(0.5).add(slice);
    return [next, next.sub(carry)];
  };
  return scan(body, start, x)[1];
}

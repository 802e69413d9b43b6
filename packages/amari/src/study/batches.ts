import { stack, type Tensor } from "@amari/core";
import { batches } from "@amari/data";
import type { Split } from "./split.ts";

/** The minibatches of one step, for several seeds. */
export interface Batch {
  /** `[seeds, B, D]` */
  readonly x: Tensor;
  /** `[seeds, B]` */
  readonly y: Tensor;
}

/** Minibatches by step: each epoch visits every example once, in an order of its own for every seed. */
export function minibatches(
  { trainX, trainY }: Split,
  seeds: readonly Tensor[],
  steps: number,
  size: number,
): readonly Batch[] {
  const streams = seeds.map((key) =>
    batches({ x: trainX, y: trainY }, { size, key, dropLast: true, epochs: Infinity })[Symbol.iterator](),
  );
  return Array.from({ length: steps }, () => {
    // Endless, so there is always a next one.
    const taken = streams.map((stream) => stream.next().value as { readonly x: Tensor; readonly y: Tensor });
    return {
      x: stack(taken.map(({ x }) => x)).realise() as Tensor,
      y: stack(taken.map(({ y }) => y)).realise() as Tensor,
    };
  });
}

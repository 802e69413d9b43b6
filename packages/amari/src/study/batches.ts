import { stack, type Tensor } from "@amari/core";
import { batches } from "@amari/data";
import type { Split } from "./split.ts";

/** The minibatches of all steps, for several seeds. */
export interface Batches {
  /** `[steps, seeds, B, D]` */
  readonly x: Tensor;
  /** `[steps, seeds, B]` */
  readonly y: Tensor;
}

/** Minibatches for every seed: each epoch visits every example once, in an order of its own for every seed. */
export function minibatches(
  { trainX, trainY }: Split,
  seeds: readonly Tensor[],
  steps: number,
  size: number,
): Batches {
  const perSeed = seeds.map((key) => {
    const endless = batches({ x: trainX, y: trainY }, { size, key, dropLast: true, epochs: Infinity });
    const taken: { x: Tensor; y: Tensor }[] = [];
    for (const batch of endless) {
      if (taken.length === steps) break;
      taken.push({ x: batch.x as Tensor, y: batch.y as Tensor });
    }
    return { x: stack(taken.map(({ x }) => x)) as Tensor, y: stack(taken.map(({ y }) => y)) as Tensor };
  });
  return {
    x: stack(
      perSeed.map(({ x }) => x),
      1,
    ).realise() as Tensor,
    y: stack(
      perSeed.map(({ y }) => y),
      1,
    ).realise() as Tensor,
  };
}

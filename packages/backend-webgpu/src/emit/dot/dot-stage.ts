import type { Stage } from "@amari/core/backend";

/** A batched product of matrices. */
export type DotStage = Extract<Stage, { kind: "dot" }>;

export const matricesOf = ({ batch }: DotStage): number => batch.reduce((x, y) => x * y, 1);

/** Where a matrix of a batch begins, from its flat number `matrix`. */
export function placeInBatch(batch: readonly number[], strides: readonly number[]): string {
  const terms = batch.flatMap((extent, axis) => {
    if (strides[axis] === 0 || extent === 1) return [];
    const inside = batch.slice(axis + 1).reduce((x, y) => x * y, 1);
    return [`matrix / ${inside} % ${extent} * ${strides[axis]}`];
  });
  return terms.length === 0 ? "0" : terms.join(" + ");
}

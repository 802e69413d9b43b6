import type { Stage } from "@amari/core/backend";
import { gridOf, groupNumber, type Shader } from "../loops.ts";
import { ownMemory, type TableLayout } from "../table.ts";
import { shaderText } from "./shader-text.ts";

export type DotStage = Extract<Stage, { kind: "dot" }>;

/** How the sum over k is cut into pieces that are computed side by side and then added in their order. */
export interface Split {
  readonly pieces: number;
  /** Elements of each but the last. */
  readonly length: number;
}

export const whole = (k: number): Split => ({ pieces: 1, length: k });

/** At most so many pieces of at least so many elements. */
export function splitInto(most: number, k: number, shortest: number, multiple: number): Split {
  const wanted = Math.max(1, Math.min(most, Math.floor(k / shortest)));
  const length = Math.ceil(k / wanted / multiple) * multiple;
  return { pieces: Math.max(1, Math.ceil(k / length)), length };
}

export const matricesOf = ({ batch }: DotStage): number => batch.reduce((x, y) => x * y, 1);

const invocations = 64;

/** Adds the pieces, which stand one after the other in the kernel's own memory, each as dense as the result. */
export function addPieces(stage: DotStage, pieces: number, table: TableLayout): Shader {
  const { result, batch, m, n } = stage;
  const elements = matricesOf(stage) * m * n;
  const lines = [
    `let place = i32(${groupNumber} * ${invocations}u + lane);`,
    `if (place >= ${elements}) { return; }`,
    `let matrix = place / ${m * n};`,
    `var sum = bitcast<f32>(heap[${ownMemory} + place]);`,
    `for (var piece = 1; piece < ${pieces}; piece++) {`,
    `  sum += bitcast<f32>(heap[${ownMemory} + piece * ${elements} + place]);`,
    "}",
    `let to = ${table.buffer(result.buffer)} + ${result.offset} + ${placeInBatch(batch, result.batchStrides)};`,
    `heap[to + place / ${n} % ${m} * ${result.rowStride} + place % ${n} * ${result.columnStride}] = bitcast<u32>(sum);`,
  ];
  return {
    text: shaderText({ lines, table, invocations }),
    groups: gridOf(Math.ceil(elements / invocations)),
  };
}

/** Where a matrix of a batch begins, from its flat number `matrix`. */
export function placeInBatch(batch: readonly number[], strides: readonly number[]): string {
  const terms = batch.flatMap((extent, axis) => {
    if (strides[axis] === 0 || extent === 1) return [];
    const inside = batch.slice(axis + 1).reduce((x, y) => x * y, 1);
    return [`matrix / ${inside} % ${extent} * ${strides[axis]}`];
  });
  return terms.length === 0 ? "0" : terms.join(" + ");
}

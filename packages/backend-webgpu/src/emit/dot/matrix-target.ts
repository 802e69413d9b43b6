import type { TableLayout } from "../table.ts";
import { plus, times } from "./code.ts";
import { type DotStage, placeInBatch } from "./dot-stage.ts";
import type { Target } from "./target.ts";

/** The result of a product of matrices. */
export function matrixTarget({ result, batch, n }: DotStage, table: TableLayout, quads: boolean): Target {
  const { buffer, offset, batchStrides, rowStride, columnStride } = result;
  const start = `${table.buffer(buffer)} + ${offset} + ${placeInBatch(batch, batchStrides)}`;
  return {
    quads,
    begin: (code) => code.line(`let to = ${start};`),
    place: (code, four, column) => code.line(`let ${four} = ${column};`),
    has: (four, j, isInside) => (isInside ? null : `${plus(four, j)} < ${n}`),
    at: (four, j, row) => `to${times(row, rowStride)}${times(plus(four, j), columnStride)}`,
  };
}

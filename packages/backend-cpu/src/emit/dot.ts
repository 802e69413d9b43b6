import type { MatrixOperand, Stage } from "@amari/core/backend";
import { FunctionBuilder, type Local } from "../wasm/function.ts";

type DotStage = Extract<Stage, { kind: "dot" }>;

/** What a batched product needs to know of the running program. */
export interface DotFrame {
  /** The address of the table of buffer addresses. */
  readonly buffers: number;
  /** The number of the function that multiplies two matrices. */
  readonly gemm: number;
  /** Bytes of an element. */
  readonly bytes: number;
  /** The address of memory that a product may use meanwhile. */
  readonly workspace: number;
}

/** Writes a batched product as a function that calls the matrix product once for each place of the batch. */
export function emitDot({ left, right, result, batch, m, n, k }: DotStage, frame: DotFrame): FunctionBuilder {
  const f = new FunctionBuilder({ parameters: [], results: [] });
  const counters = batch.map(() => f.local("i32"));
  const pushAddress = (buffer: number, offset: number, strides: readonly number[]) => {
    f.i32(frame.buffers + 4 * buffer).memory("i32.load");
    if (offset !== 0) f.i32(offset * frame.bytes).op("i32.add");
    strides.forEach((stride, axis) => {
      if (stride !== 0)
        f.get(counters[axis]!)
          .i32(stride * frame.bytes)
          .op("i32.mul")
          .op("i32.add");
    });
  };
  const pushOperand = ({ buffer, offset, batchStrides, rowStride, columnStride }: MatrixOperand) => {
    pushAddress(buffer, offset, batchStrides);
    f.i32(rowStride).i32(columnStride);
  };
  const resultStrides = batch.map((_, axis) => m * n * batch.slice(axis + 1).reduce((a, b) => a * b, 1));
  const multiply = () => {
    f.i32(m).i32(n).i32(k);
    pushOperand(left);
    pushOperand(right);
    pushAddress(result, 0, resultStrides);
    f.i32(n).i32(frame.workspace).call(frame.gemm);
  };
  const loop = (axis: number): void => {
    if (axis === batch.length) multiply();
    else f.forRange(counters[axis] as Local, 0, batch[axis]!, 1, () => loop(axis + 1));
  };
  if (m > 0 && n > 0) loop(0);
  return f;
}

import type { Matrix, Stage } from "@amari/core/backend";
import { FunctionBuilder, type Local } from "../wasm/function.ts";
import { kernelParameters } from "./loops.ts";

type DotStage = Extract<Stage, { kind: "dot" }>;

/** What a batched product needs to know of the running program. */
export interface DotFrame {
  /** The number of the function that multiplies two matrices. */
  readonly gemm: number;
  /** Bytes of an element. */
  readonly bytes: number;
  /** Pushes the address of memory that a product may use meanwhile. */
  pushWorkspace(f: FunctionBuilder): void;
}

/**
 * A product is cut into columns, for each part of which the left matrix is packed again, unless these are fewer than the
 * rows and fewer than this. Cutting rows costs more: the right matrix is what takes time to pack.
 */
const enoughColumns = 192;

/** The left matrix is packed for each part again, which few columns do not pay for. */
const leastColumns = (n: number): number => Math.min(128, 32 * Math.ceil(n / 256));

/** The range of a product's function: the columns or the rows of its results, one matrix after the other. */
export interface DotRange {
  readonly byRows: boolean;
  /** The end of the whole range: that of one matrix times the batch. */
  readonly extent: number;
  /** Parts that are computed well are multiples of this... */
  readonly granule: number;
  /** ...and no shorter than this. */
  readonly least: number;
}

/** The range of a product. */
export function rangeOf({ batch, m, n }: DotStage): DotRange {
  const byRows = n < Math.min(m, enoughColumns);
  const matrices = sizeOf(batch);
  if (m * n * matrices === 0) return { byRows, extent: 0, granule: 1, least: 1 };
  return byRows
    ? { byRows, extent: m * matrices, granule: 48, least: 48 }
    : { byRows, extent: n * matrices, granule: 32, least: leastColumns(n) };
}

/**
 * Writes a batched product as a function `(from, to, memory)` that calls the matrix product once for each place of the batch
 * in its range, on the part of the rows or columns in it. At `memory` it finds where the addresses of the left matrix, the
 * right one and the result stand. The bits of an element do not depend on the part that it is computed in.
 */
export function emitDot(stage: DotStage, frame: DotFrame): FunctionBuilder {
  const { left, right, result, batch, m, n, k } = stage;
  const f = new FunctionBuilder({ parameters: kernelParameters, results: [] });
  const [from, to, memory] = f.parameters as [Local, Local, Local];
  const { byRows, extent } = rangeOf(stage);
  if (extent === 0) return f;
  const along = byRows ? m : n;
  const [place, first, count] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const counters = batch.map(() => f.local("i32"));
  const pushAddress = (operand: number, offset: number, strides: readonly number[], partStride: number) => {
    f.get(memory)
      .memory("i32.load", 4 * operand)
      .memory("i32.load");
    if (offset !== 0) f.i32(offset * frame.bytes).op("i32.add");
    [...strides, partStride].forEach((stride, axis) => {
      if (stride === 0) return;
      f.get(counters[axis] ?? first)
        .i32(stride * frame.bytes)
        .op("i32.mul")
        .op("i32.add");
    });
  };
  const pushOperand = (number: number, operand: Matrix, partStride: number) => {
    pushAddress(number, operand.offset, operand.batchStrides, partStride);
    f.i32(operand.rowStride).i32(operand.columnStride);
  };
  const multiply = () => {
    if (byRows) f.get(count).i32(n).i32(k);
    else f.i32(m).get(count).i32(k);
    pushOperand(0, left, byRows ? left.rowStride : 0);
    pushOperand(1, right, byRows ? 0 : right.columnStride);
    pushAddress(2, result.offset, result.batchStrides, byRows ? result.rowStride : 1);
    f.i32(result.rowStride);
    frame.pushWorkspace(f);
    f.call(frame.gemm);
  };
  const moreLeft = () => f.get(from).get(to).op("i32.lt_s");
  moreLeft().if(() => {
    f.doWhile(() => {
      f.get(from).i32(along).op("i32.div_u").set(place);
      f.get(from).i32(along).op("i32.rem_u").set(first);
      // count = min(to - from, along - first)
      f.get(to).get(from).op("i32.sub").set(count);
      f.i32(along).get(first).op("i32.sub");
      f.get(count);
      f.i32(along).get(first).op("i32.sub").get(count).op("i32.lt_s").op("select").set(count);
      counters.forEach((counter, axis) => {
        f.get(place)
          .i32(sizeOf(batch.slice(axis + 1)))
          .op("i32.div_u")
          .i32(batch[axis]!)
          .op("i32.rem_u")
          .set(counter);
      });
      multiply();
      f.get(from).get(count).op("i32.add").set(from);
    }, moreLeft);
  });
  return f;
}

const sizeOf = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

import type { Affine, Expression, LoopKernel, ScalarType } from "@amari/core/backend";
import { emitLoops } from "../loops.ts";
import type { DeviceKernel, KernelContext } from "../shader.ts";
import type { DotStage } from "./dot-stage.ts";
import { emitMatrixProduct, hasQuads } from "./matrix-product.ts";
import type { ProductVariant } from "./variants.ts";
import { emitVectorProduct, mostVectors } from "./vector-product.ts";

/** The form that a product is computed in, by its sizes and type alone. */
export type DotForm = "matrices" | "vectors" | "folds";

/** Vectors shorter than this are folded by one invocation. */
const shortVector = 64;

export function dotForm({ m, n, k }: DotStage, type: ScalarType): DotForm {
  if (type !== "f32" || k === 0) return "folds";
  if (Math.min(m, n) >= mostVectors) return "matrices";
  return k >= shortVector ? "vectors" : "folds";
}

/**
 * A batched product of matrices.
 *
 * @param variant - how to compute it where it has the form of matrices; all of them give the same bits
 */
export function emitDot(
  stage: DotStage,
  type: ScalarType,
  variant: ProductVariant,
  context: KernelContext,
): DeviceKernel {
  switch (dotForm(stage, type)) {
    case "matrices":
      return emitMatrixProduct(stage, variant, hasQuads(stage, context.isAligned), context);
    case "vectors":
      return emitVectorProduct(stage, context);
    case "folds":
      return emitLoops(asLoops(stage, type), context);
  }
}

/** A product as a fold for each element. */
function asLoops({ left, right, result, batch, m, n, k }: DotStage, type: ScalarType): LoopKernel {
  const loops = [...batch, m, n];
  const load = (buffer: number, offset: number, strides: readonly number[]): Expression => ({
    kind: "load",
    type,
    buffer,
    access: { offset, strides },
  });
  const value: Expression = {
    kind: "instruction",
    type,
    instruction: "mul",
    operands: [
      load(left.buffer, left.offset, [...left.batchStrides, left.rowStride, 0, left.columnStride]),
      load(right.buffer, right.offset, [...right.batchStrides, 0, right.columnStride, right.rowStride]),
    ],
  };
  const access: Affine = {
    offset: result.offset,
    strides: [...result.batchStrides, result.rowStride, result.columnStride],
  };
  return {
    loops,
    phases: [
      {
        loops: [k],
        accumulators: [
          { index: 0, type, combine: "add", initial: 0, value, partials: k >= 8 ? 4 : 1, run: 1 },
        ],
        stores: [],
      },
      {
        loops: [],
        accumulators: [],
        stores: [{ buffer: result.buffer, access, value: { kind: "accumulated", type, index: 0 } }],
      },
    ],
  };
}

import type { StridedView, TensorType } from "../operation.ts";
import { kernelExpressions, type LoopKernel } from "./kernel.ts";
import type { Step } from "./program.ts";

/** Memory that a schedule reads or writes: dense, row-major. */
export interface Buffer {
  readonly type: TensorType;
  /** An argument of the program, one of its results, or memory that lives inside it only. */
  readonly role:
    | { readonly kind: "input" | "output"; readonly index: number }
    | { readonly kind: "temporary" };
}

/** A matrix or a batch of them inside a buffer; strides in elements. */
export interface Matrix {
  readonly buffer: number;
  readonly offset: number;
  readonly batchStrides: readonly number[];
  readonly rowStride: number;
  readonly columnStride: number;
}

/** An array inside a buffer; strides in elements. */
export interface ArrayOperand extends StridedView {
  readonly buffer: number;
}

/** One thing to run. */
export type Stage =
  | { readonly kind: "loops"; readonly kernel: LoopKernel }
  /** Kernels that write one buffer together, one after the other; each stores a part of it. */
  | { readonly kind: "assembly"; readonly kernels: readonly LoopKernel[]; readonly result: number }
  /** `result[b, i, j] = sum over p of left[b, i, p] * right[b, p, j]`. The result fills its buffer; columns are neighbours. */
  | {
      readonly kind: "dot";
      readonly left: Matrix;
      readonly right: Matrix;
      readonly result: Matrix;
      readonly batch: readonly number[];
      readonly m: number;
      readonly n: number;
      readonly k: number;
    }
  /** `step`'s convolution of `input` with `window`. The result is dense. */
  | {
      readonly kind: "convolution";
      readonly step: Step;
      readonly input: ArrayOperand;
      readonly window: ArrayOperand;
      readonly result: number;
    }
  /** An operation that runs programs of its own, on dense buffers. */
  | {
      readonly kind: "control";
      readonly step: Step;
      readonly inputs: readonly number[];
      readonly outputs: readonly number[];
    }
  /** A whole-array algorithm on dense buffers. */
  | {
      readonly kind: "routine";
      readonly step: Step;
      readonly inputs: readonly number[];
      readonly outputs: readonly number[];
    };

/** A program as kernels: what an emitter writes, stage by stage. */
export interface Schedule {
  readonly buffers: readonly Buffer[];
  readonly stages: readonly Stage[];
}

/** The fused kernels of a stage, which run one after the other. */
export function kernelsOf(stage: Stage): readonly LoopKernel[] {
  if (stage.kind === "loops") return [stage.kernel];
  return stage.kind === "assembly" ? stage.kernels : [];
}

/** The buffers that a stage reads and writes. */
export function buffersOf(stage: Stage): {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
} {
  switch (stage.kind) {
    case "dot":
      return { reads: [stage.left.buffer, stage.right.buffer], writes: [stage.result.buffer] };
    case "convolution":
      return { reads: [stage.input.buffer, stage.window.buffer], writes: [stage.result] };
    case "control":
    case "routine":
      return { reads: stage.inputs, writes: stage.outputs };
    case "assembly":
      return { reads: [...loadedBy(stage.kernels)], writes: [stage.result] };
    case "loops": {
      const writes = stage.kernel.phases.flatMap(({ stores }) => stores.map(({ buffer }) => buffer));
      return { reads: [...loadedBy([stage.kernel])], writes };
    }
  }
}

function loadedBy(kernels: readonly LoopKernel[]): Set<number> {
  const loaded = new Set<number>();
  for (const e of kernels.flatMap(kernelExpressions)) if (e.kind === "load") loaded.add(e.buffer);
  return loaded;
}

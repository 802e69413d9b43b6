import {
  type Buffer,
  type Expression,
  kernelExpressions,
  type Phase,
  phaseExpressions,
  type Stage,
} from "@amari/core/backend";

/** Nanoseconds on one thread: of an instruction on vectors of four, a number read or written, a product and a sum. */
const nanoseconds = { instruction: 0.1, access: 0.15, product: 0.02 };

/**
 * How long a stage that threads may share takes one of them, in nanoseconds, to within a few times; whether to share it
 * needs no more. Zero for what must stay on the main thread: routines, loops, kernels that call functions of the host, and
 * folds of everything into one number, whose order is part of the result.
 */
export function costOfShared(stage: Stage, buffers: readonly Buffer[]): number {
  switch (stage.kind) {
    case "dot": {
      const { batch, m, n, k } = stage;
      const accesses = m * k + k * n + m * n;
      return sizeOf(batch) * (m * n * k * nanoseconds.product + accesses * nanoseconds.access);
    }
    case "convolution": {
      const { shape } = stage.window;
      return sizeOf(buffers[stage.result]!.type.shape) * (sizeOf(shape) / shape[0]!) * nanoseconds.product;
    }
    case "loops": {
      const { loops, phases } = stage.kernel;
      const isCall = ({ kind }: Expression) => kind === "call";
      if (sizeOf(loops) === 1 || kernelExpressions(stage.kernel).some(isCall)) return 0;
      return sizeOf(loops) * phases.reduce((sum, phase) => sum + costOfPhase(phase), 0);
    }
    default:
      return 0;
  }
}

/** For one point of the parallel loops. */
function costOfPhase(phase: Phase): number {
  const { loops, stores } = phase;
  const kinds = phaseExpressions(phase).map(({ kind }) => kind);
  const count = (wanted: Expression["kind"]) => kinds.filter((kind) => kind === wanted).length;
  const accesses = count("load") + stores.length;
  return sizeOf(loops) * (count("instruction") * nanoseconds.instruction + accesses * nanoseconds.access);
}

const sizeOf = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

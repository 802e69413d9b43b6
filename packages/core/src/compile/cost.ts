import { bytesPerElement } from "../dtype.ts";
import type { LoopAttributes, TensorType } from "../operation.ts";
import { sizeOf } from "../shape.ts";
import { fuse } from "./fuse.ts";
import { type LoopKernel, type Phase, phaseExpressions } from "./kernel.ts";
import { buffersOf, type Schedule, type Stage } from "./schedule.ts";

/** What a schedule costs to run, as far as its text says. */
export interface Cost {
  readonly kernels: number;
  readonly contractions: number;
  readonly routines: number;
  /** Loops and conditions. */
  readonly controls: number;
  /** Bytes of the buffers that each stage reads and writes, caches aside. */
  readonly bytes: number;
  /** Scalar instructions of kernels, and two for each product of a contraction; routines are not counted. */
  readonly operations: number;
}

const nothing: Cost = { kernels: 0, contractions: 0, routines: 0, controls: 0, bytes: 0, operations: 0 };

/**
 * Adds up the stages of a schedule. The body of a scan counts as often as it runs, its kernels once; of a while loop one
 * turn is counted, of a condition both sides.
 */
export const costOf = (schedule: Schedule): Cost =>
  schedule.stages.map((stage) => costOfStage(stage, schedule)).reduce(sum, nothing);

const sum = (a: Cost, b: Cost): Cost => ({
  kernels: a.kernels + b.kernels,
  contractions: a.contractions + b.contractions,
  routines: a.routines + b.routines,
  controls: a.controls + b.controls,
  bytes: a.bytes + b.bytes,
  operations: a.operations + b.operations,
});

const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * bytesPerElement(dtype);

function operationsOf({ loops, phases }: LoopKernel): number {
  const perPoint = (phase: Phase) =>
    phase.accumulators.length +
    phaseExpressions(phase).filter(({ kind }) => kind === "instruction" || kind === "call").length;
  return phases
    .map((phase) => sizeOf([...loops, ...phase.loops]) * perPoint(phase))
    .reduce((a, b) => a + b, 0);
}

/** What one stage costs. */
export function costOfStage(stage: Stage, { buffers }: Schedule): Cost {
  const { reads, writes } = buffersOf(stage);
  const bytes = [...reads, ...writes].reduce((total, buffer) => total + bytesOf(buffers[buffer]!.type), 0);
  switch (stage.kind) {
    case "loops":
      return { ...nothing, kernels: 1, bytes, operations: operationsOf(stage.kernel) };
    case "assembly": {
      const { kernels } = stage;
      const operations = kernels.map(operationsOf).reduce((a, b) => a + b, 0);
      return { ...nothing, kernels: kernels.length, bytes, operations };
    }
    case "dot": {
      const { batch, m, n, k } = stage;
      return { ...nothing, contractions: 1, bytes, operations: 2 * sizeOf(batch) * m * n * k };
    }
    case "convolution": {
      // Products with zeros of padding are counted.
      const products = sizeOf(buffers[stage.result]!.type.shape) * sizeOf(stage.window.shape.slice(1));
      return { ...nothing, contractions: 1, bytes, operations: 2 * products };
    }
    case "routine":
      return { ...nothing, routines: 1, bytes };
    case "control": {
      const { length = 1 } = (stage.step.attributes ?? {}) as Partial<LoopAttributes>;
      const bodies = stage.step.bodies!.map(({ program }) => costOf(fuse(program))).reduce(sum);
      return {
        ...bodies,
        controls: 1 + bodies.controls,
        bytes: length * bodies.bytes,
        operations: length * bodies.operations,
      };
    }
  }
}

/** The cost in one line. */
export function printCost({ kernels, contractions, routines, controls, bytes, operations }: Cost): string {
  const counts = [
    [kernels, "kernel"],
    [contractions, "contraction"],
    [routines, "routine"],
    [controls, "control operation"],
  ] as const;
  const shown = counts
    .filter(([count, what]) => count > 0 || what === "kernel")
    .map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`);
  return `${shown.join(", ")}; ${showAmount(bytes)}B moved, ${showAmount(operations)}FLOP`;
}

/** A number to three digits with the prefix of the SI: `1.23 M`. */
export function showAmount(amount: number): string {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  const step = Math.min(prefixes.length - 1, Math.floor(Math.log10(Math.max(1, amount)) / 3));
  return `${Number((amount / 1000 ** step).toPrecision(3))} ${prefixes[step]}`;
}

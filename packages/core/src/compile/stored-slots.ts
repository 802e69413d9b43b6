import type { Operation } from "../operation.ts";
import type { Expression } from "./kernel.ts";
import { KernelBuilder, scalarTypeOf } from "./kernel-builder.ts";
import type { Program, Step } from "./program.ts";

/** Elementwise operations that cost more than this many instructions are computed once, not by every consumer. */
const cheapInstructions = 6;

/** After so many elementwise operations on one another a value is stored, so that kernels stay of a size. */
const deepestFusion = 64;

/** The slots that a step writes. */
export const outputSlots = (step: Step): number[] => step.outputs.map((_, i) => step.output + i);

/**
 * The slots that have memory of their own: the results of the program, of contractions, routines and reductions, the
 * operands that those need dense, costly values with several readers, and every so many of a long chain.
 */
export function storedSlots(program: Program, producer: ReadonlyMap<number, Step>): Set<number> {
  const stored = new Set<number>(program.inputs.map((_, slot) => slot));
  const store = (slot: number) => {
    if (producer.has(slot)) stored.add(slot);
  };
  for (const slot of program.outputs) store(slot);
  const readers = new Map<number, number>();
  const read = (slot: number, times: number) => readers.set(slot, (readers.get(slot) ?? 0) + times);
  for (const step of program.steps.toReversed()) {
    const { kind } = step.operation.kernel;
    for (const slot of step.inputs) read(slot, kind === "view" ? (readers.get(step.output) ?? 0) : 1);
    if (kind === "routine" || kind === "control") step.inputs.forEach(store);
    if (kind === "dot" || kind === "convolution")
      for (const slot of step.inputs) store(withoutViews(slot, producer));
    if (kind === "gather") store(step.inputs[0]!);
    if (kind === "gather" && (readers.get(step.output) ?? 0) > 1) store(step.output);
    if (!isTraced(kind)) outputSlots(step).forEach(store);
    if (kind === "elementwise" && (readers.get(step.output) ?? 0) > 1 && isCostly(step, program))
      store(step.output);
  }
  const depths = new Map<number, number>();
  const depthOf = (slot: number) => (stored.has(slot) ? 0 : (depths.get(slot) ?? 0));
  for (const step of program.steps) {
    const isElementwise = step.operation.kernel.kind === "elementwise";
    const depth = Math.max(0, ...step.inputs.map(depthOf)) + Number(isElementwise);
    depths.set(step.output, depth);
    if (depth >= deepestFusion && isElementwise) store(step.output);
  }
  return stored;
}

/** Kinds of which the value at one place can be computed wherever it is read. */
const isTraced = (kind: Operation["kernel"]["kind"]): boolean =>
  kind === "elementwise" || kind === "view" || kind === "iota" || kind === "gather";

/** The slot below a chain of views. */
function withoutViews(slot: number, producer: ReadonlyMap<number, Step>): number {
  let below = slot;
  for (let step = producer.get(below); step?.operation.kernel.kind === "view"; step = producer.get(below)) {
    below = step.inputs[0]!;
  }
  return below;
}

/** Whether a lowered operation holds more than a few instructions. */
function isCostly(step: Step, program: Program): boolean {
  const kernel = step.operation.kernel as Extract<Operation["kernel"], { kind: "elementwise" }>;
  const k = new KernelBuilder();
  const operands = step.inputs.map((slot, i) =>
    k.load(i, { offset: 0, strides: [] }, scalarTypeOf(program.slots[slot]!.dtype)),
  );
  const lowered = kernel.lower?.(step.attributes as never)(k, ...operands) ?? null;
  return lowered === null || countInstructions(lowered) > cheapInstructions;
}

function countInstructions(root: Expression): number {
  const seen = new Set<Expression>();
  const visit = (expression: Expression): void => {
    if (seen.has(expression) || (expression.kind !== "instruction" && expression.kind !== "call")) return;
    seen.add(expression);
    expression.operands.forEach(visit);
  };
  visit(root);
  return seen.size;
}

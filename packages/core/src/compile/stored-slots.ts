import type { Operation } from "../operation.ts";
import { sizeOf } from "../shape.ts";
import { type Expression, expressionsOf } from "./kernel.ts";
import { arithmeticTypeOf, KernelBuilder } from "./kernel-builder.ts";
import type { Program, Step } from "./program.ts";

/** Values that cost more than this many instructions are computed once, not by every kernel that reads them. */
const cheapInstructions = 12;

/** After so many elementwise operations on one another a value is stored, so that kernels stay of a size. */
const deepestFusion = 64;

/** The slots that a step writes. */
export const outputSlots = (step: Step): number[] => step.outputs.map((_, i) => step.output + i);

type Producers = ReadonlyMap<number, Step>;

/**
 * The slots that have memory of their own: the results of the program, of contractions, routines and reductions, the
 * operands that those need dense, values that cost several kernels more to compute than to load, and every so many of a
 * long chain.
 */
export function storedSlots(program: Program, producer: Producers): Set<number> {
  const stored = neededSlots(program, producer);
  storeCostly(program, stored);
  storeDeep(program, stored);
  return stored;
}

/** The slots that cannot do without memory. */
function neededSlots(program: Program, producer: Producers): Set<number> {
  const stored = new Set<number>(program.inputs.map((_, slot) => slot));
  const store = (slot: number) => {
    if (producer.has(slot)) stored.add(slot);
  };
  for (const slot of program.outputs) store(slot);
  for (const step of program.steps) {
    const { kind } = step.operation.kernel;
    if (kind === "routine" || kind === "control") step.inputs.forEach(store);
    if (kind === "dot" || kind === "convolution")
      for (const slot of step.inputs) store(withoutViews(slot, producer));
    if (kind === "gather") {
      const [source] = step.inputs as [number];
      // Few elements of a computed array are computed where they are read, and kept: a fold over them has other loops.
      const isSparse = sizeOf(step.outputs[0]!.shape) < sizeOf(program.slots[source]!.shape);
      if (!isSparse) store(source);
      if (!stored.has(withoutViews(source, producer))) store(step.output);
    }
    if (!isTraced(kind)) outputSlots(step).forEach(store);
  }
  return stored;
}

/** What a kernel does that computes a value instead of loading it. */
interface Recomputation {
  readonly instructions: number;
  /** The arrays that it reads at as many places as the value has. */
  readonly loads: ReadonlySet<number>;
}

/**
 * Stores values that several kernels would compute, where that takes them more than loading the value. What operands
 * share counts for each of them.
 */
function storeCostly(program: Program, stored: Set<number>): void {
  const readers = kernelsReading(program, stored);
  const countInstructions = instructionCounter(program);
  const computed = new Map<number, Recomputation>();
  const nothing: Recomputation = { instructions: 0, loads: new Set() };
  for (const step of program.steps) {
    const slot = step.output;
    const { kind } = step.operation.kernel;
    if (stored.has(slot) || !isTraced(kind)) continue;
    const size = sizeOf(program.slots[slot]!.shape);
    const operands = step.inputs.map((input): Recomputation => {
      if (!stored.has(input)) return computed.get(input) ?? nothing;
      const isWhole = kind === "gather" || sizeOf(program.slots[input]!.shape) >= size;
      return isWhole ? { instructions: 0, loads: new Set([input]) } : nothing;
    });
    const instructions = operands.reduce(
      (sum, operand) => sum + operand.instructions,
      countInstructions(step),
    );
    const loads =
      operands.length === 1 ? operands[0]!.loads : union(operands.map((operand) => operand.loads));
    const kernels = readers.get(slot)!.size;
    const isCostly = instructions > cheapInstructions || kernels * loads.size > loads.size + 1 + kernels;
    if (kind !== "view" && kernels > 1 && isCostly) stored.add(slot);
    else computed.set(slot, { instructions, loads });
  }
}

/** The stored slots whose kernels compute a slot that is not stored. */
function kernelsReading({ steps, slots }: Program, stored: ReadonlySet<number>): Map<number, Set<number>> {
  const readers = new Map(slots.map((_, slot) => [slot, new Set<number>()]));
  for (const step of steps.toReversed()) {
    const kernels = stored.has(step.output) ? [step.output] : readers.get(step.output)!;
    for (const input of step.inputs) for (const kernel of kernels) readers.get(input)!.add(kernel);
  }
  return readers;
}

const union = <T>(sets: readonly ReadonlySet<T>[]): Set<T> => new Set(sets.flatMap((set) => [...set]));

/** Stores values that rest on too many elementwise operations, one on the other. */
function storeDeep(program: Program, stored: Set<number>): void {
  const depths = new Map<number, number>();
  const depthOf = (slot: number) => (stored.has(slot) ? 0 : (depths.get(slot) ?? 0));
  for (const step of program.steps) {
    const isElementwise = step.operation.kernel.kind === "elementwise";
    const depth = Math.max(0, ...step.inputs.map(depthOf)) + Number(isElementwise);
    depths.set(step.output, depth);
    if (depth >= deepestFusion && isElementwise) stored.add(step.output);
  }
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

/** How many instructions the lowering of a step has; each kind of step is lowered once. A call counts for many. */
function instructionCounter({ slots }: Program): (step: Step) => number {
  const counts = new Map<string, number>();
  return (step) => {
    const { kernel, name } = step.operation;
    if (kernel.kind !== "elementwise") return 0;
    const types = step.inputs.map((slot) => arithmeticTypeOf(slots[slot]!.dtype));
    const key = `${name}${JSON.stringify(step.attributes)}${types.join()}`;
    let count = counts.get(key);
    if (count === undefined) {
      const k = new KernelBuilder();
      const operands = types.map((type, i) => k.load(i, { offset: 0, strides: [] }, type));
      const lowered = kernel.lower?.(step.attributes as never)(k, ...operands) ?? null;
      count = lowered === null ? Number.POSITIVE_INFINITY : instructionsIn(lowered);
      counts.set(key, count);
    }
    return count;
  };
}

const instructionsIn = (value: Expression): number =>
  expressionsOf([value]).filter(({ kind }) => kind === "instruction" || kind === "call").length;

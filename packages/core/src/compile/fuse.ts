import type { Operation, TensorType } from "../operation.ts";
import { sizeOf } from "../shape.ts";
import { checked } from "./check.ts";
import type { LoopKernel, Phase } from "./kernel.ts";
import { arithmeticTypeOf, KernelBuilder, scalarTypeOf } from "./kernel-builder.ts";
import { mergeKernels } from "./merge.ts";
import { extentsOf, longAxes, mapOver, openKernel, storing } from "./open-kernel.ts";
import { partialResults } from "./partial-results.ts";
import { layProductsOut, productView } from "./product-layouts.ts";
import type { Program, Step } from "./program.ts";
import type { ArrayOperand, Buffer, Matrix, Schedule, Stage } from "./schedule.ts";
import { outputSlots, storedSlots } from "./stored-slots.ts";
import { type Memory, Tracer } from "./trace.ts";
import { widenContractions } from "./widen-contractions.ts";

type KernelOf<K extends Operation["kernel"]["kind"]> = Extract<Operation["kernel"], { kind: K }>;

/** What the kernels of a backend can do. */
export interface FuseOptions {
  /** Whether products of matrices load operands of float16, of which they make float32. Default false. */
  readonly dotsLoadFloat16?: boolean;
}

/**
 * Turns a program into kernels, contractions and routines: views become index maps and elementwise operations become
 * part of whoever reads them. Stored are the results of the program, of contractions, routines and reductions, the
 * operands that those need dense, and what is cheaper to load than to compute. Each gets a kernel of its own here;
 * {@link mergeKernels} then joins those that can run as one.
 */
export function fuse(given: Program, { dotsLoadFloat16 = false }: FuseOptions = {}): Schedule {
  const program = layProductsOut(widenContractions(given, dotsLoadFloat16));
  const producer = new Map<number, Step>();
  for (const step of program.steps) for (const slot of outputSlots(step)) producer.set(slot, step);
  const schedule = new Fusion(program, producer, storedSlots(program, producer)).run();
  return checked(mergeKernels(schedule));
}

class Fusion implements Memory {
  readonly program: Program;
  readonly producer: ReadonlyMap<number, Step>;
  readonly stored: Set<number>;
  private readonly tracer = new Tracer(this);
  private readonly buffers: Buffer[] = [];
  private readonly bufferOf = new Map<number, number>();
  /** The step that is being written, and its stages so far. */
  private step: Step | null = null;
  private stages: Stage[] = [];
  private readonly written = new Map<Step, readonly Stage[]>();
  /** Slots that the step needs in memory, where they are not. */
  private readonly missing: number[] = [];
  /** The steps that compute a slot where they read it. */
  private readonly computing = new Map<number, Set<Step>>();
  /** Steps that compute what has been stored since. */
  private readonly stale = new Set<Step>();

  constructor(program: Program, producer: ReadonlyMap<number, Step>, stored: Set<number>) {
    this.program = program;
    this.producer = producer;
    this.stored = stored;
  }

  run(): Schedule {
    const { program } = this;
    program.inputs.forEach((type, index) => {
      this.assign(index, { type, role: { kind: "input", index } });
    });
    program.outputs.forEach((slot, index) => {
      if (this.bufferOf.has(slot) || !this.stored.has(slot)) return;
      this.assign(slot, { type: program.slots[slot]!, role: { kind: "output", index } });
    });
    for (const step of program.steps) if (this.stored.has(step.output)) this.write(step);
    for (const step of this.stale) this.write(step);
    this.stages = program.steps.flatMap((step) => this.written.get(step) ?? []);
    this.copyRepeatedOutputs();
    return { buffers: this.buffers, stages: this.stages };
  }

  /** Writes the stages of a step; slots that are missing for it are stored from then on, and written before it. */
  private write(step: Step): void {
    this.step = step;
    this.stages = [];
    this.stale.delete(step);
    this.addStep(step);
    const slots = this.missing.splice(0);
    if (slots.length === 0) {
      this.written.set(step, this.stages);
      return;
    }
    for (const slot of slots) {
      this.stored.add(slot);
      for (const other of this.computing.get(slot) ?? []) if (this.written.has(other)) this.stale.add(other);
    }
    for (const slot of slots) this.write(this.producer.get(slot)!);
    this.write(step);
  }

  private addStep(step: Step): void {
    const { kernel } = step.operation;
    const type = step.outputs[0]!;
    switch (kernel.kind) {
      case "elementwise":
      case "view":
      case "iota":
      case "gather":
        this.addElementwise(step.output, type);
        return;
      case "reduce":
        this.addReduction(step, kernel);
        return;
      case "assemble":
        this.addAssembly(step, kernel, type);
        return;
      case "dot":
        this.addDot(step, type);
        return;
      case "convolution":
        this.addConvolution(step);
        return;
      case "routine":
      case "control":
        this.addWhole(kernel.kind, step);
        return;
      default:
        throw new Error(`a ${kernel.kind} is no step of a program`);
    }
  }

  private addBuffer(buffer: Buffer): number {
    return this.buffers.push(buffer) - 1;
  }

  private assign(slot: number, buffer: Buffer): number {
    const index = this.addBuffer(buffer);
    this.bufferOf.set(slot, index);
    return index;
  }

  bufferFor(slot: number): number {
    return (
      this.bufferOf.get(slot) ??
      this.assign(slot, { type: this.program.slots[slot]!, role: { kind: "temporary" } })
    );
  }

  noteComputing(slot: number): void {
    let steps = this.computing.get(slot);
    if (steps === undefined) this.computing.set(slot, (steps = new Set()));
    steps.add(this.step!);
  }

  noteMissing(slot: number): void {
    this.missing.push(slot);
  }

  private addElementwise(slot: number, { shape }: TensorType): void {
    const axes = longAxes(shape);
    const open = openKernel(extentsOf(shape, axes), []);
    const value = this.tracer.value(slot, mapOver(shape, axes, open), open, true);
    if (value !== null) this.addLoops(open.loops, storing(this.bufferFor(slot), open.loops, value));
  }

  private addLoops(loops: readonly number[], ...phases: readonly Phase[]): void {
    this.stages.push({ kind: "loops", kernel: { loops, phases } });
  }

  /** Fills the result, then writes each operand into its window, computing it there. */
  private addAssembly(step: Step, kernel: KernelOf<"assemble">, { shape, dtype }: TensorType): void {
    const shapes = step.inputs.map((slot) => this.program.slots[slot]!.shape);
    const { fill, windows } = kernel.assembly(shapes, step.attributes as never, shape);
    const result = this.bufferFor(step.output);
    const kernels: LoopKernel[] = [];
    if (fill !== null) {
      const loops = [sizeOf(shape)];
      const value = new KernelBuilder().constant(fill, scalarTypeOf(dtype));
      kernels.push({ loops, phases: [storing(result, loops, value)] });
    }
    for (const [i, slot] of step.inputs.entries()) {
      const axes = longAxes(shapes[i]!);
      const { offset, strides } = windows[i]!;
      const open = openKernel(extentsOf(shapes[i]!, axes), []);
      const value = this.tracer.value(slot, mapOver(shapes[i]!, axes, open), open, false);
      if (value === null) return;
      const access = { offset, strides: axes.map((axis) => strides[axis]!) };
      const phase = { loops: [], accumulators: [], stores: [{ buffer: result, access, value }] };
      if (sizeOf(shapes[i]!) > 0) kernels.push({ loops: open.loops, phases: [phase] });
    }
    this.stages.push({ kind: "assembly", kernels, result });
  }

  private addReduction(step: Step, kernel: KernelOf<"reduce">): void {
    const input = step.inputs[0]!;
    const { shape, dtype } = this.program.slots[input]!;
    const { axes } = step.attributes as { readonly axes: readonly number[] };
    const long = longAxes(shape);
    const kept = long.filter((axis) => !axes.includes(axis));
    const folded = long.filter((axis) => axes.includes(axis));
    const open = openKernel(extentsOf(shape, kept), extentsOf(shape, folded));
    const map = mapOver(shape, [...kept, ...folded], open);
    const element = this.tracer.value(input, map, open, false);
    if (element === null) return;
    const { builder: k } = open;
    const scalarType = arithmeticTypeOf(dtype);
    const value = k.convert(element, scalarType);
    const initial = kernel.initial(dtype);
    const order = partialResults(kernel.combine, scalarType, shape, axes, value);
    if (order === null) {
      this.noteMissing(input);
      return;
    }
    this.addLoops(
      open.loops,
      {
        loops: open.reductions,
        accumulators: [{ index: 0, type: scalarType, combine: kernel.combine, initial, value, ...order }],
        stores: [],
      },
      storing(
        this.bufferFor(step.output),
        open.loops,
        k.convert(k.accumulated(0, scalarType), scalarTypeOf(dtype)),
      ),
    );
  }

  private addDot(step: Step, type: TensorType): void {
    const [left, right] = step.inputs.map((slot) => this.matrixOperand(slot));
    if (left === null || right === null || left === undefined || right === undefined) return;
    const { shape, strides } = productView(type.shape, step.attributes);
    this.stages.push({
      kind: "dot",
      left,
      right,
      result: matrixOn(this.bufferFor(step.output), 0, strides),
      batch: shape.slice(0, -2),
      m: shape.at(-2)!,
      n: shape.at(-1)!,
      k: this.program.slots[step.inputs[0]!]!.shape.at(-1)!,
    });
  }

  private matrixOperand(slot: number): Matrix | null {
    const operand = this.tracer.array(slot);
    return operand && matrixOn(operand.buffer, operand.offset, operand.strides);
  }

  private addConvolution(step: Step): void {
    const [input, window] = step.inputs.map((slot) => this.tracer.array(slot)) as [
      ArrayOperand | null,
      ArrayOperand | null,
    ];
    if (input === null || window === null) return;
    this.stages.push({ kind: "convolution", step, input, window, result: this.bufferFor(step.output) });
  }

  /** A step that takes and gives dense buffers as a whole. */
  private addWhole(kind: "routine" | "control", step: Step): void {
    for (const slot of step.inputs) this.storeNumber(slot);
    const inputs = step.inputs.map((slot) => this.bufferFor(slot));
    const outputs = outputSlots(step).map((slot) => this.bufferFor(slot));
    this.stages.push({ kind, step, inputs, outputs });
  }

  /** Gives one of the caller's numbers a place in memory, for who cannot take it from the scalars. */
  private storeNumber(slot: number): void {
    const isComputed = slot < this.program.inputs.length || this.producer.has(slot);
    if (!isComputed && !this.bufferOf.has(slot)) this.addElementwise(slot, this.program.slots[slot]!);
  }

  /** A slot that is several outputs, or an input or scalar that is an output, is copied. */
  private copyRepeatedOutputs(): void {
    this.program.outputs.forEach((slot, index) => {
      const type = this.program.slots[slot]!;
      const buffer = this.bufferOf.get(slot);
      const role = buffer === undefined ? null : this.buffers[buffer]!.role;
      if (role?.kind === "output" && role.index === index) return;
      const copy = this.addBuffer({ type, role: { kind: "output", index } });
      const axes = longAxes(type.shape);
      const open = openKernel(extentsOf(type.shape, axes), []);
      const value = this.tracer.value(slot, mapOver(type.shape, axes, open), open, false)!;
      this.addLoops(open.loops, storing(copy, open.loops, value));
    });
  }
}

const matrixOn = (buffer: number, offset: number, strides: readonly number[]): Matrix => ({
  buffer,
  offset,
  batchStrides: strides.slice(0, -2),
  rowStride: strides.at(-2)!,
  columnStride: strides.at(-1)!,
});

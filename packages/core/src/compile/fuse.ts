import { isFloat } from "../dtype.ts";
import type { Operation, TensorType } from "../operation.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import { flatIndex, type IndexMap, identityMap, throughView } from "./affine.ts";
import { checked } from "./check.ts";
import type { Affine, Expression, LoopKernel, Phase, Shift } from "./kernel.ts";
import { arithmeticTypeOf, KernelBuilder, scalarTypeOf } from "./kernel-builder.ts";
import { mergeKernels } from "./merge.ts";
import { recordOrigin } from "./origins.ts";
import { partialResults } from "./partial-results.ts";
import { layProductsOut, productView } from "./product-layouts.ts";
import type { Program, Step } from "./program.ts";
import type { ArrayOperand, Buffer, Matrix, Schedule, Stage } from "./schedule.ts";
import { outputSlots, storedSlots } from "./stored-slots.ts";
import { widenContractions } from "./widen-contractions.ts";

type KernelOf<K extends Operation["kernel"]["kind"]> = Extract<Operation["kernel"], { kind: K }>;

/** A loop kernel while it is being written. */
interface OpenKernel {
  readonly loops: readonly number[];
  /** The loops that it folds over. */
  readonly reductions: readonly number[];
  /** Indices that are computed, which maps see as further loops: how many values each has, and its value. */
  readonly computed: { readonly extent: number; readonly index: Expression }[];
  readonly builder: KernelBuilder;
  /** The index maps that values are read at; equal ones are one object. */
  readonly maps: Map<string, IndexMap>;
  /** What has been traced, by index map and slot: a shared value is written once, however many paths lead to it. */
  readonly traced: Map<IndexMap, Map<number, Expression>>;
}

/**
 * Turns a program into kernels, contractions and routines: views become index maps and elementwise operations become
 * part of whoever reads them. Stored are the results of the program, of contractions, routines and reductions, the
 * operands that those need dense, and what is cheaper to load than to compute. Each gets a kernel of its own here;
 * {@link mergeKernels} then joins those that can run as one.
 */
export function fuse(given: Program): Schedule {
  const program = layProductsOut(widenContractions(given));
  const producer = new Map<number, Step>();
  for (const step of program.steps) for (const slot of outputSlots(step)) producer.set(slot, step);
  const schedule = new Fusion(program, producer, storedSlots(program, producer)).run();
  return checked(mergeKernels(schedule));
}

class Fusion {
  private readonly program: Program;
  private readonly producer: ReadonlyMap<number, Step>;
  private readonly stored: Set<number>;
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

  /** Notes that the step which is being written computes a slot instead of reading it. */
  private noteComputing(slot: number): void {
    let steps = this.computing.get(slot);
    if (steps === undefined) this.computing.set(slot, (steps = new Set()));
    steps.add(this.step!);
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

  private bufferFor(slot: number): number {
    return (
      this.bufferOf.get(slot) ??
      this.assign(slot, { type: this.program.slots[slot]!, role: { kind: "temporary" } })
    );
  }

  private addElementwise(slot: number, { shape }: TensorType): void {
    const axes = longAxes(shape);
    const open = openKernel(extentsOf(shape, axes), []);
    const value = this.trace(slot, mapOver(shape, axes, open), open, true);
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
      const value = this.trace(slot, mapOver(shapes[i]!, axes, open), open, false);
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
    const element = this.trace(input, map, open, false);
    if (element === null) return;
    const { builder: k } = open;
    const scalarType = arithmeticTypeOf(dtype);
    const value = k.convert(element, scalarType);
    const initial = kernel.initial(dtype);
    const order = partialResults(kernel.combine, scalarType, shape, axes, value);
    if (order === null) {
      this.missing.push(input);
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

  /** The value of a slot at an index map, as an expression of the kernel; null where a view prevents it, and a slot is `missing`. */
  private trace(slot: number, map: IndexMap, kernel: OpenKernel, isRoot: boolean): Expression | null {
    let known = kernel.traced.get(map);
    if (known === undefined) kernel.traced.set(map, (known = new Map()));
    const before = known.get(slot);
    if (before !== undefined) return before;
    const value = this.traceAnew(slot, map, kernel, isRoot);
    if (value !== null) known.set(slot, value);
    return value;
  }

  private traceAnew(slot: number, map: IndexMap, kernel: OpenKernel, isRoot: boolean): Expression | null {
    const type = this.program.slots[slot]!;
    const { inputs, scalars } = this.program;
    if (slot >= inputs.length && slot < inputs.length + scalars.length) {
      return kernel.builder.scalar(slot - inputs.length, scalarTypeOf(type.dtype));
    }
    if (this.stored.has(slot) && !isRoot) return this.load(slot, map, type, kernel);
    this.noteComputing(slot);
    const step = this.producer.get(slot)!;
    const operation = step.operation.kernel;
    if (operation.kind === "elementwise") return this.traceElementwise(step, operation, map, kernel);
    if (operation.kind === "iota") {
      const { axis } = step.attributes as { readonly axis: number };
      return kernel.builder.convert(indexAt(map[axis]!, kernel), scalarTypeOf(type.dtype));
    }
    if (operation.kind === "gather") return this.traceGather(step, map, kernel);
    if (operation.kind !== "view")
      throw new Error(`${step.operation.name} has no memory of its own and cannot be traced`);
    const input = step.inputs[0]!;
    const operand = this.program.slots[input]!.shape;
    const extents = extentsIn(kernel);
    const below = throughView(operation.view, step.attributes, operand, type.shape, map, extents);
    if (below !== null) return this.trace(input, sharedMap(below, kernel), kernel, false);
    const dense = this.denseBelow(input);
    if (
      dense !== null &&
      operation.view(
        { shape: operand, strides: stridesOf(operand), offset: 0 },
        step.attributes as never,
        type.shape,
      ) !== null
    ) {
      // A reshape of stored elements: the same place in the buffer.
      return this.load(dense, map, type, kernel);
    }
    this.missing.push(input);
    return null;
  }

  /** Reads the memory of a slot as an array of some type. */
  private load(slot: number, map: IndexMap, { shape, dtype }: TensorType, kernel: OpenKernel): Expression {
    const place = flatIndex(map, shape, extentsIn(kernel).length);
    const { access, shift } = splitComputed(place, kernel);
    return kernel.builder.load(this.bufferFor(slot), access, scalarTypeOf(dtype), shift);
  }

  /** The stored slot that a slot is, up to reshapes; null where there is none. */
  private denseBelow(slot: number): number | null {
    let below = slot;
    while (!this.stored.has(below)) {
      const step = this.producer.get(below);
      if (step?.operation.kernel.kind !== "view") return null;
      const input = step.inputs[0]!;
      const { shape } = this.program.slots[input]!;
      const out = step.outputs[0]!.shape;
      if (sizeOf(shape) !== sizeOf(out)) return null;
      const view = step.operation.kernel.view(
        { shape, strides: stridesOf(shape), offset: 0 },
        step.attributes as never,
        out,
      );
      const rowMajor = stridesOf(out);
      if (
        view === null ||
        view.offset !== 0 ||
        view.strides.some((s, i) => s !== rowMajor[i] && out[i] !== 1)
      )
        return null;
      below = input;
    }
    return below;
  }

  private traceGather(step: Step, map: IndexMap, kernel: OpenKernel): Expression | null {
    const { axis } = step.attributes as { readonly axis: number };
    const { builder: k } = kernel;
    const [source, indices] = step.inputs as [number, number];
    const index = this.trace(indices, map, kernel, false);
    if (index === null) return null;
    const { shape, dtype } = this.program.slots[source]!;
    const type = scalarTypeOf(dtype);
    const missing = k.constant(isFloat(dtype) ? Number.NaN : 0, type);
    if (shape[axis] === 0) return missing;
    const [zero, length] = [k.constant(0, "i32"), k.constant(shape[axis]!, "i32")];
    const wanted = k.bits(index, "i32");
    const isNegative = index.type === "u32" ? k.constant(0, "bool") : k.lt(wanted, zero);
    const at = k.select(isNegative, k.add(wanted, length), wanted);
    const isThere = k.and(k.ge(at, zero), k.lt(at, length));
    const strides = extentsIn(kernel).map(() => 0);
    kernel.computed.push({ extent: shape[axis]!, index: k.select(isThere, at, zero) });
    const place = { offset: 0, strides: [...strides, 1] };
    const value = this.trace(source, sharedMap(map.with(axis, place), kernel), kernel, false);
    return value && k.select(isThere, value, missing);
  }

  private traceElementwise(
    step: Step,
    operation: KernelOf<"elementwise">,
    map: IndexMap,
    kernel: OpenKernel,
  ): Expression | null {
    const { builder: k } = kernel;
    const operands: Expression[] = [];
    for (const slot of step.inputs) {
      const operand = this.trace(slot, map, kernel, false);
      if (operand === null) return null;
      operands.push(k.convert(operand, arithmeticTypeOf(this.program.slots[slot]!.dtype)));
    }
    const { dtype } = this.program.slots[step.inputs.at(-1) ?? step.output]!;
    const scalar = operation.scalar(step.attributes as never, dtype);
    const result = step.outputs[0]!.dtype;
    const value =
      operation.lower?.(step.attributes as never)(k, ...operands) ??
      k.call(callName(step), scalar, arithmeticTypeOf(result), operands);
    // The definition gives a number, and an f16 is the bits of one.
    if (value.type !== "f16") recordOrigin(value, { name: step.operation.name, operands, scalar });
    return k.convert(value, scalarTypeOf(result));
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
    const operand = this.arrayOperand(slot);
    if (operand === null) return null;
    return matrixOn(operand.buffer, operand.offset, operand.strides);
  }

  /** An operand as strides on stored memory, through views; null where that fails, and it is `missing`. */
  private arrayOperand(slot: number): ArrayOperand | null {
    const { shape } = this.program.slots[slot]!;
    const access = this.stridesOn(slot, identityMap(shape.length, shape.length), shape);
    if (access === null) {
      this.missing.push(slot);
      return null;
    }
    return { buffer: access.buffer, shape, ...access.place };
  }

  private addConvolution(step: Step): void {
    const [input, window] = step.inputs.map((slot) => this.arrayOperand(slot)) as [
      ArrayOperand | null,
      ArrayOperand | null,
    ];
    if (input === null || window === null) return;
    this.stages.push({ kind: "convolution", step, input, window, result: this.bufferFor(step.output) });
  }

  private stridesOn(slot: number, map: IndexMap, extents: Shape): { buffer: number; place: Affine } | null {
    const { shape } = this.program.slots[slot]!;
    if (this.stored.has(slot))
      return { buffer: this.bufferFor(slot), place: flatIndex(map, shape, extents.length) };
    const step = this.producer.get(slot);
    if (step?.operation.kernel.kind !== "view") return null;
    this.noteComputing(slot);
    const input = step.inputs[0]!;
    const below = throughView(
      step.operation.kernel.view,
      step.attributes,
      this.program.slots[input]!.shape,
      shape,
      map,
      extents,
    );
    if (below !== null) return this.stridesOn(input, below, extents);
    const dense = this.denseBelow(slot);
    return dense === null
      ? null
      : { buffer: this.bufferFor(dense), place: flatIndex(map, shape, extents.length) };
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
      const value = this.trace(slot, mapOver(type.shape, axes, open), open, false)!;
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

const openKernel = (loops: readonly number[], reductions: readonly number[]): OpenKernel => ({
  loops,
  reductions,
  computed: [],
  builder: new KernelBuilder(),
  maps: new Map(),
  traced: new Map(),
});

/** Of the loops that index maps know of. */
const extentsIn = ({ loops, reductions, computed }: OpenKernel): number[] => [
  ...loops,
  ...reductions,
  ...computed.map(({ extent }) => extent),
];

/** Where a place stands as far as the loops move it, and what computed indices add. */
function splitComputed(
  { offset, strides }: Affine,
  { loops, reductions, computed, builder: k }: OpenKernel,
): { readonly access: Affine; readonly shift: Shift | undefined } {
  const count = loops.length + reductions.length;
  const access = { offset, strides: strides.slice(0, count) };
  const terms = computed.flatMap(({ index }, i): Shift[] => {
    const stride = strides[count + i] ?? 0;
    return stride === 0 ? [] : [{ by: index, stride }];
  });
  if (terms.length < 2) return { access, shift: terms[0] };
  const products = terms.map(({ by, stride }) => k.mul(by, k.constant(stride, "i32")));
  return { access, shift: { by: products.reduce((sum, term) => k.add(sum, term)), stride: 1 } };
}

/** An index as a value. */
function indexAt(place: Affine, kernel: OpenKernel): Expression {
  const { builder: k } = kernel;
  const { access, shift } = splitComputed(place, kernel);
  const index = k.index(access);
  return shift === undefined ? index : k.add(index, k.mul(shift.by, k.constant(shift.stride, "i32")));
}

function sharedMap(map: IndexMap, { maps }: OpenKernel): IndexMap {
  const key = map.map(({ offset, strides }) => `${offset}+${strides.join()}`).join(";");
  const known = maps.get(key);
  if (known === undefined) maps.set(key, map);
  return known ?? map;
}

/** The axes that have a loop: those of extent 1 need none. */
const longAxes = (shape: Shape): number[] => shape.map((_, axis) => axis).filter((axis) => shape[axis] !== 1);

const extentsOf = (shape: Shape, axes: readonly number[]): number[] => axes.map((axis) => shape[axis]!);

/** Reads a value at the loops, each of which runs along one of the axes. */
const mapOver = (shape: Shape, axes: readonly number[], kernel: OpenKernel): IndexMap =>
  sharedMap(
    shape.map((_, axis) => ({ offset: 0, strides: axes.map((other) => Number(other === axis)) })),
    kernel,
  );

/** A phase that writes one value of a dense buffer whose long axes are the loops. */
const storing = (buffer: number, loops: Shape, value: Expression): Phase => ({
  loops: [],
  accumulators: [],
  stores: [{ buffer, access: { offset: 0, strides: stridesOf(loops) }, value }],
});

/** A name by which equal calls are recognised: the operation and its attributes. */
const callName = (step: Step): string =>
  step.attributes === undefined
    ? step.operation.name
    : `${step.operation.name}${JSON.stringify(step.attributes)}`;

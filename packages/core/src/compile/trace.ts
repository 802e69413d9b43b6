import { isFloat } from "../dtype.ts";
import type { Operation, TensorType } from "../operation.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import { flatIndex, type IndexMap, identityMap, throughView } from "./affine.ts";
import type { Affine, Expression } from "./kernel.ts";
import { arithmeticTypeOf, scalarTypeOf } from "./kernel-builder.ts";
import { extentsIn, indexAt, type OpenKernel, sharedMap, splitComputed } from "./open-kernel.ts";
import { recordOrigin } from "./origins.ts";
import type { Program, Step } from "./program.ts";
import type { ArrayOperand } from "./schedule.ts";

type KernelOf<K extends Operation["kernel"]["kind"]> = Extract<Operation["kernel"], { kind: K }>;

/** Which values of a program stand in memory, and who hears of those that do not. */
export interface Memory {
  readonly program: Program;
  readonly producer: ReadonlyMap<number, Step>;
  readonly stored: ReadonlySet<number>;
  bufferFor(slot: number): number;
  /** Told where a slot is computed instead of being read. */
  noteComputing(slot: number): void;
  /** Told where a slot must stand in memory before the step can be written. */
  noteMissing(slot: number): void;
}

/**
 * Follows values from where they are read to what is stored: through views, by their index maps, and through elementwise
 * operations, which become instructions of the reader's kernel.
 */
export class Tracer {
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /**
   * The value of a slot at an index map, as an expression of the kernel; null where a view prevents it, and a slot is
   * missing.
   *
   * @param isRoot - whether it is computed though it is stored: by the kernel that stores it
   */
  value(slot: number, map: IndexMap, kernel: OpenKernel, isRoot: boolean): Expression | null {
    let known = kernel.traced.get(map);
    if (known === undefined) kernel.traced.set(map, (known = new Map()));
    const before = known.get(slot);
    if (before !== undefined) return before;
    const value = this.valueAnew(slot, map, kernel, isRoot);
    if (value !== null) known.set(slot, value);
    return value;
  }

  private valueAnew(slot: number, map: IndexMap, kernel: OpenKernel, isRoot: boolean): Expression | null {
    const type = this.memory.program.slots[slot]!;
    const { inputs, scalars } = this.memory.program;
    if (slot >= inputs.length && slot < inputs.length + scalars.length) {
      return kernel.builder.scalar(slot - inputs.length, scalarTypeOf(type.dtype));
    }
    if (this.memory.stored.has(slot) && !isRoot) return this.load(slot, map, type, kernel);
    this.memory.noteComputing(slot);
    const step = this.memory.producer.get(slot)!;
    const operation = step.operation.kernel;
    if (operation.kind === "elementwise") return this.elementwise(step, operation, map, kernel);
    if (operation.kind === "iota") {
      const { axis } = step.attributes as { readonly axis: number };
      return kernel.builder.convert(indexAt(map[axis]!, kernel), scalarTypeOf(type.dtype));
    }
    if (operation.kind === "gather") return this.gather(step, map, kernel);
    if (operation.kind !== "view")
      throw new Error(`${step.operation.name} has no memory of its own and cannot be traced`);
    const input = step.inputs[0]!;
    const operand = this.memory.program.slots[input]!.shape;
    const extents = extentsIn(kernel);
    const below = throughView(operation.view, step.attributes, operand, type.shape, map, extents);
    if (below !== null) return this.value(input, sharedMap(below, kernel), kernel, false);
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
    this.memory.noteMissing(input);
    return null;
  }

  /** Reads the memory of a slot as an array of some type. */
  private load(slot: number, map: IndexMap, { shape, dtype }: TensorType, kernel: OpenKernel): Expression {
    const place = flatIndex(map, shape, extentsIn(kernel).length);
    const { access, shift } = splitComputed(place, kernel);
    return kernel.builder.load(this.memory.bufferFor(slot), access, scalarTypeOf(dtype), shift);
  }

  /** The stored slot that a slot is, up to reshapes; null where there is none. */
  private denseBelow(slot: number): number | null {
    let below = slot;
    while (!this.memory.stored.has(below)) {
      const step = this.memory.producer.get(below);
      if (step?.operation.kernel.kind !== "view") return null;
      const input = step.inputs[0]!;
      const { shape } = this.memory.program.slots[input]!;
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

  private gather(step: Step, map: IndexMap, kernel: OpenKernel): Expression | null {
    const { axis } = step.attributes as { readonly axis: number };
    const { builder: k } = kernel;
    const [source, indices] = step.inputs as [number, number];
    const index = this.value(indices, map, kernel, false);
    if (index === null) return null;
    const { shape, dtype } = this.memory.program.slots[source]!;
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
    const value = this.value(source, sharedMap(map.with(axis, place), kernel), kernel, false);
    return value && k.select(isThere, value, missing);
  }

  private elementwise(
    step: Step,
    operation: KernelOf<"elementwise">,
    map: IndexMap,
    kernel: OpenKernel,
  ): Expression | null {
    const { builder: k } = kernel;
    const operands: Expression[] = [];
    for (const slot of step.inputs) {
      const operand = this.value(slot, map, kernel, false);
      if (operand === null) return null;
      operands.push(k.convert(operand, arithmeticTypeOf(this.memory.program.slots[slot]!.dtype)));
    }
    const { dtype } = this.memory.program.slots[step.inputs.at(-1) ?? step.output]!;
    const scalar = operation.scalar(step.attributes as never, dtype);
    const result = step.outputs[0]!.dtype;
    const value =
      operation.lower?.(step.attributes as never)(k, ...operands) ??
      k.call(callName(step), scalar, arithmeticTypeOf(result), operands);
    // The definition gives a number, and an f16 is the bits of one.
    if (value.type !== "f16") recordOrigin(value, { name: step.operation.name, operands, scalar });
    return k.convert(value, scalarTypeOf(result));
  }

  /** An operand as strides on stored memory, through views; null where that fails, and it is missing. */
  array(slot: number): ArrayOperand | null {
    const { shape } = this.memory.program.slots[slot]!;
    const access = this.stridesOn(slot, identityMap(shape.length, shape.length), shape);
    if (access === null) {
      this.memory.noteMissing(slot);
      return null;
    }
    return { buffer: access.buffer, shape, ...access.place };
  }

  private stridesOn(slot: number, map: IndexMap, extents: Shape): { buffer: number; place: Affine } | null {
    const { shape } = this.memory.program.slots[slot]!;
    if (this.memory.stored.has(slot))
      return { buffer: this.memory.bufferFor(slot), place: flatIndex(map, shape, extents.length) };
    const step = this.memory.producer.get(slot);
    if (step?.operation.kernel.kind !== "view") return null;
    this.memory.noteComputing(slot);
    const input = step.inputs[0]!;
    const below = throughView(
      step.operation.kernel.view,
      step.attributes,
      this.memory.program.slots[input]!.shape,
      shape,
      map,
      extents,
    );
    if (below !== null) return this.stridesOn(input, below, extents);
    const dense = this.denseBelow(slot);
    return dense === null
      ? null
      : { buffer: this.memory.bufferFor(dense), place: flatIndex(map, shape, extents.length) };
  }
}

/** A name by which equal calls are recognised: the operation and its attributes. */
const callName = (step: Step): string =>
  step.attributes === undefined
    ? step.operation.name
    : `${step.operation.name}${JSON.stringify(step.attributes)}`;

import { sizeOf } from "../shape.ts";
import { setCheck } from "./check.ts";
import {
  type Accumulator,
  type Affine,
  type Combine,
  type Expression,
  type LoopKernel,
  operandCount,
  type Phase,
  phaseExpressions,
  type ScalarInstruction,
  type ScalarType,
  type Store,
} from "./kernel.ts";
import { scalarTypeOf } from "./kernel-builder.ts";
import { reachOf } from "./loop-shapes.ts";
import { printKernel } from "./print/kernel.ts";
import { type Buffer, buffersOf, type Schedule } from "./schedule.ts";

/** Whether every schedule is validated before it is compiled. Off unless turned on. */
export function setValidation(on: boolean): void {
  setCheck(on ? validateSchedule : null);
}

/**
 * Checks a schedule: every buffer is written once, before it is read, results included, and every kernel is well formed.
 * For tests and for whoever works on the compiler; no program that a user can write fails it.
 *
 * @throws Error that says what is wrong, with the kernel
 */
export function validateSchedule({ buffers, stages }: Schedule): void {
  const written = new Set(buffers.flatMap(({ role }, buffer) => (role.kind === "input" ? [buffer] : [])));
  for (const stage of stages) {
    const { reads, writes } = buffersOf(stage);
    for (const buffer of reads)
      if (!written.has(buffer) && !writes.includes(buffer))
        throw new Error(`b${buffer} is read before it is written`);
    for (const buffer of writes) {
      if (written.has(buffer)) throw new Error(`b${buffer} is written twice`);
      written.add(buffer);
    }
    if (stage.kind === "loops") validateKernel(stage.kernel, buffers);
    else if (stage.kind === "assembly")
      for (const kernel of stage.kernels) validateKernel(kernel, buffers, stage.result);
  }
  buffers.forEach(({ role }, buffer) => {
    if (role.kind === "output" && !written.has(buffer)) throw new Error(`b${buffer} is never written`);
  });
}

/**
 * The rules of kernels, as a program: instructions get operands of their types; accesses stay inside the buffers, whose
 * types they have; accumulators are read by later phases only; what a kernel stores it stores completely and once, and
 * reads, if at all, later or at the same place.
 *
 * @param inPart - a buffer that the kernel need not store completely
 * @throws Error that says what is wrong, with the kernel
 */
export function validateKernel(
  kernel: LoopKernel,
  buffers: readonly Buffer[],
  inPart: number | null = null,
): void {
  const known: Known = { accumulators: new Map(), stores: new Map() };
  const storedLater = new Set(kernel.phases.flatMap(({ stores }) => stores.map(({ buffer }) => buffer)));
  try {
    for (const phase of kernel.phases) {
      const scope: Scope = { kernel, phase, buffers, known, storedLater, inPart };
      for (const extent of [...kernel.loops, ...phase.loops])
        if (!Number.isInteger(extent) || extent < 0) throw new Error(`a loop runs to ${extent}`);
      for (const expression of phaseExpressions(phase)) checkExpression(expression, scope);
      for (const accumulator of phase.accumulators) checkAccumulator(accumulator, scope);
      for (const store of phase.stores) checkStore(store, scope);
      for (const { index, type } of phase.accumulators) known.accumulators.set(index, type);
      for (const store of phase.stores) {
        known.stores.set(store.buffer, { store, phase });
        storedLater.delete(store.buffer);
      }
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}, in\n${printKernel(kernel)}`, { cause: error });
  }
}

/** What earlier phases have done. */
interface Known {
  readonly accumulators: Map<number, ScalarType>;
  readonly stores: Map<number, { readonly store: Store; readonly phase: Phase }>;
}

interface Scope {
  readonly kernel: LoopKernel;
  readonly phase: Phase;
  readonly buffers: readonly Buffer[];
  readonly known: Known;
  /** The buffers that this phase or a later one stores. */
  readonly storedLater: ReadonlySet<number>;
  /** The buffer that may be stored in part. */
  readonly inPart: number | null;
}

const extentsIn = ({ kernel, phase }: Scope): number[] => [...kernel.loops, ...phase.loops];

function checkExpression(expression: Expression, scope: Scope): void {
  switch (expression.kind) {
    case "load":
      checkPlace(expression.buffer, expression.access, expression.type, scope);
      if (expression.shift?.by.type === "i32" || expression.shift === undefined)
        checkOrder(expression, scope);
      else throw new Error(`a load is shifted by ${expression.shift.by.type}`);
      return;
    case "index":
      checkRank(expression.access, scope);
      return;
    case "accumulated": {
      const type = scope.known.accumulators.get(expression.index);
      if (type === undefined) throw new Error(`a${expression.index} is read before its phase is over`);
      if (type !== expression.type)
        throw new Error(`a${expression.index} is ${type}, not ${expression.type}`);
      return;
    }
    case "instruction":
      checkInstruction(expression);
      return;
    case "call":
      if (expression.operands.some(({ type }) => type === "i64" || type === "f16"))
        throw new Error("a call takes no i64 and no f16");
      return;
    case "constant":
    case "scalar":
  }
}

/** A buffer that this kernel stores is read at the same place in the same phase, or in the same row later. */
function checkOrder({ buffer, access, shift }: Extract<Expression, { kind: "load" }>, scope: Scope): void {
  const { kernel, known, storedLater } = scope;
  if (storedLater.has(buffer)) throw new Error(`b${buffer} is read before it is stored`);
  const source = known.stores.get(buffer);
  if (source === undefined) return;
  const isSameRow =
    shift === undefined &&
    kernel.loops.every(
      (extent, loop) => extent === 1 || access.strides[loop] === source.store.access.strides[loop],
    );
  if (!isSameRow) throw new Error(`b${buffer} is read where other points of the loops store it`);
}

function checkRank({ strides }: Affine, scope: Scope): void {
  const loops = extentsIn(scope).length;
  if (strides.length !== loops)
    throw new Error(`an access has ${strides.length} strides under ${loops} loops`);
}

function checkPlace(buffer: number, access: Affine, type: ScalarType, scope: Scope): void {
  const { shape, dtype } = scope.buffers[buffer]!.type;
  checkRank(access, scope);
  if (scalarTypeOf(dtype) !== type) throw new Error(`b${buffer} holds ${dtype}, not ${type}`);
  const extents = extentsIn(scope);
  if (extents.includes(0)) return;
  const [first, last] = reachOf(access, extents);
  if (first < 0 || last >= sizeOf(shape))
    throw new Error(`b${buffer} of ${sizeOf(shape)} elements is accessed from ${first} to ${last}`);
}

const integers: readonly ScalarType[] = ["i32", "u32", "i64"];
const floats: readonly ScalarType[] = ["f32", "f64"];
const numbers: readonly ScalarType[] = [...floats, ...integers];
const bits: readonly ScalarType[] = [...integers, "bool"];

/** The types that instructions of equal operands take; their result has it too. */
const uniform: { readonly [I in ScalarInstruction]?: readonly ScalarType[] } = {
  add: numbers,
  sub: numbers,
  mul: numbers,
  div: floats,
  neg: numbers,
  abs: numbers,
  sqrt: floats,
  min: numbers,
  max: numbers,
  floor: floats,
  ceil: floats,
  trunc: floats,
  nearest: floats,
  and: bits,
  or: bits,
  xor: bits,
  not: bits,
  shl: integers,
  shr: integers,
  fma: floats,
};

const widths: { readonly [T in ScalarType]: number } = {
  f64: 64,
  i64: 64,
  f32: 32,
  f16: 16,
  i32: 32,
  u32: 32,
  bool: 1,
};

function checkInstruction({
  instruction,
  type,
  operands,
}: Extract<Expression, { kind: "instruction" }>): void {
  const types = operands.map((operand) => operand.type);
  const fail = (): never => {
    throw new Error(`${instruction}(${types.join(", ")}) gives no ${type}`);
  };
  if (operands.length !== operandCount(instruction)) fail();
  const allowed = uniform[instruction];
  if (allowed !== undefined) {
    if (!allowed.includes(type) || types.some((t) => t !== type)) fail();
  } else if (instruction === "select" || instruction === "rarely") {
    if (types[0] !== "bool" || types[1] !== type || types[2] !== type) fail();
  } else if (instruction === "convert") {
    if (type === "i64" || types[0] === "i64") fail();
  } else if (instruction === "bits") {
    const isOfFloat16 = (type === "f16" && types[0] === "i32") || (type === "i32" && types[0] === "f16");
    if (widths[type] !== widths[types[0]!] && !isOfFloat16) fail();
  } else {
    const isEquality = instruction === "eq" || instruction === "ne";
    const isComparable = types[0] !== "f16" && (types[0] !== "i64" || isEquality);
    if (type !== "bool" || types[0] !== types[1] || !isComparable) fail();
  }
}

const combinable: { readonly [C in Combine]: readonly ScalarType[] } = {
  add: numbers,
  mul: numbers,
  min: numbers,
  max: numbers,
  and: bits,
  or: bits,
};

function checkAccumulator({ index, type, combine, value, partials, run }: Accumulator, scope: Scope): void {
  const { known, phase } = scope;
  const isNew = phase.accumulators.filter((other) => other.index === index).length === 1;
  if (known.accumulators.has(index) || !isNew) throw new Error(`a${index} is folded twice`);
  if (value.type !== type) throw new Error(`a${index} is ${type} and folds ${value.type}`);
  if (!combinable[combine].includes(type)) throw new Error(`${combine} folds no ${type}`);
  if (partials < 1 || run < 0 || run > phase.loops.length)
    throw new Error(`a${index} has ${partials} partial results over ${run} loops`);
}

/** A store reaches every element of its buffer, and each once. */
function checkStore({ buffer, access, value }: Store, scope: Scope): void {
  checkPlace(buffer, access, value.type, scope);
  const { known, phase, buffers } = scope;
  const here = phase.stores.filter((other) => other.buffer === buffer).length;
  if (known.stores.has(buffer) || here > 1) throw new Error(`b${buffer} is stored twice`);
  if (buffer === scope.inPart) return;
  const extents = extentsIn(scope);
  const size = sizeOf(buffers[buffer]!.type.shape);
  const steps = extents
    .map((extent, loop) => ({ extent, stride: Math.abs(access.strides[loop]!) }))
    .filter(({ extent }) => extent > 1)
    .sort((a, b) => a.stride - b.stride);
  let reached = 1;
  const isDense = steps.every(({ extent, stride }) => {
    const follows = stride === reached;
    reached *= extent;
    return follows;
  });
  const isEmpty = extents.includes(0);
  if (isEmpty ? size !== 0 : !isDense || reached !== size)
    throw new Error(`b${buffer} of ${size} elements is not stored completely and once`);
}

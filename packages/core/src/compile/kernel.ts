/** A function of scalars: an elementwise operation at one place. */
export type ScalarFunction = (...operands: number[]) => number;

/**
 * The types of scalars in kernels. A bool is a truth value, whatever its width in a register. An i64 is what the bits of
 * an f64 are: lowerings compute exponents and signs in it; nothing loads, stores or converts one,
 * and comparing two is asking whether they are equal. An f16 is what memory holds of a float16: it is loaded, stored,
 * selected and converted, and nothing computes in it; `expandFloat16` writes that in the other types.
 */
export type ScalarType = "f64" | "f32" | "f16" | "i32" | "i64" | "u32" | "bool";

/**
 * The scalar instructions of kernels; their meaning is IEEE 754's and two's complement's, rounded to the type. Three say
 * more than that:
 *
 * - `fma` is x y + z, with one rounding where the hardware has that, else with two: a backend does the same everywhere,
 *   so that an element's bits do not depend on where it stands. Only lowerings use it, inside one operation; across the
 *   operations of a user it would make the numbers depend on fusion.
 * - `rarely` is `select`, of which the first value is seldom wanted: a backend computes it in a branch, behind a test
 *   whether any element of a vector wants it.
 * - `bits` reads the bits of a value as another type of the same width: f32 and i32 or u32, f64 and i64. Those of an f16
 *   are the lower ones of an i32.
 * - `convert` to an f16 rounds once, from whatever type.
 */
export type ScalarInstruction =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "abs"
  | "sqrt"
  | "min"
  | "max"
  | "floor"
  | "ceil"
  | "trunc"
  | "nearest"
  | "eq"
  | "ne"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "and"
  | "or"
  | "xor"
  | "not"
  | "shl"
  | "shr"
  | "fma"
  | "select"
  | "rarely"
  | "convert"
  | "bits";

const operandCounts: { readonly [I in ScalarInstruction]?: number } = {
  neg: 1,
  abs: 1,
  sqrt: 1,
  floor: 1,
  ceil: 1,
  trunc: 1,
  nearest: 1,
  not: 1,
  convert: 1,
  bits: 1,
  fma: 3,
  select: 3,
  rarely: 3,
};

/** How many operands an instruction takes. */
export const operandCount = (instruction: ScalarInstruction): number => operandCounts[instruction] ?? 2;

/** `offset + sum of strides[i] * loop index i`: an element's place in a buffer, or an index. */
export interface Affine {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** `by * stride` elements, where `by` is an i32. */
export interface Shift {
  readonly by: Expression;
  readonly stride: number;
}

/** A scalar at one point of the loops. Expressions are shared: equal ones of a kernel are the same object. */
export type Expression =
  | {
      readonly kind: "load";
      readonly type: ScalarType;
      readonly buffer: number;
      readonly access: Affine;
      /** How much further it is, where a value decides that; the place must be one of the buffer. */
      readonly shift?: Shift;
    }
  | { readonly kind: "constant"; readonly type: ScalarType; readonly value: number }
  /** A number that the caller of the program hands over. */
  | { readonly kind: "scalar"; readonly type: ScalarType; readonly index: number }
  /** The place of the loops as an i32: an affine function of their counters. */
  | { readonly kind: "index"; readonly type: "i32"; readonly access: Affine }
  /** The result of the kernel's accumulator `index`. */
  | { readonly kind: "accumulated"; readonly type: ScalarType; readonly index: number }
  | {
      readonly kind: "instruction";
      readonly type: ScalarType;
      readonly instruction: ScalarInstruction;
      readonly operands: readonly Expression[];
    }
  /** A scalar function of the host, for operations that no instructions are given for. */
  | {
      readonly kind: "call";
      readonly type: ScalarType;
      readonly name: string;
      readonly call: ScalarFunction;
      readonly operands: readonly Expression[];
    };

/** How a fold takes an element in. */
export type Combine = "add" | "mul" | "min" | "max" | "and" | "or";

/** What each way of combining means. */
export const combineScalars: { readonly [C in Combine]: (accumulator: number, element: number) => number } = {
  add: (sum, x) => sum + x,
  mul: (product, x) => product * x,
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
};

/**
 * A fold over the loops of a phase.
 *
 * In which order floats are added is part of what a program means, so that it gives the same bits however it was fused
 * and on however many threads. With one partial result the elements are taken one after the other. With several, the
 * elements of each innermost run go round: element i goes to partial result i modulo their number, and what is left
 * after the last whole round goes to one more, the tail. In the end lane l is the sum of the partials l, l + lanes,
 * l + 2 lanes, ... (four lanes of 32 bits or two of 64), and the lanes are added to the tail one after the other.
 */
export interface Accumulator {
  /** By which number the kernel's expressions refer to its result. */
  readonly index: number;
  readonly type: ScalarType;
  readonly combine: Combine;
  readonly initial: number;
  readonly value: Expression;
  readonly partials: number;
  /** With several partial results: how many of the innermost loops make up one run. */
  readonly run: number;
}

/** A value written once for each point of the loops around it. */
export interface Store {
  readonly buffer: number;
  readonly access: Affine;
  readonly value: Expression;
}

/** One sweep over loops of its own: folds its accumulators over them and stores at every point. */
export interface Phase {
  /** Extents, outermost first; empty for what is done once. */
  readonly loops: readonly number[];
  readonly accumulators: readonly Accumulator[];
  readonly stores: readonly Store[];
}

/**
 * A fused kernel: for each point of the parallel loops, its phases in order. A phase may read what earlier ones
 * accumulated or stored at the same point; points are independent. Accesses take the parallel loops first, then those
 * of the phase.
 */
export interface LoopKernel {
  /** Extents of the parallel loops, outermost first. */
  readonly loops: readonly number[];
  readonly phases: readonly Phase[];
}

/** The expressions that a phase computes. */
export const phaseRoots = ({
  accumulators,
  stores,
}: Pick<Phase, "accumulators" | "stores">): Expression[] => [
  ...accumulators.map(({ value }) => value),
  ...stores.map(({ value }) => value),
];

/** What an expression is computed from. */
export function operandsOf(expression: Expression): readonly Expression[] {
  if (expression.kind === "instruction" || expression.kind === "call") return expression.operands;
  return expression.kind === "load" && expression.shift !== undefined ? [expression.shift.by] : [];
}

/** The expressions below some roots, operands first, each once. */
export function expressionsOf(roots: readonly Expression[]): Expression[] {
  const order = new Set<Expression>();
  const visit = (expression: Expression): void => {
    if (order.has(expression)) return;
    for (const operand of operandsOf(expression)) visit(operand);
    order.add(expression);
  };
  for (const root of roots) visit(root);
  return [...order];
}

const foundInPhases = new WeakMap<Phase, readonly Expression[]>();

/** Every expression of a phase, operands first. Each pass asks for them, so they are looked for once. */
export function phaseExpressions(phase: Phase): readonly Expression[] {
  let found = foundInPhases.get(phase);
  if (found === undefined) foundInPhases.set(phase, (found = expressionsOf(phaseRoots(phase))));
  return found;
}

/** Every expression of a kernel, operands first. */
export const kernelExpressions = ({ phases }: LoopKernel): Expression[] => [
  ...new Set(phases.flatMap(phaseExpressions)),
];

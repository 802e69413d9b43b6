import { type Expression, type LoopKernel, type Phase, phaseRoots } from "@amari/core/backend";
import { applicationOf, computedFor, operandsOf } from "./applications.ts";
import { foldOf } from "./folds.ts";
import { rounded, type Scalar } from "./instructions.ts";
import { type JsKernel, type StoredType, shiftOf, type Views } from "./views.ts";

/** What the closures of a kernel share while it runs. */
interface Frame {
  views: Views;
  addresses: ArrayLike<number>;
  numbers: ArrayLike<number>;
  /** Where each loop is. */
  readonly counters: Int32Array;
  readonly registers: Scalar[];
  readonly accumulated: number[];
}

type Action = () => void;

/**
 * A kernel as closures: one for each expression, run one after the other at every point of the loops. For where code may
 * not be made of strings; some ten times slower than {@link kernelFromSource}, and the meaning of kernels in few lines.
 */
export function kernelFromClosures(kernel: LoopKernel): JsKernel {
  const frame: Frame = {
    views: null as never,
    addresses: [],
    numbers: [],
    counters: new Int32Array(16),
    registers: [],
    accumulated: [],
  };
  const phases = kernel.phases.map((phase) => phaseAction(phase, kernel.loops.length, frame));
  const run = nest(kernel.loops, 0, () => phases.forEach(call), frame);
  return (views, addresses, numbers) => {
    Object.assign(frame, { views, addresses, numbers });
    run();
  };
}

const call = (action: Action): void => action();

/** Runs an action at every point of some loops, whose counters begin at `first`. */
function nest(extents: readonly number[], first: number, body: Action, { counters }: Frame): Action {
  return extents.reduceRight<Action>(
    (inner, extent, loop) => () => {
      for (let i = 0; i < extent; i++) {
        counters[first + loop] = i;
        inner();
      }
    },
    body,
  );
}

function phaseAction({ loops, accumulators, stores }: Phase, outer: number, frame: Frame): Action {
  const { registers, accumulated } = frame;
  const register = new Map<Expression, number>();
  const body = computedFor(phaseRoots({ accumulators, stores })).map((expression): Action => {
    const evaluate = evaluation(expression, register, frame);
    const at = register.size;
    register.set(expression, at);
    return () => {
      registers[at] = evaluate();
    };
  });
  for (const { index, type, combine, value } of accumulators) {
    const [fold, from] = [foldOf(combine, type), register.get(value)!];
    body.push(() => {
      accumulated[index] = fold(accumulated[index]!, registers[from] as number);
    });
  }
  for (const { buffer, access, value } of stores) {
    const [place, from] = [placeOf(access, frame), register.get(value)!];
    const type = value.type as StoredType;
    body.push(() => {
      frame.views[type][(frame.addresses[buffer]! >>> shiftOf[type]) + place()] = registers[from] as number;
    });
  }
  const sweep = nest(loops, outer, () => body.forEach(call), frame);
  return () => {
    for (const { index, initial } of accumulators) accumulated[index] = initial;
    sweep();
    for (const { index, type } of accumulators) accumulated[index] = rounded[type](accumulated[index]!);
  };
}

function placeOf(
  { offset, strides }: { readonly offset: number; readonly strides: readonly number[] },
  { counters }: Frame,
): () => number {
  return () => strides.reduce((at, stride, loop) => at + stride * counters[loop]!, offset);
}

/** How an expression is computed once its operands are in their registers. */
function evaluation(
  expression: Expression,
  register: ReadonlyMap<Expression, number>,
  frame: Frame,
): () => Scalar {
  const { registers, accumulated } = frame;
  switch (expression.kind) {
    case "constant": {
      const value =
        expression.type === "i64" ? BigInt(expression.value) : rounded[expression.type](expression.value);
      return () => value;
    }
    case "scalar": {
      const { index, type } = expression;
      return () => rounded[type](frame.numbers[index]!);
    }
    case "index":
      return placeOf(expression.access, frame);
    case "accumulated":
      return () => accumulated[expression.index]!;
    case "load": {
      const { buffer, access, shift } = expression;
      const type = expression.type as StoredType;
      const place = placeOf(access, frame);
      const load = (further: number) =>
        frame.views[type][(frame.addresses[buffer]! >>> shiftOf[type]) + place() + further]!;
      if (shift === undefined) return () => load(0);
      const by = register.get(shift.by)!;
      return () => load((registers[by] as number) * shift.stride);
    }
    case "instruction":
    case "call": {
      const from = operandsOf(expression).map((operand) => register.get(operand)!);
      const apply = applicationOf(expression) as (...operands: Scalar[]) => Scalar;
      const [x, y, z] = from as [number, number, number];
      if (from.length === 1) return () => apply(registers[x]!);
      if (from.length === 2) return () => apply(registers[x]!, registers[y]!);
      if (from.length === 3) return () => apply(registers[x]!, registers[y]!, registers[z]!);
      return () => apply(...from.map((at) => registers[at]!));
    }
  }
}

import type { Accumulator, Expression } from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";
import { emitInstruction } from "./instructions.ts";
import { type Lanes, laneTypeOf, registerOf, splatBytes } from "./lanes.ts";
import { extractLane } from "./values.ts";

/** The lanes that the order of a fold is defined by. */
export const lanesOfFold = ({ type }: Accumulator): Lanes => (type === "f64" ? 2 : 4);

/** No instruction that combines has a relaxed form. */
const anyTarget = { relaxed: false, revectorised: false };

/** A fold under way, in locals. */
export interface Fold {
  /** Takes one more element, or one for every lane. */
  add(pushElement: () => void): void;
  /** The local that holds the result; nothing is added afterwards. */
  finish(): Local;
}

/** Begins a fold, in every lane. */
export function startFold(f: FunctionBuilder, accumulator: Accumulator, lanes: Lanes): Fold {
  const { type, combine } = accumulator;
  const isFloat = type === "f32" || type === "f64";
  if (lanes > 1 && isFloat && (combine === "min" || combine === "max"))
    return new ExtremeFold(f, accumulator, lanes);
  return new PlainFold(f, accumulator, lanes);
}

/** `result = combine(result, element)`. */
class PlainFold implements Fold {
  private readonly f: FunctionBuilder;
  private readonly accumulator: Accumulator;
  private readonly lanes: Lanes;
  private readonly result: Local;

  constructor(f: FunctionBuilder, accumulator: Accumulator, lanes: Lanes) {
    this.f = f;
    this.accumulator = accumulator;
    this.lanes = lanes;
    this.result = f.local(lanes > 1 ? "v128" : registerOf(accumulator.type));
    pushInitial(f, accumulator, lanes);
    f.set(this.result);
  }

  add(pushElement: () => void): void {
    combine(this.f, this.accumulator, this.result, pushElement, this.lanes);
  }

  finish(): Local {
    return this.result;
  }
}

/**
 * The least or the greatest of floats. The vector instruction that knows of NaN and of signed zeros is ten of the
 * machine's; the one that compares and takes is one. So a fold takes what compares greater, and notes beside it whether
 * there was a NaN and what the signs of all elements have in common, which decides between the zeros at the end.
 */
class ExtremeFold implements Fold {
  private readonly f: FunctionBuilder;
  private readonly isMax: boolean;
  private readonly type: Accumulator["type"];
  private readonly lane: "f32x4" | "f64x2";
  private readonly extreme: Local;
  private readonly unordered: Local;
  private readonly signs: Local;

  constructor(f: FunctionBuilder, { type, initial, combine }: Accumulator, lanes: Lanes) {
    this.f = f;
    this.isMax = combine === "max";
    this.type = type;
    this.lane = laneTypeOf(type, lanes) as "f32x4" | "f64x2";
    [this.extreme, this.unordered, this.signs] = [f.local("v128"), f.local("v128"), f.local("v128")];
    f.v128(splatBytes(initial, type)).tee(this.extreme).set(this.signs);
    f.v128(new Uint8Array(16)).set(this.unordered);
  }

  add(pushElement: () => void): void {
    const { f, lane, isMax } = this;
    const element = f.local("v128");
    f.get(this.extreme);
    pushElement();
    f.tee(element)
      .op(`${lane}.${isMax ? "pmax" : "pmin"}`)
      .set(this.extreme);
    f.get(this.signs)
      .get(element)
      .op(isMax ? "v128.and" : "v128.or")
      .set(this.signs);
    f.get(element).get(element).op(`${lane}.ne`).get(this.unordered).op("v128.or").set(this.unordered);
    f.release(element);
  }

  finish(): Local {
    const { f, lane, type } = this;
    // The greatest is +0 unless all zeros, and so all elements, have a sign; the least is -0 if any element has one.
    f.get(this.signs).v128(splatBytes(-0, type)).op("v128.and").get(this.extreme);
    f.get(this.extreme).v128(splatBytes(0, type)).op(`${lane}.eq`).op("v128.bitselect");
    f.get(this.unordered).op("v128.or").set(this.extreme);
    f.release(this.unordered);
    f.release(this.signs);
    return this.extreme;
  }
}

/** Puts what a fold begins with on the stack, in every lane. */
export function pushInitial(f: FunctionBuilder, { type, initial }: Accumulator, lanes: Lanes): void {
  if (lanes > 1) f.v128(splatBytes(initial, type));
  else if (type === "f32") f.f32(initial);
  else if (type === "f64") f.f64(initial);
  else f.i32(initial);
}

/** `local = combine(local, element)`. */
export function combine(
  f: FunctionBuilder,
  { combine: instruction, type }: Accumulator,
  local: Local,
  pushElement: () => void,
  lanes: Lanes,
): void {
  f.get(local);
  pushElement();
  const operand: Expression = { kind: "constant", type, value: 0 };
  emitInstruction(
    f,
    { kind: "instruction", type, instruction, operands: [operand, operand] },
    lanes,
    anyTarget,
  );
  f.set(local);
}

/**
 * Folds the partial results into the tail, in the order that {@link Accumulator} defines: partials that are as many
 * lanes apart first, then lane by lane. They stand in vectors or, where the kernel has none, in scalars.
 */
export function foldPartials(
  f: FunctionBuilder,
  accumulator: Accumulator,
  partials: readonly Local[],
  tail: Local,
  lanes: Lanes,
): void {
  const apart = lanes > 1 ? 1 : lanesOfFold(accumulator);
  for (let i = apart; i < partials.length; i++)
    combine(f, accumulator, partials[i % apart]!, () => f.get(partials[i]!), lanes);
  for (let lane = 0; lane < lanesOfFold(accumulator); lane++) {
    const pushLane = () => {
      if (lanes > 1) extractLane(f.get(partials[0]!), accumulator.type, lanes, lane);
      else f.get(partials[lane]!);
    };
    combine(f, accumulator, tail, pushLane, 1);
  }
}

import * as amari from "@amari/core";
import { type DType, type Tensor, type TypedArray, tensor } from "@amari/core";
import * as controlFlow from "./control-flow.ts";

/** A value of a program by its number: the inputs come first, then the result of each call. */
export class Reference {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** What a call is given: values of the program, and literals in JavaScript's own terms. */
export type Argument =
  | Reference
  | number
  | string
  | boolean
  | null
  | readonly Argument[]
  | { readonly [option: string]: Argument };

/** A public function applied to arguments. */
export interface Call {
  readonly callee: string;
  readonly args: readonly Argument[];
}

/** Host data that a program starts from. */
export interface Input {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The elements in row-major order, before they are rounded to the dtype. */
  readonly values: readonly number[] | TypedArray;
}

/** A straight line of calls. It holds no tensors, so that it runs on any backend and prints as code. */
export interface RandomProgram {
  readonly inputs: readonly Input[];
  readonly calls: readonly Call[];
  /** The numbers of the values that it returns. */
  readonly outputs: readonly number[];
}

type Callee = (...args: unknown[]) => Tensor;

/** Whether a callee is one of this package, which stands for a use of a transformation. */
export const isLocal = (name: string): boolean => name in controlFlow;

const calleeOf = (name: string): Callee =>
  ((isLocal(name) ? controlFlow : amari) as unknown as Record<string, Callee>)[name]!;

/** Puts values in the place of references. */
function resolve(argument: Argument, values: readonly Tensor[]): unknown {
  if (argument instanceof Reference) return values[argument.value];
  if (Array.isArray(argument)) return (argument as readonly Argument[]).map((item) => resolve(item, values));
  if (typeof argument !== "object" || argument === null) return argument;
  return Object.fromEntries(Object.entries(argument).map(([key, item]) => [key, resolve(item, values)]));
}

/** Builds the value of one call. */
export const applyCall = ({ callee, args }: Call, values: readonly Tensor[]): Tensor =>
  calleeOf(callee)(...args.map((argument) => resolve(argument, values)));

/** The host data of an input as a tensor. */
export const tensorOf = ({ values, shape, dtype }: Input): Tensor =>
  tensor(values, { shape, dtype }) as Tensor;

/**
 * Runs a program on tensors.
 *
 * @param observe - called with every value as it is made, e.g. to realise it
 */
export function evaluate(
  { calls, outputs }: RandomProgram,
  inputs: readonly Tensor[],
  observe: (value: Tensor) => void = () => {},
): Tensor[] {
  const values = [...inputs];
  for (const call of calls) {
    const value = applyCall(call, values);
    observe(value);
    values.push(value);
  }
  return outputs.map((output) => values[output]!);
}

/** The numbers of the values that an argument refers to. */
export function referencesIn(argument: Argument): number[] {
  if (argument instanceof Reference) return [argument.value];
  if (typeof argument !== "object" || argument === null) return [];
  return Object.values(argument).flatMap((item) => referencesIn(item as Argument));
}

/** An argument with other numbers for the values that it refers to. */
export function renumber(argument: Argument, number: (value: number) => number): Argument {
  if (argument instanceof Reference) return new Reference(number(argument.value));
  if (Array.isArray(argument)) return (argument as readonly Argument[]).map((item) => renumber(item, number));
  if (typeof argument !== "object" || argument === null) return argument;
  return Object.fromEntries(Object.entries(argument).map(([key, item]) => [key, renumber(item, number)]));
}

/** The program without the inputs and calls that no output depends on. */
export function withoutDeadCode({ inputs, calls, outputs }: RandomProgram): RandomProgram {
  const live = new Set(outputs);
  for (let i = calls.length - 1; i >= 0; i--) {
    if (!live.has(inputs.length + i)) continue;
    for (const value of calls[i]!.args.flatMap(referencesIn)) live.add(value);
  }
  const numbers = new Map([...live].sort((a, b) => a - b).map((value, i) => [value, i]));
  const number = (value: number): number => numbers.get(value)!;
  return {
    inputs: inputs.filter((_, i) => live.has(i)),
    calls: calls
      .filter((_, i) => live.has(inputs.length + i))
      .map(({ callee, args }) => ({ callee, args: args.map((argument) => renumber(argument, number)) })),
    outputs: outputs.map(number),
  };
}

import { AmariError, type Tensor } from "@amari/core";
import { type Argument, applyCall, type Call, Reference } from "./random-program.ts";

/** Choices are numbers below this. */
export const choiceRange = 256;

/** A value of the program that is being made: its number, and a tensor that is never computed. */
export interface Value {
  readonly reference: Reference;
  readonly tensor: Tensor;
}

/**
 * A program while it is made of arbitrary numbers: each choice takes the next number modulo how many ways there are, so
 * that any numbers make a valid program and smaller numbers a simpler one. Types come from building the calls, not from
 * rules of its own.
 */
export class Draw {
  readonly values: Value[];
  readonly calls: Call[] = [];
  private readonly mostElements: number;
  private choices: readonly number[] = [];
  private next = 0;

  /** @param mostElements no value of the program has more */
  constructor(inputs: readonly Tensor[], mostElements: number) {
    this.mostElements = mostElements;
    this.values = inputs.map((tensor, i) => ({ reference: new Reference(i), tensor }));
  }

  /** Sets the numbers that the choices to come are made by; after the last one all are 0. */
  choose(choices: readonly number[]): void {
    this.choices = choices;
    this.next = 0;
  }

  /** A number from 0 to `ways - 1`. */
  below(ways: number): number {
    const choice = this.choices[this.next++] ?? 0;
    return ways <= 0 ? 0 : choice % ways;
  }

  /** One of a list, or undefined for an empty one. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  /** One of the values that a condition holds for, the latest first and the likeliest, so that programs grow deep. */
  value(condition: (tensor: Tensor) => boolean = () => true): Value | undefined {
    const fitting = this.values.filter(({ tensor }) => condition(tensor));
    const back = Math.floor((this.below(choiceRange) / choiceRange) ** 2 * fitting.length);
    return fitting.at(-1 - back);
  }

  /** Some of the numbers below `count`. */
  subset(count: number): number[] {
    const bits = this.below(2 ** count);
    return Array.from({ length: count }, (_, i) => i).filter((i) => ((bits >> i) & 1) === 1);
  }

  /** An order of the numbers below `count`. */
  permutation(count: number): number[] {
    const rest = Array.from({ length: count }, (_, i) => i);
    return Array.from({ length: count }, () => rest.splice(this.below(rest.length), 1)[0]!);
  }

  /** Adds a call; undefined where the operation does not take such arguments, or its result is too large. */
  emit(callee: string, ...args: Argument[]): Value | undefined {
    const call = { callee, args };
    let tensor: Tensor;
    try {
      tensor = applyCall(
        call,
        this.values.map((value) => value.tensor),
      );
    } catch (error) {
      if (error instanceof AmariError) return undefined;
      throw error;
    }
    if (tensor.size > this.mostElements) return undefined;
    const value = { reference: new Reference(this.values.length), tensor };
    this.values.push(value);
    this.calls.push(call);
    return value;
  }
}

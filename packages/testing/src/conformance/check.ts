import type { DType, Tensor, TypedArray } from "@amari/core";
import type { Input } from "../fuzz/random-program.ts";
import type { TensorFunction } from "../fuzz/variants.ts";

/** One thing that a backend is asked to compute. */
export interface Check {
  /** The operation or kind of program whose account it goes to. */
  readonly operation: string;
  /** What is done with it and on what, for the report. */
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly f: TensorFunction;
  /** The same function, which stores values on the way: that may change no bit. */
  readonly cut?: TensorFunction | undefined;
  readonly bound: Bound;
}

/**
 * How far results may be from the reference:
 *
 * - `ulp`: an operation by itself, by its stated error against its float64 definition rounded once; an elementwise one at
 *   each element, any other by its error in units of the largest magnitude among operands and results, since it may cancel.
 * - `exact`: what is known in closed form, by nothing; the reference has no part in it.
 * - `spread`: a program, by four times the spread of reference runs with each operation perturbed by its stated error.
 */
export type Bound =
  | {
      readonly kind: "ulp";
      readonly ulp: number;
      readonly elementwise: boolean;
      /** Whether it expands into other operations, whose roundings its error counts in every dtype. Default false. */
      readonly composite?: boolean;
    }
  /** For the dtype of the result its elements. */
  | { readonly kind: "exact"; readonly expected: (dtype: DType) => TypedArray }
  | { readonly kind: "spread" };

/** A check whose data is made when it is run: most are passed over where only a sample is wanted. */
export function deferred(
  check: Omit<Check, "inputs" | "f" | "cut">,
  make: () => Pick<Check, "inputs" | "f" | "cut">,
): Check {
  let made: Pick<Check, "inputs" | "f" | "cut"> | undefined;
  const data = () => (made ??= make());
  return {
    ...check,
    get inputs() {
      return data().inputs;
    },
    get f() {
      return data().f;
    },
    get cut() {
      return data().cut;
    },
  };
}

/** What came of a check. */
export type Outcome =
  | {
      readonly kind: "passed";
      readonly elements: number;
      /** Elements that say nothing: a comparison or a sort went another way under perturbation. */
      readonly discarded: number;
      /** The largest error in units in the last place; 0 where the bound is no `ulp`. */
      readonly worstUlp: number;
      /** The largest error as a share of the bound. */
      readonly worst: number;
    }
  /** The backend says, by a typed error, that it cannot. */
  | { readonly kind: "unsupported"; readonly reason: string }
  /** The reference declines it too: there is nothing to compare. */
  | { readonly kind: "declined"; readonly reason: string }
  | { readonly kind: "failed"; readonly message: string };

/** Host data of tensors that were sampled, with another dtype for its float64. */
export const inputsOf = (operands: readonly Tensor[], float: DType): Input[] =>
  operands.map((x) => ({
    shape: x.shape,
    dtype: x.dtype === "float64" ? float : x.dtype,
    values: Array.from(x.dataSync()),
  }));

/** `float32[2, 3], int32[4]`. */
export const showTypes = (inputs: readonly Input[]): string =>
  inputs.map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`).join(", ");

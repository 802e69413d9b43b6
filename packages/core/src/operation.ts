import type { Combine, Expression, ScalarFunction } from "./compile/kernel.ts";
import type { KernelBuilder } from "./compile/kernel-builder.ts";
import type { DType, TypedArray } from "./dtype.ts";
import type { Shape } from "./shape-types.ts";

/** What is known of a tensor before it has a value. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A dense, row-major array: what a routine reads and writes. */
export interface DenseArray extends TensorType {
  readonly data: TypedArray;
}

/** A strided window on an array, in elements: what a view maps to another one without moving an element. */
export interface StridedView {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

export type { ScalarFunction };

/** Writes an elementwise operation as kernel instructions; null for types that it does not cover. */
export type Lowering = (k: KernelBuilder, ...operands: Expression[]) => Expression | null;

/**
 * What an operation computes, in a form that an interpreter can run and a compiler can lower. There are few kinds and
 * many operations: a backend switches over the kinds and never over the operations.
 */
export type Kernel =
  /** One scalar function at every place; all operands have the shape of the result. */
  | {
      readonly kind: "elementwise";
      readonly scalar: (attributes: never, dtype: DType) => ScalarFunction;
      /** The same in kernel instructions; without it, or where it gives null, a backend calls `scalar`. */
      readonly lower?: (attributes: never) => Lowering;
    }
  /** A fold over the axes `attributes.axes`, in row-major order, in float64 for floats. */
  | {
      readonly kind: "reduce";
      readonly initial: (dtype: DType) => number;
      readonly combine: Combine;
    }
  /** The same elements under other indices; `null` where strides cannot express it and a dense copy must come first. */
  | {
      readonly kind: "view";
      readonly view: (input: StridedView, attributes: never, shape: Shape) => StridedView | null;
    }
  /** The index along axis `attributes.axis`. */
  | { readonly kind: "iota" }
  /**
   * `result[.., k, ..] = x[.., indices[.., k, ..], ..]` along axis `attributes.axis`; negative indices count from the
   * end, and out of range the result is NaN, or 0 where the dtype has none.
   */
  | { readonly kind: "gather" }
  /** Each operand fills a window of the result; the windows do not overlap. */
  | {
      readonly kind: "assemble";
      readonly assembly: (inputs: readonly Shape[], attributes: never, shape: Shape) => Assembly;
    }
  /** `[...batch, m, k] x [...batch, k, n] -> [...batch, m, n]`. */
  | { readonly kind: "dot" }
  /** `[N, C, ...n] x [O, C / groups, ...k] -> [N, O, ...m]`: attributes are {@link Geometry}, `run` is the meaning. */
  | { readonly kind: "convolution"; readonly run: WholeArrays }
  /** A whole-array algorithm that does not fuse; this is its reference implementation. */
  | { readonly kind: "routine"; readonly run: WholeArrays }
  /** An operation that runs whole programs, its step's bodies. */
  | { readonly kind: "control"; readonly form: ControlForm }
  /** The scalar `attributes.value`, handed to the program at run time so that it is in no structural key. */
  | { readonly kind: "constant" }
  /** Host data: always stored, never computed. */
  | { readonly kind: "data" }
  /** The input itself. */
  | { readonly kind: "alias" }
  /** Output `attributes.index` of an operation with several outputs. */
  | { readonly kind: "pick" }
  /** An argument of a traced function; never computed. */
  | { readonly kind: "placeholder" };

/** How a result is put together of its operands. */
export interface Assembly {
  /** What stands where no window is; null where they fill the result. */
  readonly fill: number | null;
  /** For each operand its window on the dense result. */
  readonly windows: readonly StridedView[];
}

/** Computes whole dense arrays from others. */
export type WholeArrays = (
  inputs: readonly DenseArray[],
  attributes: never,
  outputs: readonly DenseArray[],
) => void;

/** How a convolution's kernel slides over its input; each list has an entry for every spatial axis. */
export interface Geometry {
  readonly strides: readonly number[];
  /** Zeros before and after the (dilated) input; negative where elements are cut off. */
  readonly padding: readonly (readonly [before: number, after: number])[];
  /** How far apart the elements of the input stand. */
  readonly inputDilation: readonly number[];
  /** How far apart the elements of the kernel stand. */
  readonly kernelDilation: readonly number[];
  /** Into how many parts the channels are split that do not mix. */
  readonly groups: number;
}

/**
 * How an operation runs its bodies:
 *
 * - `scan`: the body, from constants, carries and slices of the sequences to carries and slices of the stacked results,
 *   once for each slice along the first axis; attributes are {@link LoopAttributes}.
 * - `while`: two bodies, a condition and a loop's body, both from constants and carries, to a bool and to the next
 *   carries; attributes are {@link WhileAttributes}.
 * - `cond`: the first operand is a bool; the first body runs on the other operands where it holds, else the second.
 */
export type ControlForm = "scan" | "while" | "cond";

/** A while loop's operands are constants and first carries in order. */
export interface WhileAttributes {
  readonly constants: number;
}

/** What a scan's body takes and how often it runs; its operands are constants, first carries and sequences in order. */
export interface LoopAttributes {
  readonly constants: number;
  readonly carries: number;
  readonly length: number;
  /** Whether it runs from the last slice to the first. */
  readonly reverse: boolean;
}

/** What evaluation needs of an operation. The rules for differentiation and batching are in `define/primitive.ts`. */
export interface Operation {
  readonly name: string;
  readonly kernel: Kernel;
  /**
   * A value that is the same bit for bit and cheaper, or null where there is none: an operand, or another term on them.
   * NaN, infinities and the sign of zero count: `x * 1` is x, `x + 0` is not (for x = -0).
   */
  readonly simplify?: Simplification;
  /** Whether the compiler must neither look through this operation nor compute equal uses of it once. */
  readonly opaque?: boolean;
}

/** A value of a program as simplifications see it: an operation on terms, or something that the program is given. */
export interface Term extends TensorType {
  /** `null` for what is given. */
  readonly operation: Operation | null;
  readonly attributes: unknown;
  readonly operands: readonly Term[];
  /** The number that stands at every place, where it is known at compile time; numbers of the caller are not. */
  readonly constant: number | null;
}

/** A rewriting rule of an operation; it is given terms of that operation. */
export type Simplification = (term: Term) => Term | null;

/** Whether a kernel computes the elements of one array, or is one of several: what is worth storing. A view is not. */
export const computesArray = ({ kind }: Kernel): boolean =>
  kind === "elementwise" ||
  kind === "gather" ||
  kind === "reduce" ||
  kind === "assemble" ||
  kind === "dot" ||
  kind === "convolution" ||
  kind === "routine" ||
  kind === "pick";

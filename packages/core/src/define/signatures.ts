import type { DType } from "../dtype.ts";
import type {
  Axes,
  AxisCheck,
  Broadcast,
  BroadcastCheck,
  BroadcastTo,
  BroadcastToCheck,
  Concat,
  ConcatCheck,
  Conv,
  ConvCheck,
  Einsum,
  EinsumCheck,
  ExpandDims,
  MatMul,
  MatMulCheck,
  MatrixTranspose,
  MoveAxis,
  NewAxisCheck,
  OneHot,
  Pad,
  PadCheck,
  Permute,
  PermuteCheck,
  Pool,
  Reduce,
  Reshape,
  ReshapeCheck,
  Shape,
  ShapesOf,
  Slice,
  SliceCheck,
  Squeeze,
  SqueezeCheck,
  Stack,
  StackCheck,
  Take,
  Transpose,
} from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import type { Defined } from "./definition.ts";

// The types of the public functions and methods, shared by operations of one form. A method infers the shape through
// `this`; if it mentioned the class's own parameter, `Tensor<[2, 3]>` would not be assignable to `Tensor`.

/** A number or boolean beside a tensor: weakly typed, it takes the tensor's dtype. */
export type Weak = number | boolean;

type UnaryFunction = <S extends Shape = []>(x: Tensor<S> | Weak) => Tensor<S>;
export type UnaryMethod = <S extends Shape>(this: Tensor<S>) => Tensor<S>;
/** An elementwise operation of one operand. */
export type Unary = Defined<UnaryFunction, UnaryMethod>;

type BinaryFunction = <A extends Shape = [], B extends Shape = []>(
  x: Tensor<A> | Weak,
  y: (Tensor<B> & BroadcastCheck<A, B>) | Weak,
) => Tensor<Broadcast<A, B>>;
export type BinaryMethod = <A extends Shape, B extends Shape = []>(
  this: Tensor<A>,
  other: (Tensor<B> & BroadcastCheck<A, B>) | Weak,
) => Tensor<Broadcast<A, B>>;
/** An elementwise operation of two operands, with broadcasting. */
export type Binary = Defined<BinaryFunction, BinaryMethod>;

export type WhereFunction = <C extends Shape = [], A extends Shape = [], B extends Shape = []>(
  condition: Tensor<C> | boolean,
  x: (Tensor<A> & BroadcastCheck<C, A>) | Weak,
  y: (Tensor<B> & BroadcastCheck<Broadcast<C, A>, B>) | Weak,
) => Tensor<Broadcast<Broadcast<C, A>, B>>;
export type WhereMethod = <C extends Shape, A extends Shape = [], B extends Shape = []>(
  this: Tensor<C>,
  x: (Tensor<A> & BroadcastCheck<C, A>) | Weak,
  y: (Tensor<B> & BroadcastCheck<Broadcast<C, A>, B>) | Weak,
) => Tensor<Broadcast<Broadcast<C, A>, B>>;

export type AsTypeFunction = <S extends Shape>(x: Tensor<S>, dtype: DType) => Tensor<S>;
export type AsTypeMethod = <S extends Shape>(this: Tensor<S>, dtype: DType) => Tensor<S>;

/** Options of reductions. */
export interface ReductionOptions<KeepDims extends boolean = boolean> {
  /** Leaves the reduced axes with size 1. Default false. */
  readonly keepDims?: KeepDims;
}

type ReductionFunction = <
  S extends Shape,
  const A extends Axes = undefined,
  KeepDims extends boolean = false,
>(
  x: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
  options?: ReductionOptions<KeepDims>,
) => Tensor<Reduce<S, A, KeepDims>>;
export type ReductionMethod = <
  S extends Shape,
  const A extends Axes = undefined,
  KeepDims extends boolean = false,
>(
  this: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
  options?: ReductionOptions<KeepDims>,
) => Tensor<Reduce<S, A, KeepDims>>;
/** A reduction over one axis, several, or all of them. */
export type Reduction = Defined<ReductionFunction, ReductionMethod>;

type ArgReductionFunction = <S extends Shape, const A extends number | undefined = undefined>(
  x: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<Reduce<S, A>>;
type ArgReductionMethod = <S extends Shape, const A extends number | undefined = undefined>(
  this: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<Reduce<S, A>>;
/** A search along one axis, or through all elements. */
export type ArgReduction = Defined<ArgReductionFunction, ArgReductionMethod>;

export type AlongAxisFunction = <S extends Shape, const A extends number = -1>(
  x: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<S>;
export type AlongAxisMethod = <S extends Shape, const A extends number = -1>(
  this: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<S>;
/** An operation along one axis that keeps the shape. */
export type AlongAxis = Defined<AlongAxisFunction, AlongAxisMethod>;

/** Options of cumulative operations. */
export interface CumulativeOptions {
  /** Starts at the last element instead of the first. Default false. */
  readonly reverse?: boolean;
}
export type CumulativeFunction = <S extends Shape, const A extends number = -1>(
  x: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
  options?: CumulativeOptions,
) => Tensor<S>;
export type CumulativeMethod = <S extends Shape, const A extends number = -1>(
  this: Tensor<S>,
  axis?: A & AxisCheck<S, A>,
  options?: CumulativeOptions,
) => Tensor<S>;

export type ClipFunction = <S extends Shape>(
  x: Tensor<S>,
  low: Tensor | number | null,
  high: Tensor | number | null,
) => Tensor<S>;
export type ClipMethod = <S extends Shape>(
  this: Tensor<S>,
  low: Tensor | number | null,
  high: Tensor | number | null,
) => Tensor<S>;

export type ReshapeFunction = <S extends Shape, const T extends Shape>(
  x: Tensor<S>,
  shape: T & ReshapeCheck<S, T>,
) => Tensor<Reshape<S, T>>;
export type ReshapeMethod = <S extends Shape, const T extends Shape>(
  this: Tensor<S>,
  shape: T & ReshapeCheck<S, T>,
) => Tensor<Reshape<S, T>>;

export type PermuteFunction = <S extends Shape, const P extends Shape>(
  x: Tensor<S>,
  axes: P & PermuteCheck<S, P>,
) => Tensor<Permute<S, P>>;
export type PermuteMethod = <S extends Shape, const P extends Shape>(
  this: Tensor<S>,
  axes: P & PermuteCheck<S, P>,
) => Tensor<Permute<S, P>>;

export type TransposeFunction = <S extends Shape>(x: Tensor<S>) => Tensor<Transpose<S>>;
export type TransposeMethod = <S extends Shape>(this: Tensor<S>) => Tensor<Transpose<S>>;

export type MatrixTransposeFunction = <S extends Shape>(x: Tensor<S>) => Tensor<MatrixTranspose<S>>;
export type MatrixTransposeMethod = <S extends Shape>(this: Tensor<S>) => Tensor<MatrixTranspose<S>>;

export type MoveAxisFunction = <S extends Shape, const From extends number, const To extends number>(
  x: Tensor<S>,
  from: From & AxisCheck<S, From>,
  to: To & AxisCheck<S, To>,
) => Tensor<MoveAxis<S, From, To>>;
export type MoveAxisMethod = <S extends Shape, const From extends number, const To extends number>(
  this: Tensor<S>,
  from: From & AxisCheck<S, From>,
  to: To & AxisCheck<S, To>,
) => Tensor<MoveAxis<S, From, To>>;

export type BroadcastToFunction = <S extends Shape, const T extends Shape>(
  x: Tensor<S>,
  shape: T & BroadcastToCheck<S, T>,
) => Tensor<BroadcastTo<T>>;
export type BroadcastToMethod = <S extends Shape, const T extends Shape>(
  this: Tensor<S>,
  shape: T & BroadcastToCheck<S, T>,
) => Tensor<BroadcastTo<T>>;

export type ExpandDimsFunction = <S extends Shape, const A extends number>(
  x: Tensor<S>,
  axis: A & NewAxisCheck<S, A>,
) => Tensor<ExpandDims<S, A>>;
export type ExpandDimsMethod = <S extends Shape, const A extends number>(
  this: Tensor<S>,
  axis: A & NewAxisCheck<S, A>,
) => Tensor<ExpandDims<S, A>>;

export type SqueezeFunction = <S extends Shape, const A extends Axes = undefined>(
  x: Tensor<S>,
  axis?: A & SqueezeCheck<S, A>,
) => Tensor<Squeeze<S, A>>;
export type SqueezeMethod = <S extends Shape, const A extends Axes = undefined>(
  this: Tensor<S>,
  axis?: A & SqueezeCheck<S, A>,
) => Tensor<Squeeze<S, A>>;

/** What is taken along one axis: an index, `[start, end]`, `[start, end, step]`, or null for all. */
export type SliceEntry = number | readonly [start: number, end: number, step?: number] | null;
export type SliceFunction = <S extends Shape, const Entries extends readonly SliceEntry[]>(
  x: Tensor<S> & SliceCheck<S, Entries>,
  ...entries: Entries
) => Tensor<Slice<S, Entries>>;
export type SliceMethod = <S extends Shape, const Entries extends readonly SliceEntry[]>(
  this: Tensor<S> & SliceCheck<S, Entries>,
  ...entries: Entries
) => Tensor<Slice<S, Entries>>;

export type FlipFunction = <S extends Shape>(x: Tensor<S>, axes?: number | readonly number[]) => Tensor<S>;
export type FlipMethod = <S extends Shape>(this: Tensor<S>, axes?: number | readonly number[]) => Tensor<S>;

/** How many elements come before and after along one axis. */
export type PadWidth = readonly [before: number, after: number];
export type PadFunction = <S extends Shape, const Widths extends readonly PadWidth[]>(
  x: Tensor<S>,
  widths: Widths & PadCheck<S, Widths>,
  value?: number,
) => Tensor<Pad<S, Widths>>;
export type PadMethod = <S extends Shape, const Widths extends readonly PadWidth[]>(
  this: Tensor<S>,
  widths: Widths & PadCheck<S, Widths>,
  value?: number,
) => Tensor<Pad<S, Widths>>;

/**
 * Zeros around the spatial axes: none ("valid"), as many as `ceil(n / stride)` places need ("same"), the same number on
 * all sides, or before and after each axis.
 */
export type SpatialPadding = "same" | "valid" | number | readonly PadWidth[];

/** Options of convolutions; a number stands for all spatial axes. */
export interface ConvOptions {
  /** How far the window moves from place to place. Default 1. */
  readonly strides?: number | readonly number[];
  /** Default "valid". */
  readonly padding?: SpatialPadding;
  /** How far apart the elements of the kernel stand. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Into how many parts the channels are split that do not mix; as many as channels is a depthwise convolution. Default 1. */
  readonly groups?: number;
}
/** Options that are left out. */
type None = Record<never, never>;
export type ConvFunction = <S extends Shape, K extends Shape, const O extends ConvOptions = None>(
  x: Tensor<S>,
  kernel: Tensor<K> & ConvCheck<S, K, O>,
  options?: O,
) => Tensor<Conv<S, K, O>>;
export type ConvMethod = <S extends Shape, K extends Shape, const O extends ConvOptions = None>(
  this: Tensor<S>,
  kernel: Tensor<K> & ConvCheck<S, K, O>,
  options?: O,
) => Tensor<Conv<S, K, O>>;

/** Options of transposed convolutions: those of the convolution that it is the adjoint of. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Elements more at the end, less than the stride; not used with padding "same". Default 0. */
  readonly outputPadding?: number | readonly number[];
}
export type ConvTransposeFunction = (x: Tensor, kernel: Tensor, options?: ConvTransposeOptions) => Tensor;
export type ConvTransposeMethod = (this: Tensor, kernel: Tensor, options?: ConvTransposeOptions) => Tensor;

/** Options of poolings; a number stands for all spatial axes. */
export interface PoolOptions {
  /** How far the window moves from place to place. Default: the window. */
  readonly strides?: number | readonly number[];
  /** Default "valid". */
  readonly padding?: SpatialPadding;
}
type Window = number | readonly number[];
export type PoolFunction = <S extends Shape, const W extends Window, const O extends PoolOptions = None>(
  x: Tensor<S>,
  window: W,
  options?: O,
) => Tensor<Pool<S, W, O>>;
export type PoolMethod = <S extends Shape, const W extends Window, const O extends PoolOptions = None>(
  this: Tensor<S>,
  window: W,
  options?: O,
) => Tensor<Pool<S, W, O>>;

/** Options of average pooling. */
export interface AveragePoolOptions extends PoolOptions {
  /** Whether zeros of padding count as elements of a window. Default true. */
  readonly countIncludePadding?: boolean;
}
export type AveragePoolFunction = <
  S extends Shape,
  const W extends Window,
  const O extends AveragePoolOptions = None,
>(
  x: Tensor<S>,
  window: W,
  options?: O,
) => Tensor<Pool<S, W, O>>;
export type AveragePoolMethod = <
  S extends Shape,
  const W extends Window,
  const O extends AveragePoolOptions = None,
>(
  this: Tensor<S>,
  window: W,
  options?: O,
) => Tensor<Pool<S, W, O>>;

export type EinsumFunction = <const Subscripts extends string, const Operands extends readonly Tensor[]>(
  subscripts: Subscripts & EinsumCheck<Subscripts, ShapesOf<Operands>>,
  ...operands: Operands
) => Tensor<Einsum<Subscripts, ShapesOf<Operands>>>;

export type MatMulFunction = <A extends Shape, B extends Shape>(
  a: Tensor<A>,
  b: Tensor<B> & MatMulCheck<A, B>,
) => Tensor<MatMul<A, B>>;
export type MatMulMethod = <A extends Shape, B extends Shape>(
  this: Tensor<A>,
  other: Tensor<B> & MatMulCheck<A, B>,
) => Tensor<MatMul<A, B>>;

export type ConcatFunction = <const List extends readonly Tensor[], const A extends number = 0>(
  tensors: List & ConcatCheck<ShapesOf<List>, A>,
  axis?: A,
) => Tensor<Concat<ShapesOf<List>, A>>;
export type StackFunction = <const List extends readonly Tensor[], const A extends number = 0>(
  tensors: List & StackCheck<ShapesOf<List>, A>,
  axis?: A,
) => Tensor<Stack<ShapesOf<List>, A>>;

export type TakeFunction = <S extends Shape, I extends Shape, const A extends number = 0>(
  x: Tensor<S>,
  indices: Tensor<I>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<Take<S, I, A>>;
export type TakeMethod = <S extends Shape, I extends Shape, const A extends number = 0>(
  this: Tensor<S>,
  indices: Tensor<I>,
  axis?: A & AxisCheck<S, A>,
) => Tensor<Take<S, I, A>>;

/** Which dtype the result has. */
export interface ResultOption {
  readonly dtype?: DType;
}
export type OneHotFunction = <S extends Shape, N extends number>(
  indices: Tensor<S>,
  classes: N,
  options?: ResultOption,
) => Tensor<OneHot<S, N>>;
export type OneHotMethod = <S extends Shape, N extends number>(
  this: Tensor<S>,
  classes: N,
  options?: ResultOption,
) => Tensor<OneHot<S, N>>;

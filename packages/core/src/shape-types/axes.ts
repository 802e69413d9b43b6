import type { SameDim } from "./broadcasting.ts";
import type {
  AllLiteral,
  Axes,
  Axis,
  Display,
  IsLiteral,
  IsRanked,
  Pair,
  Resolved,
  Shape,
  ShapeMismatch,
} from "./known.ts";

// Operations that name axes.

type IsLiteralAxes<A> = [A] extends [Shape] ? AllLiteral<A> : IsLiteral<A>;

/** Both the rank and the axes are known, so that the result can be worked out. */
type CanPlace<S extends Shape, A> = [IsRanked<S>, IsLiteralAxes<A>] extends [true, true] ? true : false;

export type AxesText<A> = `${(A extends Shape ? A[number] : A) & number}`;

/** Replaces every axis named in `At` (as text, `"0"` or `"-1"`) by the dimensions `By`. */
export type Splice<
  S extends Shape,
  At extends string,
  By extends Shape,
  Done extends Shape = [],
  Passed extends 0[] = [],
> = S extends readonly [infer Head extends number, ...infer Tail extends Shape]
  ? [At & (`${Passed["length"]}` | `-${S["length"]}`)] extends [never]
    ? Splice<Tail, At, By, [...Done, Head], [...Passed, 0]>
    : Splice<Tail, At, By, [...Done, ...By], [...Passed, 0]>
  : Done;

/** Puts the dimension `D` before axis `At` of the result. */
type Insert<S extends Shape, D extends number, At extends string, Passed extends Shape = []> = [
  At & (`${Passed["length"]}` | `-${[...S, 0]["length"]}`),
] extends [never]
  ? S extends readonly [infer Head extends number, ...infer Tail extends Shape]
    ? Insert<Tail, D, At, [...Passed, Head]>
    : Shape
  : [...Passed, D, ...S];

/** The valid axes of a rank as text, each with its position: `{ "0": "0"; "-1": "0" }` for rank 1. */
type Positions<S extends Shape, Passed extends 0[] = [], Done = unknown> = S extends readonly [
  unknown,
  ...infer Tail extends Shape,
]
  ? Positions<
      Tail,
      [...Passed, 0],
      Done & Record<`${Passed["length"]}` | `-${S["length"]}`, `${Passed["length"]}`>
    >
  : Done;

/** `unknown` where every axis exists, else an error: `axis 2 is out of range for [2, 3]`. `Slots` counts the axes of the result, where it differs. */
export type AxisCheck<S extends Shape, A extends Axes, Slots extends Shape = S> = [A] extends [undefined]
  ? unknown
  : Resolved<
      S,
      CanPlace<S, A> extends true
        ? [Exclude<AxesText<A>, keyof Positions<Slots>>] extends [never]
          ? unknown
          : ShapeMismatch<`axis ${Exclude<AxesText<A>, keyof Positions<Slots> & string>} is out of range for ${Display<S>}`>
        : unknown
    >;

/** `AxisCheck` for operations that add an axis (`expandDims`, `stack`): one more position than the rank. */
export type NewAxisCheck<S extends Shape, A extends Axes> = AxisCheck<S, A, readonly [...S, 0]>;

/** The shape after a reduction: `Reduce<[2, 3, 4], -1, false>` is `[2, 3]`, with `keepDims` `[2, 3, 1]`; no axis means all of them. */
export type Reduce<
  S extends Shape,
  A extends Axes,
  KeepDims extends boolean = false,
> = boolean extends KeepDims
  ? Shape
  : [A] extends [undefined]
    ? KeepDims extends true
      ? IsRanked<S> extends true
        ? { -readonly [I in keyof S]: 1 }
        : Shape
      : []
    : CanPlace<S, A> extends true
      ? Splice<S, AxesText<A>, KeepDims extends true ? [1] : []>
      : Shape;

/** A new axis of length 1: `ExpandDims<[2, 3], -1>` is `[2, 3, 1]`. */
export type ExpandDims<S extends Shape, A extends Axis> =
  CanPlace<S, A> extends true ? Insert<S, 1, AxesText<A>> : Shape;

/** Drops axes of length 1, all of them where none is named: `Squeeze<[1, 3, 1], undefined>` is `[3]`. */
export type Squeeze<S extends Shape, A extends Axes> = [A] extends [undefined]
  ? AllLiteral<S> extends true
    ? WithoutOnes<S>
    : Shape
  : Reduce<S, A>;

type WithoutOnes<S extends Shape> = S extends readonly [
  infer Head extends number,
  ...infer Tail extends Shape,
]
  ? [...(Head extends 1 ? [] : [Head]), ...WithoutOnes<Tail>]
  : [];

type AreOnes<S extends Shape> = { [I in keyof S]: SameDim<S[I], 1> }[number];

/** Fails when an axis does not exist or is longer than 1: `cannot squeeze [2, 3]: axis 0 is longer than 1`. */
export type SqueezeCheck<S extends Shape, A extends Axes> =
  AxisCheck<S, A> extends infer Failed extends ShapeMismatch<string>
    ? Failed
    : [A] extends [undefined]
      ? unknown
      : Resolved<
          S,
          CanPlace<S, A> extends true
            ? false extends AreOnes<DimsAt<S, A extends Shape ? A : [A & number]>>
              ? ShapeMismatch<`cannot squeeze ${Display<S>}: axis ${AxesText<A>} is longer than 1`>
              : unknown
            : unknown
        >;

/** The dimensions at the given axes, in their order. */
type DimsAt<S extends Shape, P extends Shape> = { -readonly [I in keyof P]: DimAt<S, P[I]> };

type DimAt<S extends Shape, A> = `${A & number}` extends infer Key extends keyof Positions<S>
  ? S[Positions<S>[Key] & keyof S] & number
  : number;

/** Axes in a new order: `Permute<[2, 3, 4], [2, 0, 1]>` is `[4, 2, 3]`. */
export type Permute<S extends Shape, P extends Shape> = CanPlace<S, P> extends true ? DimsAt<S, P> : Shape;

/** Fails unless `P` names every axis once: `cannot permute [2, 3] by [0, 0]: each axis must appear once`. */
export type PermuteCheck<S extends Shape, P extends Shape> = Resolved<
  S,
  CanPlace<S, P> extends true
    ? Pair<S["length"], keyof S & `${number}`> extends Pair<
        P["length"],
        Positions<S>[AxesText<P> & keyof Positions<S>]
      >
      ? unknown
      : ShapeMismatch<`cannot permute ${Display<S>} by ${Display<P>}: each axis must appear once`>
    : unknown
>;

/** All axes reversed, as NumPy's `.T`: `Transpose<[2, 3, 4]>` is `[4, 3, 2]`. */
export type Transpose<S extends Shape> = IsRanked<S> extends true ? Reversed<S> : Shape;

type Reversed<S extends Shape> = S extends readonly [infer Head extends number, ...infer Tail extends Shape]
  ? [...Reversed<Tail>, Head]
  : [];

/** The last two axes swapped: `MatrixTranspose<[5, 2, 3]>` is `[5, 3, 2]`. */
export type MatrixTranspose<S extends Shape> =
  IsRanked<S> extends true
    ? S extends readonly [...infer Batch extends Shape, infer M extends number, infer N extends number]
      ? [...Batch, N, M]
      : Shape
    : Shape;

/** Indices of shape `I` replace the axis: `Take<[10, 4], [2, 3], 0>` is `[2, 3, 4]`. */
export type Take<S extends Shape, I extends Shape, A extends Axis> = [CanPlace<S, A>, IsRanked<I>] extends [
  true,
  true,
]
  ? Splice<S, AxesText<A>, I>
  : Shape;

/** A last axis of `N` classes: `OneHot<[150], 3>` is `[150, 3]`. */
export type OneHot<S extends Shape, N extends number> = IsRanked<S> extends true ? [...S, N] : Shape;

/** A new leading axis, as `vmap` adds: `Prepend<5, [2, 3]>` is `[5, 2, 3]`. */
export type Prepend<N extends number, S extends Shape> = IsRanked<S> extends true ? [N, ...S] : Shape;

/** A new axis of length `N` anywhere, as `vmap`'s axes need: `InsertAxis<[2, 3], 5, -1>` is `[2, 3, 5]`. */
export type InsertAxis<S extends Shape, N extends number, A extends Axis> =
  CanPlace<S, A> extends true ? Insert<S, N, AxesText<A>> : Shape;

/** One axis moved to another place: `MoveAxis<[2, 3, 4], 0, -1>` is `[3, 4, 2]`. */
export type MoveAxis<S extends Shape, From extends Axis, To extends Axis> =
  CanPlace<S, [From, To]> extends true
    ? Insert<Splice<S, `${From}`, []>, DimAt<S, From>, `${To}`>
    : IsRanked<S> extends true
      ? { -readonly [I in keyof S]: number }
      : Shape;

/** The shape without its first axis: `DropLeading<[5, 2, 3]>` is `[2, 3]`. */
export type DropLeading<S extends Shape> =
  IsRanked<S> extends true
    ? S extends readonly [unknown, ...infer Tail extends Shape]
      ? Tail
      : Shape
    : Shape;

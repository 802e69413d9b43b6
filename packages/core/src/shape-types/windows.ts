import type { Mismatch, SameDim } from "./broadcasting.ts";
import type { Minus, Plus, Quotient, Times } from "./digits.ts";
import type {
  AreRanked,
  Display,
  IsLiteral,
  IsRanked,
  IsUnion,
  Pair,
  Resolved,
  Shape,
  ShapeMismatch,
  Text,
} from "./known.ts";

// Operations that take parts, or put something around: slices, padding, and windows that slide.

/** What is taken along one axis, as `slice` takes it. */
type Entry = number | readonly [start: number, end: number, step?: number] | null;

/** One entry for each leading axis: `Slice<[4, 5, 6], [0, [1, 3]]>` is `[2, 6]`. */
export type Slice<S extends Shape, Entries extends readonly Entry[]> =
  IsRanked<S> extends true
    ? number extends Entries["length"]
      ? Shape
      : true extends IsUnion<Entries["length"]>
        ? Shape
        : SliceRanked<S, Entries>
    : Shape;

type SliceRanked<
  S extends Shape,
  Entries extends readonly Entry[],
  Done extends Shape = [],
> = Entries extends readonly [infer First extends Entry, ...infer Rest extends readonly Entry[]]
  ? S extends readonly [infer D extends number, ...infer Tail extends Shape]
    ? [First] extends [number]
      ? SliceRanked<Tail, Rest, Done>
      : [First] extends [null]
        ? SliceRanked<Tail, Rest, [...Done, D]>
        : [First] extends [readonly [infer Start extends number, infer End extends number]]
          ? SliceRanked<Tail, Rest, [...Done, SliceDim<D, Start, End>]>
          : [First] extends [readonly [number, number, number?]]
            ? SliceRanked<Tail, Rest, [...Done, number]>
            : Shape
    : Shape
  : [...Done, ...S];

/** Ranges are clipped to the axis; positions from the end are left to the run time. */
type SliceDim<D, Start, End> = Minus<
  Pair<Minus<D, End, never>, 0> extends Pair<never, 0> ? D : number extends Minus<D, End> ? number : End,
  Start,
  0
>;

/** Fails for more entries than axes and for an index past the end: `cannot slice [2, 3]: index 3 is past the end of axis 1`. */
export type SliceCheck<S extends Shape, Entries extends readonly Entry[]> = Resolved<
  S,
  IsRanked<S> extends true
    ? [SliceProblem<S, Entries>] extends [never]
      ? unknown
      : ShapeMismatch<`cannot slice ${Display<S>}: ${SliceProblem<S, Entries>}`>
    : unknown
>;

type SliceProblem<
  S extends Shape,
  Entries extends readonly Entry[],
  Passed extends 0[] = [],
> = Entries extends readonly [infer First, ...infer Rest extends readonly Entry[]]
  ? S extends readonly [infer D, ...infer Tail extends Shape]
    ? [First, Minus<D, First, 0>] extends [number, 0]
      ? `index ${First & number} is past the end of axis ${Passed["length"]}`
      : SliceProblem<Tail, Rest, [...Passed, 0]>
    : "there are more entries than axes"
  : never;

/** A pair of widths for each axis: `Pad<[2, 3], [[1, 0], [0, 2]]>` is `[3, 5]`. */
export type Pad<S extends Shape, Widths extends readonly (readonly [number, number])[]> =
  IsRanked<S> extends true
    ? {
        -readonly [I in keyof S]: I extends keyof Widths
          ? Widths[I] extends readonly [infer Before extends number, infer After extends number]
            ? Plus<S[I], Plus<Before, After>>
            : number
          : number;
      }
    : Shape;

/** Fails unless each axis has its widths: `cannot pad [2, 3]: it has 2 axes, and there are widths for 1`. */
export type PadCheck<S extends Shape, Widths extends readonly unknown[]> = Resolved<
  S,
  [IsRanked<S>, IsLiteral<Widths["length"]>, SameDim<S["length"], Widths["length"]>] extends [
    true,
    true,
    false,
  ]
    ? ShapeMismatch<`cannot pad ${Display<S>}: it has ${S["length"]} axes, and there are widths for ${Widths["length"]}`>
    : unknown
>;

/** The options of windows that slide, as far as the shape depends on them. */
interface Sliding {
  readonly strides?: number | readonly number[];
  readonly padding?: "same" | "valid" | number | readonly (readonly [number, number])[];
  readonly dilation?: number | readonly number[];
}

/** `[batch, in, ...spatial]` by `[out, in, ...window]`: `Conv<[8, 3, 32, 32], [16, 3, 5, 5], {}>` is `[8, 16, 28, 28]`. */
export type Conv<S extends Shape, K extends Shape, O extends Sliding> = [
  IsRanked<S>,
  IsRanked<K>,
  S["length"],
] extends [true, true, K["length"]]
  ? S extends readonly [infer Batch extends number, unknown, ...infer Spatial extends Shape]
    ? K extends readonly [infer Out extends number, unknown, ...infer Window extends Shape]
      ? [Batch, Out, ...Places<Spatial, Window, O>]
      : Shape
    : Shape
  : Shape;

/** Fails where ranks or channels disagree: `cannot convolve [8, 3, 32] by [16, 4, 5]: 3 channels, and the kernel takes 4`. */
export type ConvCheck<S extends Shape, K extends Shape, O> = Resolved<
  S,
  Resolved<
    K,
    AreRanked<S, K> extends true
      ? [S["length"]] extends [K["length"]]
        ? SameDim<S[1], Times<K[1], Option<O, "groups", 1>>> extends true
          ? unknown
          : Mismatch<
              S,
              K,
              "convolve",
              "by",
              `${Text<S[1]>} channels, and the kernel takes ${Text<Times<K[1], Option<O, "groups", 1>>>}`
            >
        : Mismatch<S, K, "convolve", "by", "the ranks differ">
      : unknown
  >
>;

/** `[batch, channels, ...spatial]`; strides are the window unless given: `Pool<[8, 3, 28, 28], 2, {}>` is `[8, 3, 14, 14]`. */
export type Pool<S extends Shape, Window extends number | readonly number[], O extends Sliding> =
  IsRanked<S> extends true
    ? S extends readonly [
        infer Batch extends number,
        infer Channels extends number,
        ...infer Spatial extends Shape,
      ]
      ? [
          Batch,
          Channels,
          ...Places<
            Spatial,
            { [I in keyof Spatial]: At<Window, I, never> },
            {
              readonly strides: Option<O, "strides", Window>;
              readonly padding: Option<O, "padding", "valid">;
            }
          >,
        ]
      : Shape
    : Shape;

/** An option, or what stands for it where it is left out; options that may be there or not are unknown. */
type Option<O, Key extends string, Default> = Key extends keyof O
  ? undefined extends O[Key]
    ? unknown
    : O[Key]
  : Default;

/** The value for one axis of an option that has one for all or one for each. */
type At<Value, I, Default> = [Value] extends [never]
  ? Default
  : [Value] extends [number]
    ? Value
    : [Value] extends [Shape]
      ? I extends keyof Value
        ? Value[I] & number
        : number
      : number;

/** How many places a window takes along each axis. */
type Places<Spatial extends Shape, Window extends Shape, O> = {
  -readonly [I in keyof Spatial]: I extends keyof Window
    ? PlacesAlong<
        Spatial[I],
        Window[I] & number,
        At<Option<O, "strides", 1>, I, 1>,
        At<Option<O, "dilation", 1>, I, 1>,
        PaddingAt<Option<O, "padding", "valid">, I>
      >
    : number;
};

/** The elements that padding adds along an axis, or "same". */
type PaddingAt<P, I> =
  IsUnion<P> extends true
    ? number
    : [P] extends ["valid"]
      ? 0
      : [P] extends ["same"]
        ? "same"
        : [P] extends [number]
          ? Plus<P, P>
          : I extends keyof P
            ? P[I] extends readonly [infer Before extends number, infer After extends number]
              ? Plus<Before, After>
              : number
            : number;

type PlacesAlong<N, Window, Stride, Dilation, Padding> = [IsLiteral<N>, Padding] extends [true, "same"]
  ? Quotient<Minus<Plus<N, Stride>, 1>, Stride>
  : [Padding] extends [number]
    ? Plus<Quotient<Minus<Plus<N, Padding>, Span<Window, Dilation>>, Stride>, 1>
    : number;

/** How far the elements of a window reach. */
type Span<Window, Dilation> = [Dilation] extends [1] ? Window : Plus<Times<Minus<Window, 1>, Dilation>, 1>;

import type { AxesText, AxisCheck, InsertAxis, NewAxisCheck, Splice } from "./axes.ts";
import type { Mismatch, MoreExact, SameDim } from "./broadcasting.ts";
import type { Plus } from "./digits.ts";
import type { AreRanked, Axis, IsLiteral, IsRanked, Resolved, Shape, Text } from "./known.ts";

// Concatenating and stacking.

/** The shapes of a list of tensors: `[Tensor<[2]>, Tensor<[3]>]` gives `[[2], [3]]`. */
export type ShapesOf<List extends readonly { readonly shape: Shape }[]> = {
  [I in keyof List]: List[I]["shape"];
};

/** Two shapes of equal rank as one, the dimensions at `At` added. */
type Joined<
  A extends Shape,
  B extends Shape,
  At extends string,
  Done extends Shape = [],
> = A extends readonly [infer X extends number, ...infer TailA extends Shape]
  ? B extends readonly [infer Y extends number, ...infer TailB extends Shape]
    ? Joined<
        TailA,
        TailB,
        At,
        [
          ...Done,
          [At & (`${Done["length"]}` | `-${A["length"]}`)] extends [never] ? MoreExact<X, Y> : Plus<X, Y>,
        ]
      >
    : Shape
  : Done;

type JoinedAll<List extends readonly Shape[], At extends string, Done extends Shape> = List extends readonly [
  infer Next extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? AreRanked<Done, Next> extends true
    ? JoinedAll<Rest, At, Joined<Done, Next, At>>
    : Shape
  : Done;

/** The shapes of a list joined end to end: `Concat<[[2, 3], [4, 3]], 0>` is `[6, 3]`. */
export type Concat<List extends readonly Shape[], A extends Axis> =
  IsLiteral<A> extends true
    ? List extends readonly [infer First extends Shape, ...infer Rest extends readonly Shape[]]
      ? JoinedAll<Rest, AxesText<A>, First>
      : IsRanked<List[number]> extends true
        ? Splice<List[number], AxesText<A>, [number]>
        : Shape
    : Shape;

/** The shapes of a list along a new axis: `Stack<[[2, 3], [2, 3]], 0>` is `[2, 2, 3]`. */
export type Stack<List extends readonly Shape[], A extends Axis> = List extends readonly [
  infer First extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? InsertAxis<JoinedAll<Rest, never, First>, List["length"], A>
  : InsertAxis<List[number], number, A>;

type JoinClash<
  A extends Shape,
  B extends Shape,
  At extends string,
  Passed extends 0[] = [],
> = A extends readonly [infer X, ...infer TailA extends Shape]
  ? B extends readonly [infer Y, ...infer TailB extends Shape]
    ? [SameDim<X, Y>, At & (`${Passed["length"]}` | `-${A["length"]}`)] extends [false, never]
      ? `axis ${Passed["length"]} is ${Text<X>} and ${Text<Y>}`
      : JoinClash<TailA, TailB, At, [...Passed, 0]>
    : "the ranks differ"
  : B extends readonly []
    ? never
    : "the ranks differ";

type JoinTwo<Verb extends string, A extends Shape, B extends Shape, At extends string> = Resolved<
  A,
  Resolved<
    B,
    AreRanked<A, B> extends true
      ? [JoinClash<A, B, At>] extends [never]
        ? unknown
        : Mismatch<A, B, Verb, "and", JoinClash<A, B, At>>
      : unknown
  >
>;

type JoinCheck<
  Verb extends string,
  List extends readonly Shape[],
  At extends string,
  First extends Shape,
> = List extends readonly [infer Next extends Shape, ...infer Rest extends readonly Shape[]]
  ? unknown extends JoinTwo<Verb, First, Next, At>
    ? JoinCheck<Verb, Rest, At, First>
    : JoinTwo<Verb, First, Next, At>
  : unknown;

/** Fails when shapes differ elsewhere than at the axis: `cannot concat [2, 3] and [2, 4]: axis 1 is 3 and 4`. */
export type ConcatCheck<List extends readonly Shape[], A extends Axis> =
  IsLiteral<A> extends true
    ? List extends readonly [infer First extends Shape, ...infer Rest extends readonly Shape[]]
      ? AxisCheck<First, A> & JoinCheck<"concat", Rest, AxesText<A>, First>
      : unknown
    : unknown;

/** Fails when the shapes differ: `cannot stack [2] and [3]: axis 0 is 2 and 3`. */
export type StackCheck<List extends readonly Shape[], A extends Axis> = List extends readonly [
  infer First extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? NewAxisCheck<First, A> & JoinCheck<"stack", Rest, never, First>
  : unknown;

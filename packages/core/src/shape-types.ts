// Shapes as types: what the compiler knows about a tensor's shape, and how each operation changes it. Nothing here exists at run time.
//
// A `number` dimension, or a shape of unknown rank, is known only at run time: it passes every check and the run-time checks catch
// the rest. Unions of shapes or dimensions count as unknown, so that nothing distributes over them.
//
// `Pair<A, B> extends Pair<B, A>` is how equality is asked, because it also holds for a type parameter and itself, where the usual
// `[A] extends [B]` is put off; that is why generic functions such as `<S extends Shape>(x: Tensor<S>) => x.add(x).mul(2)` check.

/** A shape, one number per axis: `[2, 3]`. A dimension of type `number` is known only at run time; so is the rank of `Shape` itself. */
export type Shape = readonly number[];

/** The length of one axis: a literal such as `3`, or `number` where only the run time knows. */
export type Dim = Shape[number];

/** One axis: `0` is the first, `-1` the last. */
export type Axis = number;

/** One axis, several, or (`undefined`) all of them: what reductions take. */
export type Axes = number | readonly number[] | undefined;

/** What a failed check adds to a parameter's type: no value has it, and the compiler prints the message. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeMismatch: Message;
}

// ---- What is known ----

interface Pair<A, B> {
  readonly first: A;
  readonly second: B;
}

/** `true` for a union such as `2 | 3`, which is what `N` becomes when two arguments disagree about it. */
export type IsUnion<T, Member = T> = Member extends T ? ([T] extends [Member] ? false : true) : never;

type IsLiteral<D> = number extends D ? false : IsUnion<D> extends true ? false : true;

type IsAny<T> = Pair<0, 0> extends Pair<1 & T, 0> ? true : false;

/**
 * The check, or `unknown` while `S` is a type parameter: within generic functions shapes are checked at run time. It works because the
 * compiler, asked whether a value fits a conditional type that it cannot decide yet, leaves out a branch that it would not take for
 * `any` in the place of `S`. Dimensions that are type parameters, as in `[N, 3]`, are still compared.
 */
type Resolved<S, Check> = IsAny<S> extends false ? Check : unknown;

/** The rank is known: a tuple of fixed length, and only one. */
type IsRanked<S extends Shape> = number extends S["length"] ? false : IsUnion<S> extends true ? false : true;

type AreRanked<A extends Shape, B extends Shape> = [IsRanked<A>, IsRanked<B>] extends [true, true]
  ? true
  : false;

type AllLiteral<S extends Shape> =
  IsRanked<S> extends true
    ? false extends { [I in keyof S]: IsLiteral<S[I]> }[number]
      ? false
      : true
    : false;

/** The shape as users write it: `readonly [2, 3]` becomes `[2, 3]`, and any array of unknown length becomes `Shape`. */
export type Mutable<S extends Shape> = number extends S["length"]
  ? Shape
  : { -readonly [I in keyof S]: S[I] };

type Text<D> = IsLiteral<D> extends true ? `${D & number}` : "number";

type Join<S extends Shape> = S extends readonly [infer Head, ...infer Tail extends Shape]
  ? Tail extends readonly []
    ? Text<Head>
    : `${Text<Head>}, ${Join<Tail>}`
  : "";

/** The shape as text, for messages: `Display<[2, number]>` is `"[2, number]"`. */
export type Display<S extends Shape> = IsRanked<S> extends true ? `[${Join<S>}]` : "[...number]";

/** The shape of nested arrays: `[[1, 2], [3, 4]]` is `[2, 2]`, `number[]` is `[number]`, a number or boolean is `[]`. */
export type NestedShape<T, Done extends Shape = []> =
  IsAny<T> extends true
    ? Shape
    : [T] extends [number | boolean]
      ? Done
      : [T] extends [readonly []]
        ? [...Done, 0]
        : [T] extends [readonly unknown[]]
          ? NestedShape<T[0], [...Done, T["length"]]>
          : [T] extends [ArrayLike<number>]
            ? [...Done, number]
            : Shape;

/** Fails when the rows of a nested array differ in shape: `[[1, 2], [3]]`. */
export type NestedCheck<T> = [T] extends [readonly unknown[]]
  ? true extends IsUnion<NestedShapes<T[number]>>
    ? ShapeMismatch<"the rows of a nested array must all have the same shape">
    : unknown
  : unknown;

type NestedShapes<Row> = Row extends unknown ? NestedShape<Row> : never;

// ---- Broadcasting ----

type SameDim<X, Y> =
  Pair<X, Y> extends Pair<X, X> | Pair<Y, Y> ? true : [X & Y] extends [never] ? false : true;

type DimsBroadcast<X, Y> =
  Pair<X, Y> extends Pair<X, X> | Pair<Y, Y> | Pair<1, unknown> | Pair<unknown, 1>
    ? true
    : [(X & Y) | (X & 1) | (Y & 1)] extends [never]
      ? false
      : true;

/** The one of two agreeing dimensions that says more. */
type MoreExact<X extends number, Y extends number> =
  Pair<X, Y> extends Pair<Y, X> ? X : IsLiteral<X> extends true ? X : IsLiteral<Y> extends true ? Y : number;

type BroadcastDim<X extends number, Y extends number> =
  Pair<X, Y> extends Pair<Y, X> | Pair<unknown, 1>
    ? X
    : Pair<X, Y> extends Pair<1, unknown>
      ? Y
      : MoreExact<X, Y>;

type BroadcastRanked<A extends Shape, B extends Shape, Done extends Shape = []> = A extends readonly [
  ...infer RestA extends Shape,
  infer X extends number,
]
  ? B extends readonly [...infer RestB extends Shape, infer Y extends number]
    ? BroadcastRanked<RestA, RestB, [BroadcastDim<X, Y>, ...Done]>
    : [...A, ...Done]
  : [...B, ...Done];

/** NumPy's broadcasting, from the last axis: `Broadcast<[2, 1], [3]>` is `[2, 3]`; `number` with 1 is `number`, with 3 is 3. */
export type Broadcast<A extends Shape, B extends Shape> =
  Pair<A, B> extends Pair<B, A> | Pair<unknown, readonly []>
    ? A
    : AreRanked<A, B> extends true
      ? BroadcastRanked<A, B>
      : Shape;

/** Compares `RestA` and `RestB` from the right; `Verb` and `Joint` word the message about the whole shapes. */
type Compare<
  A extends Shape,
  B extends Shape,
  RestA extends Shape,
  RestB extends Shape,
  Verb extends string,
  Joint extends string,
  Passed extends Shape = [0],
> = RestA extends readonly [...infer NextA extends Shape, infer X]
  ? RestB extends readonly [...infer NextB extends Shape, infer Y]
    ? DimsBroadcast<X, Y> extends true
      ? Compare<A, B, NextA, NextB, Verb, Joint, [...Passed, 0]>
      : Mismatch<A, B, Verb, Joint, `dimension -${Passed["length"]} is ${Text<X>} and ${Text<Y>}`>
    : unknown
  : unknown;

type Mismatch<
  A extends Shape,
  B extends Shape,
  Verb extends string,
  Joint extends string,
  Why extends string,
> = ShapeMismatch<`cannot ${Verb} ${Display<A>} ${Joint} ${Display<B>}: ${Why}`>;

/** `unknown` where two shapes broadcast, else an error: `cannot broadcast [2, 3] with [4]: dimension -1 is 3 and 4`. */
export type BroadcastCheck<A extends Shape, B extends Shape> =
  Pair<A, B> extends Pair<A, A> | Pair<B, B> | Pair<readonly [], unknown> | Pair<unknown, readonly []>
    ? unknown
    : Resolved<
        A,
        Resolved<B, AreRanked<A, B> extends true ? Compare<A, B, A, B, "broadcast", "with"> : unknown>
      >;

/** The result of `broadcastTo`: the target as it was given. */
export type BroadcastTo<Target extends Shape> = Mutable<Target>;

/** Fails unless `S` broadcasts to exactly `Target`: `[3]` goes to `[2, 3]`, `[2]` and `[1, 2, 3]` do not. */
export type BroadcastToCheck<S extends Shape, Target extends Shape> = Resolved<
  S,
  Resolved<
    Target,
    AreRanked<S, Target> extends true
      ? ExpandsTo<S, Target> extends true
        ? unknown
        : ShapeMismatch<`cannot broadcast ${Display<S>} to ${Display<Target>}`>
      : unknown
  >
>;

type ExpandsTo<S extends Shape, Target extends Shape> = S extends readonly [
  ...infer RestS extends Shape,
  infer X,
]
  ? Target extends readonly [...infer RestT extends Shape, infer Y]
    ? [SameDim<X, Y>, X & 1] extends [false, never]
      ? false
      : ExpandsTo<RestS, RestT>
    : false
  : true;

// ---- Matrix products ----

/** NumPy's matmul: `[5, 2, 3]` by `[3, 4]` is `[5, 2, 4]`; a one-dimensional operand is a row on the left, a column on the right. */
export type MatMul<A extends Shape, B extends Shape> =
  AreRanked<A, B> extends true
    ? A extends readonly [...infer BatchA extends Shape, infer M extends number, unknown]
      ? B extends readonly [...infer BatchB extends Shape, unknown, infer N extends number]
        ? [...Broadcast<BatchA, BatchB>, M, N]
        : [...BatchA, M]
      : B extends readonly [...infer BatchB extends Shape, unknown, infer N extends number]
        ? [...BatchB, N]
        : []
    : Shape;

/** `unknown` where matmul is defined, else an error: `cannot multiply [2, 3] by [4, 5]: inner dimensions 3 and 4 must agree`. */
export type MatMulCheck<A extends Shape, B extends Shape> = Resolved<
  A,
  Resolved<B, AreRanked<A, B> extends true ? CompareMatrices<A, B> : unknown>
>;

type CompareMatrices<A extends Shape, B extends Shape> = A extends readonly [
  ...infer RestA extends Shape,
  infer K,
]
  ? B extends readonly [infer L]
    ? CompareInner<A, B, K, L, [], []>
    : B extends readonly [...infer BatchB extends Shape, infer L, unknown]
      ? CompareInner<
          A,
          B,
          K,
          L,
          RestA extends readonly [...infer BatchA extends Shape, unknown] ? BatchA : [],
          BatchB
        >
      : Mismatch<A, B, "multiply", "by", "a scalar has no axes, use mul">
  : Mismatch<A, B, "multiply", "by", "a scalar has no axes, use mul">;

type CompareInner<A extends Shape, B extends Shape, K, L, BatchA extends Shape, BatchB extends Shape> =
  SameDim<K, L> extends true
    ? Compare<A, B, BatchA, BatchB, "multiply", "by", [0, 0, 0]>
    : Mismatch<A, B, "multiply", "by", `inner dimensions ${Text<K>} and ${Text<L>} must agree`>;

// ---- Axes ----

type IsLiteralAxes<A> = [A] extends [Shape] ? AllLiteral<A> : IsLiteral<A>;

/** Both the rank and the axes are known, so that the result can be worked out. */
type CanPlace<S extends Shape, A> = [IsRanked<S>, IsLiteralAxes<A>] extends [true, true] ? true : false;

type AxesText<A> = `${(A extends Shape ? A[number] : A) & number}`;

/** Replaces every axis named in `At` (as text, `"0"` or `"-1"`) by the dimensions `By`. */
type Splice<
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

/** The shape without its first axis: `DropLeading<[5, 2, 3]>` is `[2, 3]`. */
export type DropLeading<S extends Shape> =
  IsRanked<S> extends true
    ? S extends readonly [unknown, ...infer Tail extends Shape]
      ? Tail
      : Shape
    : Shape;

// ---- Joining ----

/** The shapes of a list of tensors: `[Tensor<[2]>, Tensor<[3]>]` gives `[[2], [3]]`. */
export type ShapesOf<List extends readonly { readonly shape: Shape }[]> = {
  [I in keyof List]: List[I]["shape"];
};

type Sum<X extends number, Y extends number> =
  AreCountable<[X, Y]> extends true ? ToNumber<MultiplyAdd<ToDigits<X>, ToDigits<Y>, "1">> : number;

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
          [At & (`${Done["length"]}` | `-${A["length"]}`)] extends [never] ? MoreExact<X, Y> : Sum<X, Y>,
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

// ---- Reshaping ----

/** A new shape for the same elements; -1 is worked out where all else is literal: `Reshape<[4, 6], [-1, 8]>` is `[3, 8]`. */
export type Reshape<S extends Shape, T extends Shape> =
  IsRanked<T> extends true ? (-1 extends T[number] ? Fill<T, Missing<Unmatched<S, T>>> : Mutable<T>) : Shape;

/** Fails when literal element counts disagree: `cannot reshape [2, 3] to [4]: 6 elements do not fill 4`. */
export type ReshapeCheck<S extends Shape, T extends Shape> =
  HasTwoUnknowns<T> extends true
    ? ShapeMismatch<`cannot reshape to ${Display<T>}: only one dimension may be -1`>
    : Resolved<S, Resolved<T, CompareCounts<S, T, Unmatched<S, T>>>>;

type CompareCounts<S extends Shape, T extends Shape, Left extends Pair<Shape, Shape>> = -1 extends T[number]
  ? [Missing<Left>] extends [never]
    ? Mismatch<S, T, "reshape", "to", `${Count<S>} elements do not divide by ${Count<Fill<T, 1>>}`>
    : unknown
  : [AreCountable<Left["first"]>, AreCountable<Left["second"]>] extends [true, true]
    ? Count<Left["first"]> extends Count<Left["second"]>
      ? unknown
      : Mismatch<S, T, "reshape", "to", `${Count<S>} elements do not fill ${Count<T>}`>
    : unknown;

/** Both shapes without the leading dimensions that they share, so that less is multiplied. */
type Unmatched<S extends Shape, T extends Shape> = S extends readonly [infer X, ...infer RestS extends Shape]
  ? T extends readonly [infer Y, ...infer RestT extends Shape]
    ? number extends X
      ? Pair<S, T>
      : Pair<X, Y> extends Pair<0, Y> | Pair<X, -1>
        ? Pair<S, T>
        : Pair<X, Y> extends Pair<Y, X>
          ? Unmatched<RestS, RestT>
          : Pair<S, T>
    : Pair<S, T>
  : Pair<S, T>;

type Fill<T extends Shape, D extends number> = { -readonly [I in keyof T]: T[I] extends -1 ? D : T[I] };

type HasTwoUnknowns<T extends Shape> = T extends readonly [infer Head, ...infer Tail extends Shape]
  ? Head extends -1
    ? -1 extends Tail[number]
      ? number extends Tail[number]
        ? false
        : true
      : false
    : HasTwoUnknowns<Tail>
  : false;

/** What -1 stands for, `never` where the rest does not divide, `number` where that is not known. */
type Missing<Left extends Pair<Shape, Shape>> = [
  AreCountable<Left["first"]>,
  AreCountable<Fill<Left["second"], 1>>,
] extends [true, true]
  ? Count<Fill<Left["second"], 1>> extends "0"
    ? number
    : Divide<Product<Left["first"]>, Product<Fill<Left["second"], 1>>> extends infer Quotient extends string
      ? Parse<Quotient>
      : never
  : number;

/** The number of elements as text. */
type Count<S extends Shape> = ToText<Product<S>>;

// ---- Arithmetic on literals, by hand: lists of decimal digits, the lowest first ----

type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";
type Digits = readonly Digit[];
// biome-ignore format: a table
type Unary = [[], [0], [0, 0], [0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0]];

/** The rows of the multiplication table: `Multiples<T>["3"]` is three times as long as `T`. */
// biome-ignore format: a table
type Multiples<T extends 0[]> = [[], T, [...T, ...T], [...T, ...T, ...T], [...T, ...T, ...T, ...T],
  [...T, ...T, ...T, ...T, ...T], [...T, ...T, ...T, ...T, ...T, ...T], [...T, ...T, ...T, ...T, ...T, ...T, ...T],
  [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T], [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T]];

/** Literal, whole and not negative: what the arithmetic below understands. */
type AreCountable<S extends Shape> =
  AllLiteral<S> extends true
    ? [Extract<`${S[number]}`, `${string}${"-" | "." | "e"}${string}`>] extends [never]
      ? true
      : false
    : false;

type ToDigits<N, Done extends Digits = []> = (
  N extends number
    ? `${N}`
    : N
) extends `${infer Top extends Digit}${infer Rest}`
  ? ToDigits<Rest, [Top, ...Done]>
  : Done;

type ToText<D extends Digits, Done extends string = ""> = D extends readonly [
  infer Low extends Digit,
  ...infer High extends Digits,
]
  ? ToText<High, `${Low}${Done}`>
  : Trim<Done>;

type Trim<T extends string> = T extends `0${infer Rest}` ? (Rest extends "" ? "0" : Trim<Rest>) : T;
type Parse<T extends string> = T extends `${infer N extends number}` ? N : number;
type ToNumber<D extends Digits> = Parse<ToText<D>>;
type First<D extends Digits> = D extends readonly [infer Low extends Digit, ...Digits] ? Low : "0";
type Rest<D extends Digits> = D extends readonly [Digit, ...infer High extends Digits] ? High : [];

/** `Total + A * D`. */
type MultiplyAdd<
  Total extends Digits,
  A extends Digits,
  D extends Digit,
  Carry extends Digit = "0",
  Done extends Digits = [],
> = [Total, A, Carry] extends [readonly [], readonly [], "0"]
  ? Done
  : `${[...Unary[First<Total>], ...Multiples<Unary[First<A>]>[D], ...Unary[Carry]]["length"] & number}` extends infer Sum
    ? Sum extends `${infer Tens extends Digit}${infer Ones extends Digit}`
      ? MultiplyAdd<Rest<Total>, Rest<A>, D, Tens, [...Done, Ones]>
      : MultiplyAdd<Rest<Total>, Rest<A>, D, "0", [...Done, Sum & Digit]>
    : never;

type Multiply<A extends Digits, B extends Digits, Total extends Digits = []> = B extends readonly [
  ...infer Lower extends Digits,
  infer Top extends Digit,
]
  ? Multiply<A, Lower, MultiplyAdd<["0", ...Total], A, Top>>
  : Total;

type Product<S extends Shape, Total extends Digits = ["1"]> = S extends readonly [
  infer Head,
  ...infer Tail extends Shape,
]
  ? Product<Tail, Multiply<Total, ToDigits<Head>>>
  : Total;

/** `A - B`, or `never` below zero. */
type Subtract<A extends Digits, B extends Digits, Borrow extends 0[] = [], Done extends Digits = []> = [
  A,
  B,
] extends [readonly [], readonly []]
  ? Borrow extends []
    ? Done
    : never
  : Unary[First<A>] extends [...Unary[First<B>], ...Borrow, ...infer Left]
    ? Subtract<Rest<A>, Rest<B>, [], [...Done, `${Left["length"]}` & Digit]>
    : [...Unary[First<A>], ...Unary["9"], 0] extends [...Unary[First<B>], ...Borrow, ...infer Left]
      ? Subtract<Rest<A>, Rest<B>, [0], [...Done, `${Left["length"]}` & Digit]>
      : never;

/** Long division as text, or `never` with a remainder. */
type Divide<
  A extends Digits,
  B extends Digits,
  Left extends Digits = [],
  Quotient extends string = "",
> = A extends readonly [...infer Lower extends Digits, infer Top extends Digit]
  ? DivideDigit<[Top, ...Left], B> extends [infer Q extends string, infer Remainder extends Digits]
    ? Divide<Lower, B, Remainder, `${Quotient}${Q}`>
    : never
  : ToText<Left> extends "0"
    ? Trim<Quotient>
    : never;

type DivideDigit<A extends Digits, B extends Digits, Times extends 0[] = []> = [Subtract<A, B>] extends [
  never,
]
  ? [`${Times["length"]}`, A]
  : DivideDigit<Subtract<A, B>, B, [...Times, 0]>;

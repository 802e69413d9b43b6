import type {
  AreRanked,
  Display,
  IsLiteral,
  Mutable,
  Pair,
  Resolved,
  Shape,
  ShapeMismatch,
  Text,
} from "./known.ts";

// NumPy's broadcasting, from the last axis.

export type SameDim<X, Y> =
  Pair<X, Y> extends Pair<X, X> | Pair<Y, Y> ? true : [X & Y] extends [never] ? false : true;

type DimsBroadcast<X, Y> =
  Pair<X, Y> extends Pair<X, X> | Pair<Y, Y> | Pair<1, unknown> | Pair<unknown, 1>
    ? true
    : [(X & Y) | (X & 1) | (Y & 1)] extends [never]
      ? false
      : true;

/** The one of two agreeing dimensions that says more. */
export type MoreExact<X extends number, Y extends number> =
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
export type Compare<
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

export type Mismatch<
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

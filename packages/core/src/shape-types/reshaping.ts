import type { Mismatch } from "./broadcasting.ts";
import type { AreCountable, Divide, Parse, Product, ToText } from "./digits.ts";
import type { Display, IsRanked, Mutable, Pair, Resolved, Shape, ShapeMismatch } from "./known.ts";

// The same elements under another shape: element counts of literal shapes must agree.

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

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

export interface Pair<A, B> {
  readonly first: A;
  readonly second: B;
}

/** `true` for a union such as `2 | 3`, which is what `N` becomes when two arguments disagree about it. */
export type IsUnion<T, Member = T> = Member extends T ? ([T] extends [Member] ? false : true) : never;

export type IsLiteral<D> = number extends D ? false : IsUnion<D> extends true ? false : true;

type IsAny<T> = Pair<0, 0> extends Pair<1 & T, 0> ? true : false;

/**
 * The check, or `unknown` while `S` is a type parameter: within generic functions shapes are checked at run time. It works because the
 * compiler, asked whether a value fits a conditional type that it cannot decide yet, leaves out a branch that it would not take for
 * `any` in the place of `S`. Dimensions that are type parameters, as in `[N, 3]`, are still compared.
 */
export type Resolved<S, Check> = IsAny<S> extends false ? Check : unknown;

/** The rank is known: a tuple of fixed length, and only one. */
export type IsRanked<S extends Shape> = number extends S["length"]
  ? false
  : IsUnion<S> extends true
    ? false
    : true;

export type AreRanked<A extends Shape, B extends Shape> = [IsRanked<A>, IsRanked<B>] extends [true, true]
  ? true
  : false;

export type AllLiteral<S extends Shape> =
  IsRanked<S> extends true
    ? false extends { [I in keyof S]: IsLiteral<S[I]> }[number]
      ? false
      : true
    : false;

/** The shape as users write it: `readonly [2, 3]` becomes `[2, 3]`, and any array of unknown length becomes `Shape`. */
export type Mutable<S extends Shape> = number extends S["length"]
  ? Shape
  : { -readonly [I in keyof S]: S[I] };

export type Text<D> = IsLiteral<D> extends true ? `${D & number}` : "number";

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

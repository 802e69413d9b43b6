import type { AllLiteral, Shape } from "./known.ts";

// Arithmetic on literals, by hand: lists of decimal digits, the lowest first.

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
export type AreCountable<S extends Shape> =
  AllLiteral<S> extends true
    ? [Extract<`${S[number]}`, `${string}${"-" | "." | "e"}${string}`>] extends [never]
      ? true
      : false
    : false;

export type ToDigits<N, Done extends Digits = []> = (
  N extends number
    ? `${N}`
    : N
) extends `${infer Top extends Digit}${infer Rest}`
  ? ToDigits<Rest, [Top, ...Done]>
  : Done;

export type ToText<D extends Digits, Done extends string = ""> = D extends readonly [
  infer Low extends Digit,
  ...infer High extends Digits,
]
  ? ToText<High, `${Low}${Done}`>
  : Trim<Done>;

type Trim<T extends string> = T extends `0${infer Rest}` ? (Rest extends "" ? "0" : Trim<Rest>) : T;
export type Parse<T extends string> = T extends `${infer N extends number}` ? N : number;
export type ToNumber<D extends Digits> = Parse<ToText<D>>;
export type First<D extends Digits> = D extends readonly [infer Low extends Digit, ...Digits] ? Low : "0";
export type Rest<D extends Digits> = D extends readonly [Digit, ...infer High extends Digits] ? High : [];

/** `Total + A * D`. */
export type MultiplyAdd<
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

export type Product<S extends Shape, Total extends Digits = ["1"]> = S extends readonly [
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

/** Long division: the quotient as text, and the remainder. */
type LongDivision<
  A extends Digits,
  B extends Digits,
  Left extends Digits = [],
  Quotient extends string = "",
> = A extends readonly [...infer Lower extends Digits, infer Top extends Digit]
  ? DivideDigit<[Top, ...Left], B> extends [infer Q extends string, infer Remainder extends Digits]
    ? LongDivision<Lower, B, Remainder, `${Quotient}${Q}`>
    : never
  : [Trim<Quotient>, Left];

type DivideDigit<A extends Digits, B extends Digits, Times extends 0[] = []> = [Subtract<A, B>] extends [
  never,
]
  ? [`${Times["length"]}`, A]
  : DivideDigit<Subtract<A, B>, B, [...Times, 0]>;

/** The quotient as text, or `never` with a remainder. */
export type Divide<A extends Digits, B extends Digits> =
  LongDivision<A, B> extends [infer Quotient extends string, infer Left extends Digits]
    ? ToText<Left> extends "0"
      ? Quotient
      : never
    : never;

// The same on numbers: `number` where an operand is not a literal that can be counted to. Operands are not required to be
// numbers and results say at once that they are, so that the compiler need not work out what sums of type parameters are.

type Countable<X, Y> = AreCountable<[X & number, Y & number]>;
type AsNumber<N> = N extends infer D extends number ? D : number;

/** `X + Y`. */
export type Plus<X, Y> = AsNumber<
  Countable<X, Y> extends true ? ToNumber<MultiplyAdd<ToDigits<X>, ToDigits<Y>, "1">> : number
>;

/** `X - Y`, or `Below` where that is negative. */
export type Minus<X, Y, Below = number> =
  Countable<X, Y> extends true
    ? [Subtract<ToDigits<X>, ToDigits<Y>>] extends [infer Difference extends Digits]
      ? [Difference] extends [never]
        ? Below
        : AsNumber<ToNumber<Difference>>
      : never
    : number;

/** `X * Y`. */
export type Times<X, Y> = AsNumber<
  Countable<X, Y> extends true ? ToNumber<Multiply<ToDigits<X>, ToDigits<Y>>> : number
>;

/** `X / Y`, rounded down. */
export type Quotient<X, Y> = AsNumber<
  [Countable<X, Y>, Y] extends [true, 0]
    ? number
    : Countable<X, Y> extends true
      ? LongDivision<ToDigits<X>, ToDigits<Y>> extends [infer Text extends string, Digits]
        ? Parse<Text>
        : number
      : number
>;

import type { IsLiteral, IsRanked, Resolved, Shape, ShapeMismatch } from "./known.ts";

// The subscripts of einsum, read by the compiler.

/** The shape of the result that follows the arrow: `Einsum<"ij,jk->ik", [[2, 3], [3, 4]]>` is `[2, 4]`. */
export type Einsum<Subscripts extends string, Shapes extends readonly Shape[]> =
  IsText<Subscripts> extends true
    ? WithoutSpaces<Subscripts> extends `${infer Terms}->${infer Result}`
      ? Sizes<Terms, Shapes> extends infer Known
        ? [Known] extends [string]
          ? Shape
          : ResultShape<Result, Known>
        : never
      : Shape
    : Shape;

/** Fails where terms, operands and result do not fit: `einsum: axis j is 3 and 4`. */
export type EinsumCheck<Subscripts extends string, Shapes extends readonly Shape[]> = Resolved<
  Shapes[number],
  IsText<Subscripts> extends true
    ? WithoutSpaces<Subscripts> extends `${infer Terms}->${infer Result}`
      ? Sizes<Terms, Shapes> extends infer Problem extends string
        ? ShapeMismatch<`einsum: ${Problem}`>
        : [Unnamed<Result, Terms>] extends [never]
          ? unknown
          : ShapeMismatch<`einsum: axis ${Unnamed<Result, Terms>} of the result is in no operand`>
      : unknown
    : unknown
>;

/** The first label of the result that no term names. */
type Unnamed<Result extends string, Terms extends string> = Result extends `${infer Label}${infer Rest}`
  ? Terms extends `${string}${Label}${string}`
    ? Unnamed<Rest, Terms>
    : Label
  : never;

type IsText<T extends string> = string extends T ? false : true;

type WithoutSpaces<T extends string> = T extends `${infer Before} ${infer After}`
  ? WithoutSpaces<`${Before}${After}`>
  : T;

/** The size of each label, or what is wrong. */
type Sizes<Terms extends string, Shapes extends readonly Shape[], Known = unknown> = Shapes extends readonly [
  infer First extends Shape,
  ...infer Rest extends readonly Shape[],
]
  ? Terms extends `${infer Term},${infer Others}`
    ? Rest extends readonly []
      ? `"${Terms}" names more operands than there are`
      : Continue<Others, Rest, TermSizes<Term, First, Known, Term>>
    : Rest extends readonly []
      ? TermSizes<Terms, First, Known, Terms>
      : `"${Terms}" names fewer operands than there are`
  : Known;

type Continue<Terms extends string, Shapes extends readonly Shape[], Known> = Known extends string
  ? Known
  : Sizes<Terms, Shapes, Known>;

type TermSizes<Term extends string, S extends Shape, Known, Whole extends string> =
  IsRanked<S> extends true
    ? Term extends `${infer Label}${infer Labels}`
      ? S extends readonly [infer D extends number, ...infer Tail extends Shape]
        ? Agree<SizeOf<Known, Label>, D> extends true
          ? TermSizes<Labels, Tail, Known & Record<Label, D>, Whole>
          : `axis ${Label} is ${SizeOf<Known, Label>} and ${D}`
        : `"${Whole}" names more axes than its operand has`
      : S extends readonly []
        ? Known
        : `"${Whole}" names fewer axes than its operand has`
    : Known;

type SizeOf<Known, Label extends string> = Label extends keyof Known ? Known[Label] & number : number;

type Agree<X extends number, Y extends number> = [IsLiteral<X>, IsLiteral<Y>] extends [true, true]
  ? [X & Y] extends [never]
    ? false
    : true
  : true;

type ResultShape<
  Labels extends string,
  Known,
  Done extends Shape = [],
> = Labels extends `${infer Label}${infer Rest}`
  ? ResultShape<Rest, Known, [...Done, SizeOf<Known, Label>]>
  : Done;

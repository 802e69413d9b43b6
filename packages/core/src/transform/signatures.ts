import type { InsertAxis, IsUnion, ShapeMismatch } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";

// The types of the transformations: trees keep their types, and the shapes of batches follow from their axes.

// biome-ignore lint/suspicious/noExplicitAny: the one seam where a user's function of any arguments comes in
type Arguments = readonly any[];

/** A promise of T where the function is async. */
type Async<R, T> = R extends Promise<unknown> ? Promise<T> : T;

/** Fails for a function whose result is known not to be a scalar. */
type ScalarCheck<R> =
  Awaited<R> extends Tensor<infer S>
    ? number extends S["length"]
      ? unknown
      : S extends readonly []
        ? unknown
        : ShapeMismatch<"grad: the function must return a scalar, reduce it with sum() or mean()">
    : unknown;

/** The arguments at `N`: one, or a list of them. */
type Chosen<Args extends Arguments, N> = N extends readonly number[]
  ? { -readonly [I in keyof N]: Args[N[I] & keyof Args] }
  : N extends number
    ? Args[N]
    : never;

interface WithArgnums<N> {
  readonly argnums?: N;
  readonly hasAux?: false;
}

interface WithAux<N> {
  readonly argnums?: N;
  readonly hasAux: true;
}

/** The type of {@link grad}. */
export interface Grad {
  <
    Args extends Arguments,
    R extends readonly [Tensor, unknown] | Promise<readonly [Tensor, unknown]>,
    const N extends number | readonly number[] = 0,
  >(
    f: (...args: Args) => R,
    options: WithAux<N>,
  ): (...args: Args) => Async<R, [gradient: Chosen<Args, N>, aux: Awaited<R>[1]]>;
  <
    Args extends Arguments,
    R extends Tensor | Promise<Tensor>,
    const N extends number | readonly number[] = 0,
  >(
    f: ((...args: Args) => R) & ScalarCheck<R>,
    options?: WithArgnums<N>,
  ): (...args: Args) => Async<R, Chosen<Args, N>>;
}

/** The type of {@link valueAndGrad}. */
export interface ValueAndGrad {
  <
    Args extends Arguments,
    R extends readonly [Tensor, unknown] | Promise<readonly [Tensor, unknown]>,
    const N extends number | readonly number[] = 0,
  >(
    f: (...args: Args) => R,
    options: WithAux<N>,
  ): (...args: Args) => Async<R, [valueAndAux: Awaited<R>, gradient: Chosen<Args, N>]>;
  <
    Args extends Arguments,
    R extends Tensor | Promise<Tensor>,
    const N extends number | readonly number[] = 0,
  >(
    f: ((...args: Args) => R) & ScalarCheck<R>,
    options?: WithArgnums<N>,
  ): (...args: Args) => Async<R, [value: Awaited<R>, gradient: Chosen<Args, N>]>;
}

/** The type of {@link vjp}. */
export type Vjp = <Args extends Arguments, R>(
  f: (...args: Args) => R,
  ...primals: Args
) => Async<R, [value: Awaited<R>, pullback: (cotangent: Awaited<R>) => [...Args]]>;

/** The type of {@link linearize}. */
export type Linearize = <Args extends Arguments, R>(
  f: (...args: Args) => R,
  ...primals: Args
) => Async<R, [value: Awaited<R>, pushforward: (...tangents: Args) => Awaited<R>]>;

/** The type of {@link jvp}. */
export type Jvp = <Args extends Arguments, R>(
  f: (...args: Args) => R,
  primals: readonly [...Args],
  tangents: readonly [...Args],
) => Async<R, [value: Awaited<R>, tangent: Awaited<R>]>;

/** The type of {@link hvp}: the product has the type of the primals, bare where there is one. */
export type Hvp = <Args extends Arguments, R extends Tensor | Promise<Tensor>>(
  f: ((...args: Args) => R) & ScalarCheck<R>,
  primals: readonly [...Args],
  tangents: readonly [...Args],
) => Async<R, Args extends readonly [infer Only] ? Only : [...Args]>;

/** For each tensor of the result, for each tensor of the argument, their derivative: `[...out, ...in]`. */
type DerivativeOf<R, X> = R extends Tensor ? Derivatives<X> : { [K in keyof R]: DerivativeOf<R[K], X> };
type Derivatives<X> = X extends Tensor ? Tensor : { [K in keyof X]: Derivatives<X[K]> };

/** The type of {@link jacfwd}, {@link jacrev} and {@link hessian}. */
export type Jacobian = <Args extends Arguments, R, const N extends number | readonly number[] = 0>(
  f: (...args: Args) => R,
  options?: { readonly argnums?: N },
) => (
  ...args: Args
) => N extends readonly number[]
  ? { -readonly [I in keyof N]: DerivativeOf<R, Args[N[I] & keyof Args]> }
  : N extends number
    ? DerivativeOf<R, Args[N]>
    : never;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The tree `T` with a new axis of length `N` on each tensor, where `A` says which. */
type Batched<T, N extends number, A> =
  IsAny<T> extends true
    ? T
    : A extends null
      ? T
      : T extends Tensor<infer S>
        ? Tensor<InsertAxis<S, N, A extends number ? A : number>>
        : T extends string | number | boolean | null | undefined | ((...args: never) => unknown)
          ? T
          : {
              [K in keyof T]: Batched<
                T[K],
                N,
                A extends readonly unknown[] | { readonly [key: string]: unknown } ? A[K & keyof A] : A
              >;
            };

type AxisTree = number | null | readonly AxisTree[] | { readonly [key: string]: AxisTree };
type OneSize<N extends number> =
  IsUnion<N> extends true ? ShapeMismatch<"vmap: the mapped axes differ in length"> : void;

/** The type of {@link vmap}. */
export type Vmap = <Args extends Arguments, R, const In extends AxisTree = 0, const Out extends AxisTree = 0>(
  f: (...args: Args) => R,
  options?: { readonly inAxes?: In; readonly outAxes?: Out },
) => <N extends number = number>(
  this: OneSize<N>,
  ...args: Batched<Args, N, In> & readonly unknown[]
) => Batched<R, N, Out>;

type Leaf = Tensor | number | string | boolean | null | undefined;
/** Keeps tuples as tuples where a result is inferred. */
type Hint = [] | readonly unknown[] | object | Leaf | void;

/** The type of {@link jit}: the function's own. */
export type Jit = <F extends (...args: Arguments extends readonly (infer A)[] ? A[] : never) => Hint>(
  f: F,
  options?: {
    readonly donate?: readonly number[];
    readonly static?: readonly number[];
    readonly cacheSize?: number;
  },
) => F;

/** The type of {@link scan}: slices lose the first axis of their sequences, results gain one. */
export type Scan = <Carry, X = null, Y = null>(
  f: (carry: Carry, x: X) => readonly [Carry, Y],
  init: Carry,
  xs: Stacked<X>,
  options?: { readonly length?: number; readonly reverse?: boolean },
) => [carry: Carry, ys: Stacked<Y>];

type Stacked<T> =
  T extends Tensor<infer S>
    ? Tensor<InsertAxis<S, number, 0>>
    : T extends null | undefined
      ? T
      : { [K in keyof T]: Stacked<T[K]> };

/** A tensor that may be a scalar. */
type Scalar = Tensor<[]> | Tensor;

/** The type of {@link cond}. */
export type Cond = <Operands extends Arguments, R extends Hint>(
  predicate: Scalar | boolean,
  onTrue: (...operands: NoInfer<Operands>) => R,
  onFalse: (...operands: NoInfer<Operands>) => R,
  ...operands: Operands
) => R;

/** The type of {@link whileLoop}. */
export type WhileLoop = <Carry extends Hint>(
  condition: (carry: Carry) => Scalar,
  body: (carry: Carry) => Carry,
  initial: Carry,
) => Carry;

/** The type of {@link foriLoop}. */
export type ForiLoop = <Carry extends Hint>(
  lower: number | Scalar,
  upper: number | Scalar,
  body: (index: Tensor<[]>, carry: Carry) => Carry,
  initial: Carry,
) => Carry;

/** The type of {@link map}. */
export type MapOver = <X, Y extends Hint>(f: (x: X) => Y, xs: Stacked<X>) => Stacked<Y>;

/** The type of {@link customJvp}. */
export type CustomJvp = <Args extends Arguments, R>(
  f: (...args: Args) => R,
  rule: (primals: Args, tangents: Args) => NoInfer<R>,
) => (...args: Args) => R;

/** The type of {@link customVjp}. */
export type CustomVjp = <Args extends Arguments, R, Residuals>(
  f: (...args: Args) => R,
  rules: {
    readonly forward: (...args: Args) => readonly [value: NoInfer<R>, residuals: Residuals];
    readonly backward: (residuals: Residuals, cotangent: NoInfer<R>) => readonly unknown[];
  },
) => (...args: Args) => R;

/** The type of {@link checkpoint}: the function's own. */
export type Checkpoint = <Args extends Arguments, R>(f: (...args: Args) => R) => (...args: Args) => R;

// The signatures that operations and transformations use, on a toy Tensor, with what they must accept and reject.
import type {
  Axes,
  AxisCheck,
  Broadcast,
  BroadcastCheck,
  BroadcastTo,
  BroadcastToCheck,
  Concat,
  ConcatCheck,
  ExpandDims,
  InsertAxis,
  IsUnion,
  MatMul,
  MatMulCheck,
  NestedCheck,
  NestedShape,
  NewAxisCheck,
  Permute,
  PermuteCheck,
  Reduce,
  Reshape,
  ReshapeCheck,
  Shape,
  ShapeMismatch,
  ShapesOf,
  Stack,
  StackCheck,
  Take,
  Transpose,
} from "../../src/shape-types.ts";
import { expectType } from "./expect-type.ts";

interface Methods {
  exp<S extends Shape>(this: Tensor<S>): Tensor<S>;
  add<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: (Tensor<B> & BroadcastCheck<A, B>) | number,
  ): Tensor<Broadcast<A, B>>;
  mul<A extends Shape, B extends Shape = []>(
    this: Tensor<A>,
    other: (Tensor<B> & BroadcastCheck<A, B>) | number,
  ): Tensor<Broadcast<A, B>>;
  matmul<A extends Shape, B extends Shape>(
    this: Tensor<A>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>>;
  sum<S extends Shape, const A extends Axes = undefined, KeepDims extends boolean = false>(
    this: Tensor<S>,
    axis?: A & AxisCheck<S, A>,
    options?: { readonly keepDims?: KeepDims },
  ): Tensor<Reduce<S, A, KeepDims>>;
  reshape<S extends Shape, const T extends Shape>(
    this: Tensor<S>,
    shape: T & ReshapeCheck<S, T>,
  ): Tensor<Reshape<S, T>>;
  permute<S extends Shape, const P extends Shape>(
    this: Tensor<S>,
    axes: P & PermuteCheck<S, P>,
  ): Tensor<Permute<S, P>>;
  transpose<S extends Shape>(this: Tensor<S>): Tensor<Transpose<S>>;
  broadcastTo<S extends Shape, const T extends Shape>(
    this: Tensor<S>,
    shape: T & BroadcastToCheck<S, T>,
  ): Tensor<BroadcastTo<T>>;
  expandDims<S extends Shape, const A extends number>(
    this: Tensor<S>,
    axis: A & NewAxisCheck<S, A>,
  ): Tensor<ExpandDims<S, A>>;
  take<S extends Shape, I extends Shape = [], const A extends number = 0>(
    this: Tensor<S>,
    indices: Tensor<I> | number,
    axis?: A & AxisCheck<S, A>,
  ): Tensor<Take<S, I, A>>;
}
interface Tensor<S extends Shape = Shape> extends Methods {
  readonly shape: S;
}

declare function exp<S extends Shape>(x: Tensor<S>): Tensor<S>;
declare function add<A extends Shape = [], B extends Shape = []>(
  a: Tensor<A> | number,
  b: (Tensor<B> & BroadcastCheck<A, B>) | number,
): Tensor<Broadcast<A, B>>;
declare function where<C extends Shape, A extends Shape = [], B extends Shape = []>(
  condition: Tensor<C>,
  a: (Tensor<A> & BroadcastCheck<C, A>) | number,
  b: (Tensor<B> & BroadcastCheck<Broadcast<C, A>, B>) | number,
): Tensor<Broadcast<Broadcast<C, A>, B>>;
declare function concat<const List extends readonly Tensor[], const A extends number = 0>(
  tensors: List & ConcatCheck<ShapesOf<List>, A>,
  axis?: A,
): Tensor<Concat<ShapesOf<List>, A>>;
declare function stack<const List extends readonly Tensor[], const A extends number = 0>(
  tensors: List & StackCheck<ShapesOf<List>, A>,
  axis?: A,
): Tensor<Stack<ShapesOf<List>, A>>;
type Nested = number | boolean | readonly Nested[];
declare function tensor<const T extends Nested | ArrayLike<number>>(
  data: T & NestedCheck<T>,
): Tensor<NestedShape<T>>;
declare function zeros<const S extends Shape>(shape: S): Tensor<BroadcastTo<S>>;

/** The tree `T` with a new axis of length `N` on each tensor. */
type Batched<T, N extends number, A> = 0 extends 1 & T
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
type InAxes = number | null | readonly InAxes[] | { readonly [key: string]: InAxes };
type OneSize<N extends number> =
  IsUnion<N> extends true ? ShapeMismatch<"vmap: the mapped axes differ in length"> : void;
interface VmapOptions<In, Out> {
  readonly inAxes?: In;
  readonly outAxes?: Out;
}
declare function vmap<
  Args extends readonly unknown[],
  R,
  const In extends InAxes = 0,
  const Out extends number = 0,
>(
  f: (...args: Args) => R,
  options?: VmapOptions<In, Out>,
): <N extends number = number>(
  this: OneSize<N>,
  ...args: Batched<Args, N, In> & readonly unknown[]
) => Batched<R, N, Out>;

/** Fails for a function whose result is known not to be a scalar. */
type ScalarCheck<R> =
  Awaited<R> extends Tensor<infer S>
    ? number extends S["length"]
      ? unknown
      : S extends readonly []
        ? unknown
        : ShapeMismatch<"grad: the function must return a scalar, reduce it with sum() or mean()">
    : unknown;
type Gradient<Args extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [I in keyof N]: Args[N[I] & keyof Args] }
  : N extends number
    ? Args[N]
    : never;
type Async<R, T> = R extends Promise<unknown> ? Promise<T> : T;
interface GradOptions<N> {
  readonly argnums?: N;
}
declare function grad<
  Args extends readonly unknown[],
  R extends Tensor | Promise<Tensor>,
  const N extends number | readonly number[] = 0,
>(
  f: ((...args: Args) => R) & ScalarCheck<R>,
  options?: GradOptions<N>,
): (...args: Args) => Async<R, Gradient<Args, N>>;
declare function valueAndGrad<
  Args extends readonly unknown[],
  R extends Tensor | Promise<Tensor>,
  const N extends number | readonly number[] = 0,
>(
  f: ((...args: Args) => R) & ScalarCheck<R>,
  options?: GradOptions<N>,
): (...args: Args) => Async<R, [value: Awaited<R>, gradient: Gradient<Args, N>]>;

const matrix = zeros([2, 3]);
const vector = zeros([3]);
const square = zeros([4, 4]);
declare const untyped: Tensor;
declare const dynamic: number[];
declare const axis: number;
declare const rows: Tensor<[number, 3]>;
declare const either: Tensor<[2, 3] | [4]>;
declare const list: Tensor<[2, 3]>[];

// Typed tensors are tensors; every method infers through `this`

export const asTensor: Tensor = matrix;
export const asRows: Tensor<[number, 3]> = matrix;
export const asList: readonly Tensor[] = [matrix, vector];
// @ts-expect-error the rank is not known to be 2
export const asMatrix: Tensor<[2, 3]> = untyped;

// Creation

expectType<Tensor<[2, 3]>>()(matrix);
expectType<Tensor<[]>>()(zeros([]));
expectType<Tensor>()(zeros(dynamic));
expectType<Tensor<[2, number]>>()(zeros([2, axis]));
expectType<Tensor<[2, 3]>>()(zeros(matrix.shape));
expectType<Tensor<[]>>()(tensor(3));
expectType<Tensor<[]>>()(tensor(true));
expectType<Tensor<[2, 2]>>()(
  tensor([
    [1, 2],
    [3, 4],
  ]),
);
expectType<Tensor<[0]>>()(tensor([]));
expectType<Tensor<[number]>>()(tensor(dynamic));
expectType<Tensor<[number]>>()(tensor(new Float32Array(3)));
expectType<Tensor<[2, number]>>()(tensor([dynamic, dynamic]));
expectType<Tensor>()(tensor([] as Nested));
// @ts-expect-error the rows of a nested array must all have the same shape
tensor([[1, 2], [3]]);
// @ts-expect-error not numbers
tensor(["a"]);

// Elementwise

expectType<Tensor<[2, 3]>>()(matrix.exp());
expectType<Tensor<[2, 3]>>()(exp(matrix));
expectType<Tensor<[2, 3]>>()(matrix.add(2));
expectType<Tensor<[2, 3]>>()(matrix.add(matrix));
expectType<Tensor<[2, 3]>>()(matrix.add(vector).mul(zeros([2, 1])));
expectType<Tensor<[2, 3]>>()(vector.add(matrix));
expectType<Tensor<[2, 3]>>()(zeros([]).add(matrix));
expectType<Tensor<[2, 3]>>()(add(1, matrix));
expectType<Tensor<[2, 3]>>()(add(matrix, 1));
expectType<Tensor<[2, 3]>>()(add(vector, matrix));
expectType<Tensor<[]>>()(add(1, 2));
expectType<Tensor<[2, 3]>>()(rows.add(matrix));
expectType<Tensor>()(untyped.add(matrix));
expectType<Tensor>()(matrix.add(untyped));
expectType<Tensor>()(either.add(matrix));
expectType<Tensor<[2, 3]>>()(where(matrix, 0, vector));
expectType<Tensor<[2, 3]>>()(where(vector, matrix, zeros([2, 1])));
// @ts-expect-error cannot broadcast [2, 3] with [4]: dimension -1 is 3 and 4
matrix.add(zeros([4]));
// @ts-expect-error cannot broadcast [2, 3] with [4]
add(matrix, zeros([4]));
// @ts-expect-error cannot broadcast [number, 3] with [4]
rows.add(zeros([4]));
// @ts-expect-error cannot broadcast [2, 3] with [2]
where(matrix, zeros([2]), 0);
// @ts-expect-error cannot broadcast [2, 3] with [2]
where(vector, matrix, zeros([2]));

// Matrix products

expectType<Tensor<[2, 4]>>()(matrix.matmul(zeros([3, 4])));
expectType<Tensor<[2]>>()(matrix.matmul(vector));
expectType<Tensor<[]>>()(vector.matmul(vector));
expectType<Tensor<[number, 4]>>()(rows.matmul(zeros([3, 4])));
expectType<Tensor>()(matrix.matmul(untyped));
// @ts-expect-error cannot multiply [2, 3] by [2, 3]: inner dimensions 3 and 2 must agree (not inferred as the union 2 | 3)
matrix.matmul(matrix);
// @ts-expect-error a scalar has no axes, use mul
matrix.matmul(zeros([]));

// Reductions and shape changes

expectType<Tensor<[]>>()(matrix.sum());
expectType<Tensor<[3]>>()(matrix.sum(0));
expectType<Tensor<[2, 1]>>()(matrix.sum(-1, { keepDims: true }));
expectType<Tensor<[1, 1]>>()(matrix.sum(undefined, { keepDims: true }));
expectType<Tensor<[]>>()(matrix.sum([0, 1]));
expectType<Tensor>()(matrix.sum(axis));
expectType<Tensor>()(matrix.sum(dynamic));
expectType<Tensor<[]>>()(untyped.sum());
expectType<Tensor>()(untyped.sum(0));
// @ts-expect-error axis 2 is out of range for [2, 3]
matrix.sum(2);
// @ts-expect-error axis -3 is out of range for [2, 3]
matrix.sum([0, -3]);
expectType<Tensor<[3, 2]>>()(matrix.reshape([3, 2]));
expectType<Tensor<[6]>>()(matrix.reshape([-1]));
expectType<Tensor<[3, 7]>>()(untyped.reshape([3, 7]));
expectType<Tensor>()(matrix.reshape(dynamic));
// @ts-expect-error cannot reshape [2, 3] to [4]: 6 elements do not fill 4
matrix.reshape([4]);
// @ts-expect-error 6 elements do not divide by 4
matrix.reshape([-1, 4]);
expectType<Tensor<[3, 2]>>()(matrix.permute([1, 0]));
expectType<Tensor<[3, 2]>>()(matrix.transpose());
// @ts-expect-error each axis must appear once
matrix.permute([0, 0]);
expectType<Tensor<[5, 2, 3]>>()(matrix.broadcastTo([5, 2, 3]));
expectType<Tensor<[2, 3]>>()(untyped.broadcastTo([2, 3]));
// @ts-expect-error cannot broadcast [2, 3] to [3, 3]
matrix.broadcastTo([3, 3]);
expectType<Tensor<[2, 1, 3]>>()(matrix.expandDims(1));
// @ts-expect-error axis 3 is out of range for [2, 3]
matrix.expandDims(3);
expectType<Tensor<[5, 3]>>()(matrix.take(zeros([5])));
expectType<Tensor<[2]>>()(matrix.take(0, 1));
expectType<Tensor<[2, 5, 6]>>()(matrix.take(zeros([5, 6]), -1));
// @ts-expect-error axis 2 is out of range for [2, 3]
matrix.take(0, 2);

// Joining

expectType<Tensor<[4, 3]>>()(concat([matrix, matrix]));
expectType<Tensor<[2, 6]>>()(concat([matrix, matrix], -1));
expectType<Tensor<[number, 3]>>()(concat(list));
expectType<Tensor<[2, 2, 3]>>()(stack([matrix, matrix]));
expectType<Tensor<[2, 3, 3]>>()(stack([matrix, matrix, matrix], -1));
expectType<Tensor<[number, 2, 3]>>()(stack(list));
expectType<Tensor>()(concat([matrix, untyped]));
// @ts-expect-error cannot concat [2, 3] and [4, 4]: axis 1 is 3 and 4
concat([matrix, square]);
// @ts-expect-error cannot stack [2, 3] and [3]: the ranks differ
stack([matrix, vector]);
// @ts-expect-error axis 2 is out of range for [2, 3]
concat([matrix, matrix], 2);

// Generic functions: a shape that is a type parameter passes, dimensions that are type parameters are compared

export function gelu<S extends Shape>(x: Tensor<S>): Tensor<S> {
  return x.add(x).mul(2).exp().add(x.sum());
}
export function outer<S extends Shape, T extends Shape>(x: Tensor<S>, y: Tensor<T>): Tensor<Broadcast<S, T>> {
  return x.add(y);
}
export function normalised<S extends Shape>(x: Tensor<S>): Tensor {
  return x
    .add(x.sum(-1, { keepDims: true }))
    .matmul(square)
    .sum(0)
    .reshape([3])
    .broadcastTo([2, 3]);
}
export function pair<S extends Shape>(x: Tensor<S>): Tensor {
  return concat([x, x]).add(stack([x, x]));
}
export function doubled<S extends Shape>(x: Tensor<S>): Tensor<Broadcast<[], S>> {
  return add(2, x);
}
export function dense<B extends number, I extends number, O extends number>(
  x: Tensor<[B, I]>,
  w: Tensor<[I, O]>,
  b: Tensor<[O]>,
): Tensor<[B, O]> {
  // @ts-expect-error the operands are swapped
  w.matmul(x);
  // @ts-expect-error the bias belongs to the output
  x.add(b);
  return x.matmul(w).add(b);
}
expectType<Tensor<[2, 3]>>()(gelu(matrix));
expectType<Tensor<[2, 3]>>()(outer(matrix, vector));
expectType<Tensor<[2, 4]>>()(dense(matrix, zeros([3, 4]), zeros([4])));

// Gradients have the type of the parameters

interface Params {
  w: Tensor<[4, 3]>;
  b: Tensor<[3]>;
}
const params: Params = { w: zeros([4, 3]), b: zeros([3]) };
const data = zeros([150, 4]);
const loss = (p: Params, x: Tensor<[150, 4]>): Tensor<[]> => x.matmul(p.w).add(p.b).sum();
expectType<Params>()(grad(loss)(params, data));
expectType<Tensor<[150, 4]>>()(grad(loss, { argnums: 1 })(params, data));
expectType<[Params, Tensor<[150, 4]>]>()(grad(loss, { argnums: [0, 1] })(params, data));
expectType<[value: Tensor<[]>, gradient: Params]>()(valueAndGrad(loss)(params, data));
expectType<Promise<Tensor<[3]>>>()(grad(async (x: Tensor<[3]>) => x.sum())(vector));
expectType<Tensor<[]>>()(grad(grad((x: Tensor<[]>) => x.exp()))(zeros([])));
expectType<Tensor>()(grad((x: Tensor) => x.exp())(matrix));
// @ts-expect-error the function must return a scalar
grad((x: Tensor<[3]>) => x.exp());
// @ts-expect-error the function must return a scalar
grad(grad((x: Tensor<[3]>) => x.sum()));
// @ts-expect-error [150, 5] is not [150, 4]
grad(loss)(params, zeros([150, 5]));

// vmap adds an axis to every mapped tensor of every tree

const dot = (x: Tensor<[3]>, y: Tensor<[3]>): Tensor<[]> => x.matmul(y);
expectType<Tensor<[7]>>()(vmap(dot)(zeros([7, 3]), zeros([7, 3])));
expectType<Tensor<[number]>>()(vmap(dot)(zeros([7, 3]), rows));
expectType<Tensor<[7]>>()(vmap(dot, { inAxes: [0, null] })(zeros([7, 3]), vector));
expectType<Tensor<[7]>>()(vmap(dot, { inAxes: [1, 0] })(zeros([3, 7]), zeros([7, 3])));
expectType<Tensor<[3, 7]>>()(vmap((x: Tensor<[3]>) => x.exp(), { outAxes: -1 })(zeros([7, 3])));
expectType<Tensor>()(vmap((x: Tensor) => x.exp())(zeros([7, 3])));
expectType<{ w: Tensor<[7, 4, 3]>; b: Tensor<[7, 3]> }>()(
  vmap((p: Params) => p)({ w: zeros([7, 4, 3]), b: zeros([7, 3]) }),
);
expectType<{ w: Tensor<[5, 4, 3]>; b: Tensor<[5, 3]> }>()(
  vmap(grad(loss), { inAxes: [null, 0] })(params, zeros([5, 150, 4])),
);
expectType<Tensor<[5, 4, 3]>>()(
  vmap((p: Params) => p.w, { inAxes: [{ w: 0, b: null }] })({ w: zeros([5, 4, 3]), b: zeros([3]) }),
);
expectType<Tensor<[5, number]>>()(vmap(vmap(dot))(zeros([5, 7, 3]), zeros([5, 7, 3])));
// @ts-expect-error the mapped axes differ in length
vmap(dot)(zeros([7, 3]), zeros([8, 3]));
// @ts-expect-error [7, 4] is not a batch of [3]
vmap(dot)(zeros([7, 4]), zeros([7, 3]));

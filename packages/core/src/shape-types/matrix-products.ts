import type { Broadcast, Compare, Mismatch, SameDim } from "./broadcasting.ts";
import type { AreRanked, Resolved, Shape, Text } from "./known.ts";

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

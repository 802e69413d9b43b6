import { cond, einsum, foriLoop, map, type Tensor, whileLoop } from "@amari/core";
import type { Mismatch } from "../../src/shape-types/broadcasting.ts";
import type {
  Conv,
  ConvCheck,
  Einsum,
  EinsumCheck,
  MoveAxis,
  Pad,
  PadCheck,
  Pool,
  Shape,
  ShapeMismatch,
  Slice,
  SliceCheck,
} from "../../src/shape-types.ts";
import { expectType, same } from "./expect-type.ts";

type None = Record<never, never>;

// Slices

same<Slice<[4, 5, 6], []>, [4, 5, 6]>();
same<Slice<[4, 5, 6], [0]>, [5, 6]>();
same<Slice<[4, 5, 6], [null, 0]>, [4, 6]>();
same<Slice<[4, 5, 6], [readonly [1, 3], 2]>, [2, 6]>();
same<Slice<[4], [readonly [1, 9]]>, [3]>();
same<Slice<[4], [readonly [3, 1]]>, [0]>();
same<Slice<[4], [readonly [9, 12]]>, [0]>();
same<Slice<[128], [readonly [100, 128]]>, [28]>();
same<Slice<[4], [readonly [-2, 4]]>, [number]>();
same<Slice<[4], [readonly [0, -1]]>, [number]>();
same<Slice<[4], [readonly [0, 4, 2]]>, [number]>();
same<Slice<[number, 5], [readonly [0, 2]]>, [number, 5]>();
same<Slice<[4, 5], [readonly [0, number]]>, [number, 5]>();
same<Slice<[4, 5], [number]>, [5]>();
same<Slice<[4, 5], [number | null]>, Shape>();
same<Slice<[4, 5], (number | null)[]>, Shape>();
same<Slice<[4], [0, 0]>, Shape>();
same<Slice<Shape, [0]>, Shape>();
same<SliceCheck<[4, 5], [0, readonly [0, 9]]>, unknown>();
same<SliceCheck<[number, 5], [9, -1]>, unknown>();
same<SliceCheck<Shape, [0, 0]>, unknown>();
same<SliceCheck<[4], [0, 0]>, ShapeMismatch<"cannot slice [4]: there are more entries than axes">>();
same<
  SliceCheck<[4, 5], [null, 5]>,
  ShapeMismatch<"cannot slice [4, 5]: index 5 is past the end of axis 1">
>();

// Moved axes

same<MoveAxis<[2, 3, 4], 0, -1>, [3, 4, 2]>();
same<MoveAxis<[2, 3, 4], 2, 0>, [4, 2, 3]>();
same<MoveAxis<[2, 3, 4], -1, 1>, [2, 4, 3]>();
same<MoveAxis<[2, number], 0, 1>, [number, 2]>();
same<MoveAxis<[2, 3], number, 0>, [number, number]>();
same<MoveAxis<Shape, 0, 1>, Shape>();

// Padding

same<Pad<[2, 3], [[1, 0], [0, 2]]>, [3, 5]>();
same<Pad<[number, 3], [[1, 0], [8, 9]]>, [number, 20]>();
same<Pad<[2], [[number, 0]]>, [number]>();
same<Pad<[2, 3], (readonly [number, number])[]>, [number, number]>();
same<Pad<Shape, [[1, 1]]>, Shape>();
same<PadCheck<[2, number], [[1, 0], [0, 2]]>, unknown>();
same<PadCheck<[2, 3], (readonly [number, number])[]>, unknown>();
same<
  PadCheck<[2, 3], [[1, 1]]>,
  ShapeMismatch<"cannot pad [2, 3]: it has 2 axes, and there are widths for 1">
>();

// Windows that slide

same<Conv<[8, 3, 32, 32], [16, 3, 5, 5], None>, [8, 16, 28, 28]>();
same<Conv<[8, 3, 32, 32], [16, 3, 3, 3], { strides: 2; padding: 1 }>, [8, 16, 16, 16]>();
same<Conv<[8, 3, 7, 7], [16, 3, 3, 3], { strides: readonly [2, 3]; padding: "same" }>, [8, 16, 4, 3]>();
same<Conv<[8, 3, 32], [16, 3, 3], { padding: "valid"; dilation: 4 }>, [8, 16, 24]>();
same<Conv<[8, 3, 10], [16, 3, 3], { padding: readonly [readonly [2, 0]] }>, [8, 16, 10]>();
same<Conv<[number, 3, 10, number], [16, 3, 3, 3], None>, [number, 16, 8, number]>();
same<Conv<[8, 3, 10], [16, 3, 3], { strides?: 2 }>, [8, 16, number]>();
same<Conv<[8, 3, 10], [16, 3, 3], { strides: number }>, [8, 16, number]>();
same<Conv<[8, 3, 10], [16, 3, 3], { padding: "same" | "valid" }>, [8, 16, number]>();
same<Conv<[8, 3, 2], [16, 3, 3], None>, [8, 16, number]>();
same<Conv<[8, 3, 10, 10], [16, 3, 3], None>, Shape>();
same<Conv<Shape, [16, 3, 3], None>, Shape>();
same<ConvCheck<[8, 6, 10], [16, 3, 3], { groups: 2 }>, unknown>();
same<ConvCheck<[8, number, 10], [16, 3, 3], None>, unknown>();
same<ConvCheck<[8, 3, 10], [16, 4, 3], { groups: number }>, unknown>();
same<ConvCheck<Shape, [16, 4, 3], None>, unknown>();
same<
  ConvCheck<[8, 3, 10], [16, 3, 3], { groups: 2 }>,
  Mismatch<[8, 3, 10], [16, 3, 3], "convolve", "by", "3 channels, and the kernel takes 6">
>();
same<
  ConvCheck<[8, 3, 10], [16, 3, 3, 3], None>,
  Mismatch<[8, 3, 10], [16, 3, 3, 3], "convolve", "by", "the ranks differ">
>();
same<Pool<[8, 3, 28, 28], 2, None>, [8, 3, 14, 14]>();
same<Pool<[8, 3, 7, 9], readonly [2, 3], None>, [8, 3, 3, 3]>();
same<Pool<[8, 3, 7], 3, { strides: 2; padding: "same" }>, [8, 3, 4]>();
same<Pool<[8, 3, 7], number, None>, [8, 3, number]>();
same<Pool<Shape, 2, None>, Shape>();

// Einstein summation

same<Einsum<"ij,jk->ik", [[2, 3], [3, 4]]>, [2, 4]>();
same<Einsum<"b i j, b j k -> b i k", [[5, 2, 3], [5, 3, 4]]>, [5, 2, 4]>();
same<Einsum<"ii->i", [[3, 3]]>, [3]>();
same<Einsum<"ij->", [[2, 3]]>, []>();
same<Einsum<"ij,jk->ki", [[2, number], [3, number]]>, [number, 2]>();
same<Einsum<"ij,j->ji", [Shape, [3]]>, [3, number]>();
same<Einsum<"ij", [[2, 3]]>, Shape>();
same<Einsum<string, [[2, 3]]>, Shape>();
same<Einsum<"ij->i", Shape[]>, [number]>();
same<EinsumCheck<"ij,jk->ik", [[2, 3], [3, 4]]>, unknown>();
same<EinsumCheck<"ij,jk->ik", [[2, number], [3, 4]]>, unknown>();
same<EinsumCheck<"ij->i", Shape[]>, unknown>();
same<EinsumCheck<"ij,jk->ik", [[2, 3], [4, 4]]>, ShapeMismatch<"einsum: axis j is 3 and 4">>();
same<EinsumCheck<"ij->iz", [[2, 3]]>, ShapeMismatch<"einsum: axis z of the result is in no operand">>();
same<EinsumCheck<"ij->i", [[2]]>, ShapeMismatch<'einsum: "ij" names more axes than its operand has'>>();
same<EinsumCheck<"i->i", [[2, 3]]>, ShapeMismatch<'einsum: "i" names fewer axes than its operand has'>>();
same<EinsumCheck<"i,j->ij", [[2]]>, ShapeMismatch<'einsum: "i,j" names more operands than there are'>>();
same<EinsumCheck<"i->i", [[2], [3]]>, ShapeMismatch<'einsum: "i" names fewer operands than there are'>>();

// As users call them

declare const x: Tensor<[4, 5, 6]>;
declare const images: Tensor<[8, 3, 32, 32]>;
declare const kernel: Tensor<[16, 3, 5, 5]>;
declare const a: Tensor<[2, 3]>;
declare const unknown: Tensor;

expectType<Tensor<[2, 6]>>()(x.slice([1, 3], 0));
expectType<Tensor>()(unknown.slice(0, [1, 3]));
expectType<Tensor<[5, 6, 4]>>()(x.moveAxis(0, -1));
// @ts-expect-error: axis 3 is out of range for [4, 5, 6]
x.moveAxis(3, 0);
expectType<Tensor<[6, 5, 8]>>()(
  x.pad([
    [1, 1],
    [0, 0],
    [2, 0],
  ]),
);
expectType<Tensor<[8, 16, 28, 28]>>()(images.conv(kernel));
expectType<Tensor<[8, 16, 16, 16]>>()(images.conv(kernel, { strides: 2, padding: "same" }));
expectType<Tensor<[8, 3, 16, 16]>>()(images.maxPool(2));
expectType<Tensor<[8, 3, 31, 31]>>()(images.averagePool(2, { strides: 1, countIncludePadding: false }));
expectType<Tensor<[3, 2]>>()(einsum("ij->ji", a));
expectType<Tensor<[2, 2]>>()(einsum("ij,kj->ik", a, a));
// @ts-expect-error: einsum: axis j is 3 and 2
einsum("ij,jk->ik", a, a);
expectType<Tensor>()(einsum("ij,jk->ik" as string, a, unknown));

// @ts-expect-error: cannot slice [4, 5, 6]: index 4 is past the end of axis 0
x.slice(4);
// @ts-expect-error: cannot pad [2, 3]: it has 2 axes, and there are widths for 1
a.pad([[1, 1]]);
// @ts-expect-error: cannot convolve [8, 3, 32, 32] by [16, 3, 5, 5]: 3 channels, and the kernel takes 9
images.conv(kernel, { groups: 3 });

expectType<Tensor<[4, 5, 6]>>()(x.sort(1));
expectType<Tensor<[4, 5, 6]>>()(x.argsort());
expectType<Tensor<[2, 1]>>()(a.takeAlongAxis(a.argmax(1).expandDims(-1), 1));
// @ts-expect-error: axis 2 is out of range for [2, 3]
a.sort(2);

function generic<S extends Shape>(y: Tensor<S>) {
  const results: Tensor[] = [y.slice(0), y.pad([[1, 1]]), y.conv(y), einsum("ij,jk->ik", y, y)];
  return results;
}
generic(a);

// Branches and loops keep their types

declare const isLarge: Tensor<[]>;
expectType<Tensor<[2, 3]>>()(
  cond(
    isLarge,
    (y) => y.mul(2),
    (y) => y,
    a,
  ),
);
expectType<[Tensor<[2, 3]>, Tensor<[]>]>()(
  whileLoop(
    ([, n]) => n.lt(3),
    ([y, n]) => [y.mul(2), n.add(1)],
    [a, isLarge],
  ),
);
expectType<Tensor<[2, 3]>>()(foriLoop(0, 3, (i, y) => y.mul(i), a));
expectType<Tensor<[number, 5, 6]>>()(map((y: Tensor<[5, 6]>) => y.mul(2), x));
declare const other: () => typeof x;
// @ts-expect-error: the branches differ in shape
cond(isLarge, () => a, other);
// @ts-expect-error: the carry changes its shape
foriLoop(0, 3, (_, y) => y.sum(0), a);

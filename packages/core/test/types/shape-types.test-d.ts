import type {
  AxisCheck,
  Broadcast,
  BroadcastCheck,
  BroadcastToCheck,
  Concat,
  ConcatCheck,
  Display,
  DropLeading,
  ExpandDims,
  InsertAxis,
  MatMul,
  MatMulCheck,
  MatrixTranspose,
  Mutable,
  NestedCheck,
  NestedShape,
  NewAxisCheck,
  OneHot,
  Permute,
  PermuteCheck,
  Prepend,
  Reduce,
  Reshape,
  ReshapeCheck,
  Shape,
  ShapeMismatch,
  Squeeze,
  SqueezeCheck,
  Stack,
  StackCheck,
  Take,
  Transpose,
} from "../../src/shape-types.ts";
import { same } from "./expect-type.ts";

// Display and the form users write

same<Display<[2, 3]>, "[2, 3]">();
same<Display<[]>, "[]">();
same<Display<readonly [2, number]>, "[2, number]">();
same<Display<[2 | 3, 4 | 5]>, "[number, number]">();
same<Display<Shape>, "[...number]">();
same<Mutable<readonly [2, 3]>, [2, 3]>();
same<Mutable<number[]>, Shape>();
same<Mutable<Shape>, Shape>();

// Nested arrays

same<NestedShape<3>, []>();
same<NestedShape<boolean>, []>();
same<NestedShape<readonly [1, 2, 3]>, [3]>();
same<NestedShape<readonly [readonly [1, 2], readonly [3, 4]]>, [2, 2]>();
same<NestedShape<readonly []>, [0]>();
same<NestedShape<readonly [readonly [], readonly []]>, [2, 0]>();
same<NestedShape<number[]>, [number]>();
same<NestedShape<number[][]>, [number, number]>();
same<NestedShape<[number[], number[]]>, [2, number]>();
same<NestedShape<Float32Array>, [number]>();
same<NestedShape<NestedNumbers>, Shape>();
same<NestedShape<unknown>, Shape>();
same<NestedShape<any>, Shape>();
same<NestedCheck<readonly [readonly [1, 2], readonly [3, 4]]>, unknown>();
same<NestedCheck<number[][]>, unknown>();
same<NestedCheck<NestedNumbers>, unknown>();
same<NestedCheck<any>, unknown>();
same<
  NestedCheck<readonly [readonly [1, 2], readonly [3]]>,
  ShapeMismatch<"the rows of a nested array must all have the same shape">
>();
type NestedNumbers = number | readonly NestedNumbers[];

// Broadcasting

same<Broadcast<[2, 3], [2, 3]>, [2, 3]>();
same<Broadcast<[2, 1], [3]>, [2, 3]>();
same<Broadcast<[3], [2, 1]>, [2, 3]>();
same<Broadcast<[], [2, 3]>, [2, 3]>();
same<Broadcast<[2, 3], []>, [2, 3]>();
same<Broadcast<[8, 1, 6, 1], [7, 1, 5]>, [8, 7, 6, 5]>();
same<Broadcast<[number], [1]>, [number]>();
same<Broadcast<[1], [number]>, [number]>();
same<Broadcast<[number], [4]>, [4]>();
same<Broadcast<[4], [number]>, [4]>();
same<Broadcast<[number, 3], [2, 3]>, [2, 3]>();
same<Broadcast<[number], [number]>, [number]>();
same<Broadcast<Shape, [2]>, Shape>();
same<Broadcast<[2], number[]>, Shape>();
same<Broadcast<[2] | [3], [1]>, Shape>();
same<Broadcast<[2 | 3], [1]>, [2 | 3]>();
same<Broadcast<[1 | 3], [number]>, [number]>();
same<Broadcast<[0], [1]>, [0]>();
same<
  BroadcastCheck<[2, 3], [4]>,
  ShapeMismatch<"cannot broadcast [2, 3] with [4]: dimension -1 is 3 and 4">
>();
same<
  BroadcastCheck<[2, 3], [4, 1]>,
  ShapeMismatch<"cannot broadcast [2, 3] with [4, 1]: dimension -2 is 2 and 4">
>();
same<BroadcastCheck<[2, 1], [3]>, unknown>();
same<BroadcastCheck<[number, 3], [7, 1]>, unknown>();
same<
  BroadcastCheck<[number, 3], [7, 2]>,
  ShapeMismatch<"cannot broadcast [number, 3] with [7, 2]: dimension -1 is 3 and 2">
>();
same<BroadcastCheck<Shape, [2]>, unknown>();
same<BroadcastCheck<[2] | [3], [4]>, unknown>();
same<BroadcastCheck<[2 | 3], [3 | 4]>, unknown>();
same<BroadcastCheck<[1 | 2], [3]>, unknown>();
same<BroadcastCheck<any, [3]>, unknown>();
same<BroadcastToCheck<[3], [2, 3]>, unknown>();
same<BroadcastToCheck<[1, 3], [2, 3]>, unknown>();
same<BroadcastToCheck<[number], [2, 3]>, unknown>();
same<BroadcastToCheck<[3], number[]>, unknown>();
same<BroadcastToCheck<[2], [2, 3]>, ShapeMismatch<"cannot broadcast [2] to [2, 3]">>();
same<BroadcastToCheck<[2, 3], [1, 3]>, ShapeMismatch<"cannot broadcast [2, 3] to [1, 3]">>();
same<BroadcastToCheck<[2, 3], [3]>, ShapeMismatch<"cannot broadcast [2, 3] to [3]">>();

// Matrix products

same<MatMul<[2, 3], [3, 4]>, [2, 4]>();
same<MatMul<[3], [3]>, []>();
same<MatMul<[3], [3, 4]>, [4]>();
same<MatMul<[3], [5, 3, 4]>, [5, 4]>();
same<MatMul<[2, 3], [3]>, [2]>();
same<MatMul<[5, 2, 3], [3]>, [5, 2]>();
same<MatMul<[5, 2, 3], [3, 4]>, [5, 2, 4]>();
same<MatMul<[5, 1, 2, 3], [6, 3, 4]>, [5, 6, 2, 4]>();
same<MatMul<[number, 3], [3, 4]>, [number, 4]>();
same<MatMul<Shape, [3, 4]>, Shape>();
same<
  MatMulCheck<[2, 3], [4, 5]>,
  ShapeMismatch<"cannot multiply [2, 3] by [4, 5]: inner dimensions 3 and 4 must agree">
>();
same<
  MatMulCheck<[2, 3], [2]>,
  ShapeMismatch<"cannot multiply [2, 3] by [2]: inner dimensions 3 and 2 must agree">
>();
same<
  MatMulCheck<[2], [3, 4]>,
  ShapeMismatch<"cannot multiply [2] by [3, 4]: inner dimensions 2 and 3 must agree">
>();
same<MatMulCheck<[], [3, 4]>, ShapeMismatch<"cannot multiply [] by [3, 4]: a scalar has no axes, use mul">>();
same<MatMulCheck<[3], []>, ShapeMismatch<"cannot multiply [3] by []: a scalar has no axes, use mul">>();
same<
  MatMulCheck<[5, 2, 3], [6, 3, 4]>,
  ShapeMismatch<"cannot multiply [5, 2, 3] by [6, 3, 4]: dimension -3 is 5 and 6">
>();
same<MatMulCheck<[5, 2, 3], [3, 4]>, unknown>();
same<MatMulCheck<[2, 3], [3]>, unknown>();
same<MatMulCheck<[3], [3]>, unknown>();
same<MatMulCheck<[2, number], [3, 4]>, unknown>();
same<MatMulCheck<Shape, [3, 4]>, unknown>();
same<MatMulCheck<[2, 3], [2 | 3, 4]>, unknown>();

// Axes

same<Reduce<[2, 3, 4], 1, false>, [2, 4]>();
same<Reduce<[2, 3, 4], -1, false>, [2, 3]>();
same<Reduce<[2, 3, 4], -1, true>, [2, 3, 1]>();
same<Reduce<[2, 3, 4], readonly [0, -1], false>, [3]>();
same<Reduce<[2, 3, 4], [0, 1], true>, [1, 1, 4]>();
same<Reduce<[2, 3, 4], [], false>, [2, 3, 4]>();
same<Reduce<[2, 3, 4], undefined, false>, []>();
same<Reduce<[2, 3, 4], undefined, true>, [1, 1, 1]>();
same<Reduce<Shape, undefined, false>, []>();
same<Reduce<Shape, undefined, true>, Shape>();
same<Reduce<Shape, 0, false>, Shape>();
same<Reduce<[2, 3], number, false>, Shape>();
same<Reduce<[2, 3], 0 | 1, false>, Shape>();
same<Reduce<[2, 3], number[], false>, Shape>();
same<Reduce<[2, 3], 0 | undefined, false>, Shape>();
same<Reduce<[2, 3], 0, boolean>, Shape>();
same<Reduce<[number, 3], 1, false>, [number]>();
same<AxisCheck<[2, 3], 1>, unknown>();
same<AxisCheck<[2, 3], -2>, unknown>();
same<AxisCheck<[2, 3], 2>, ShapeMismatch<"axis 2 is out of range for [2, 3]">>();
same<AxisCheck<[2, 3], [0, -3]>, ShapeMismatch<"axis -3 is out of range for [2, 3]">>();
same<AxisCheck<[], 0>, ShapeMismatch<"axis 0 is out of range for []">>();
same<AxisCheck<[2, 3], undefined>, unknown>();
same<AxisCheck<[2, 3], number>, unknown>();
same<AxisCheck<[2, 3], 5 | undefined>, unknown>();
same<AxisCheck<Shape, 5>, unknown>();
same<NewAxisCheck<[2, 3], 2>, unknown>();
same<NewAxisCheck<[2, 3], 3>, ShapeMismatch<"axis 3 is out of range for [2, 3]">>();
same<ExpandDims<[2, 3], 0>, [1, 2, 3]>();
same<ExpandDims<[2, 3], -1>, [2, 3, 1]>();
same<ExpandDims<[2, 3], -2>, [2, 1, 3]>();
same<ExpandDims<[2, 3], 2>, [2, 3, 1]>();
same<ExpandDims<[], 0>, [1]>();
same<ExpandDims<[2, 3], number>, Shape>();
same<Squeeze<[1, 3, 1], undefined>, [3]>();
same<Squeeze<[1, 3, 1], 0>, [3, 1]>();
same<Squeeze<[1, 3, 1], [0, -1]>, [3]>();
same<Squeeze<[1, number], undefined>, Shape>();
same<SqueezeCheck<[1, 3], 0>, unknown>();
same<SqueezeCheck<[1, 3], undefined>, unknown>();
same<SqueezeCheck<[number, 3], 0>, unknown>();
same<SqueezeCheck<[2, 3], 0>, ShapeMismatch<"cannot squeeze [2, 3]: axis 0 is longer than 1">>();
same<SqueezeCheck<[2, 3], 4>, ShapeMismatch<"axis 4 is out of range for [2, 3]">>();
same<Permute<[2, 3, 4], [2, 0, 1]>, [4, 2, 3]>();
same<Permute<[2, 3, 4], readonly [-1, 0, -2]>, [4, 2, 3]>();
same<Permute<[2, 3], number[]>, Shape>();
same<Permute<Shape, [1, 0]>, Shape>();
same<PermuteCheck<[2, 3, 4], [2, 0, 1]>, unknown>();
same<PermuteCheck<[2, 3, 4], [-1, 0, -2]>, unknown>();
same<
  PermuteCheck<[2, 3], [0, 0]>,
  ShapeMismatch<"cannot permute [2, 3] by [0, 0]: each axis must appear once">
>();
same<PermuteCheck<[2, 3], [0]>, ShapeMismatch<"cannot permute [2, 3] by [0]: each axis must appear once">>();
same<
  PermuteCheck<[2, 3], [0, 2]>,
  ShapeMismatch<"cannot permute [2, 3] by [0, 2]: each axis must appear once">
>();
same<
  PermuteCheck<[2, 3], [0, 1, 1]>,
  ShapeMismatch<"cannot permute [2, 3] by [0, 1, 1]: each axis must appear once">
>();
same<PermuteCheck<[], []>, unknown>();
same<PermuteCheck<[2, 3], number[]>, unknown>();
same<Transpose<[2, 3, 4]>, [4, 3, 2]>();
same<Transpose<[]>, []>();
same<Transpose<Shape>, Shape>();
same<MatrixTranspose<[5, 2, 3]>, [5, 3, 2]>();
same<MatrixTranspose<Shape>, Shape>();
same<Take<[10, 4], [2, 3], 0>, [2, 3, 4]>();
same<Take<[10, 4], [], -1>, [10]>();
same<Take<[10, 4], Shape, 0>, Shape>();
same<Take<Shape, [2], 0>, Shape>();
same<OneHot<[150], 3>, [150, 3]>();
same<OneHot<[150], number>, [150, number]>();
same<OneHot<Shape, 3>, Shape>();
same<Prepend<5, [2, 3]>, [5, 2, 3]>();
same<Prepend<5, Shape>, Shape>();
same<InsertAxis<[2, 3], 5, -1>, [2, 3, 5]>();
same<InsertAxis<[2, 3], 5, 1>, [2, 5, 3]>();
same<DropLeading<[5, 2, 3]>, [2, 3]>();
same<DropLeading<Shape>, Shape>();

// Joining

same<Concat<[[2, 3], [4, 3]], 0>, [6, 3]>();
same<Concat<[[2, 3], [2, 97], [2, 1]], -1>, [2, 101]>();
same<Concat<[[2, number], [2, 7]], 0>, [4, 7]>();
same<Concat<[[2, number], [2, 7]], 1>, [2, number]>();
same<Concat<[[2, 3], Shape], 0>, Shape>();
same<Concat<[[2, 3], [4, 3]], number>, Shape>();
same<Concat<[2, 3][], 0>, [number, 3]>();
same<Concat<Shape[], 0>, Shape>();
same<ConcatCheck<[[2, 3], [4, 3]], 0>, unknown>();
same<ConcatCheck<[[2, 3], [2, 4]], 0>, ShapeMismatch<"cannot concat [2, 3] and [2, 4]: axis 1 is 3 and 4">>();
same<ConcatCheck<[[2, 3], [2]], 0>, ShapeMismatch<"cannot concat [2, 3] and [2]: the ranks differ">>();
same<ConcatCheck<[[2, 3], Shape], 0>, unknown>();
same<ConcatCheck<[[2, 3]], 2>, ShapeMismatch<"axis 2 is out of range for [2, 3]">>();
same<Stack<[[2, 3], [2, 3]], 0>, [2, 2, 3]>();
same<Stack<[[3], [3], [3], [3]], -1>, [3, 4]>();
same<Stack<[2, 3][], 0>, [number, 2, 3]>();
same<Stack<[[number], [7]], 0>, [2, 7]>();
same<Stack<Shape[], 0>, Shape>();
same<StackCheck<[[2], [2]], 1>, unknown>();
same<StackCheck<[[2], [3]], 0>, ShapeMismatch<"cannot stack [2] and [3]: axis 0 is 2 and 3">>();
same<StackCheck<[[2], [2]], 2>, ShapeMismatch<"axis 2 is out of range for [2]">>();

// Reshaping

same<Reshape<[2, 3], [6]>, [6]>();
same<Reshape<[2, 3], readonly [3, 2]>, [3, 2]>();
same<Reshape<[4, 6], [-1, 8]>, [3, 8]>();
same<Reshape<[32, 28, 28], [32, -1]>, [32, 784]>();
same<Reshape<[60000, 784], [-1, 28, 28]>, [60000, 28, 28]>();
same<Reshape<[8192, 8192, 8192], [-1]>, [549755813888]>();
same<Reshape<[2, 3], [-1, 1]>, [6, 1]>();
same<Reshape<[], [-1]>, [1]>();
same<Reshape<[0, 3], [-1]>, [0]>();
same<Reshape<[number, 28], [-1, 4]>, [number, 4]>();
same<Reshape<[2, 3], [number, 3]>, [number, 3]>();
same<Reshape<[2, 3], number[]>, Shape>();
same<Reshape<Shape, [2, -1]>, [2, number]>();
same<ReshapeCheck<[2, 3], [6]>, unknown>();
same<ReshapeCheck<[], [1, 1]>, unknown>();
same<ReshapeCheck<[0, 3], [7, 0]>, unknown>();
same<ReshapeCheck<[1024, 1024, 3], [3072, 1024]>, unknown>();
same<ReshapeCheck<[1999, 1997], [3992003]>, unknown>();
same<ReshapeCheck<[2, 3], [4]>, ShapeMismatch<"cannot reshape [2, 3] to [4]: 6 elements do not fill 4">>();
same<
  ReshapeCheck<[1000, 1000], [1000, 999]>,
  ShapeMismatch<"cannot reshape [1000, 1000] to [1000, 999]: 1000000 elements do not fill 999000">
>();
same<
  ReshapeCheck<[2, 3], [-1, 4]>,
  ShapeMismatch<"cannot reshape [2, 3] to [-1, 4]: 6 elements do not divide by 4">
>();
same<
  ReshapeCheck<[2, 3], [-1, -1]>,
  ShapeMismatch<"cannot reshape to [-1, -1]: only one dimension may be -1">
>();
same<ReshapeCheck<[2, 3], [-1, 2]>, unknown>();
same<ReshapeCheck<[2, 3], [number, 4]>, unknown>();
same<ReshapeCheck<[number, 3], [4]>, unknown>();
same<ReshapeCheck<Shape, [4]>, unknown>();
same<ReshapeCheck<[2, 3], Shape>, unknown>();
same<ReshapeCheck<[2 | 3], [4 | 5]>, unknown>();
same<ReshapeCheck<[2, 3], [1e21]>, unknown>();

// Shapes as types: what the compiler knows about a tensor's shape, and how each operation changes it. Nothing here exists at run time.
//
// A `number` dimension, or a shape of unknown rank, is known only at run time: it passes every check and the run-time checks catch
// the rest. Unions of shapes or dimensions count as unknown, so that nothing distributes over them.
//
// `Pair<A, B> extends Pair<B, A>` is how equality is asked, because it also holds for a type parameter and itself, where the usual
// `[A] extends [B]` is put off; that is why generic functions such as `<S extends Shape>(x: Tensor<S>) => x.add(x).mul(2)` check.

export type {
  AxisCheck,
  DropLeading,
  ExpandDims,
  InsertAxis,
  MatrixTranspose,
  MoveAxis,
  NewAxisCheck,
  OneHot,
  Permute,
  PermuteCheck,
  Prepend,
  Reduce,
  Squeeze,
  SqueezeCheck,
  Take,
  Transpose,
} from "./shape-types/axes.ts";
export type { Broadcast, BroadcastCheck, BroadcastTo, BroadcastToCheck } from "./shape-types/broadcasting.ts";
export type { Concat, ConcatCheck, ShapesOf, Stack, StackCheck } from "./shape-types/joining.ts";
export type {
  Axes,
  Axis,
  Dim,
  Display,
  IsUnion,
  Mutable,
  NestedCheck,
  NestedShape,
  Shape,
  ShapeMismatch,
} from "./shape-types/known.ts";
export type { MatMul, MatMulCheck } from "./shape-types/matrix-products.ts";
export type { Reshape, ReshapeCheck } from "./shape-types/reshaping.ts";
export type { Einsum, EinsumCheck } from "./shape-types/subscripts.ts";
export type { Conv, ConvCheck, Pad, PadCheck, Pool, Slice, SliceCheck } from "./shape-types/windows.ts";

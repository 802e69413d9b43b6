import {
  allocate,
  type DenseArray,
  type StridedView,
  sizeOf,
  stridesOf,
  type TensorType,
  type TypedArray,
  toTypedArray,
} from "@amari/core/backend";

/** A value while a program runs: elements, and the strided window on them that a chain of views has left. */
export interface StridedArray extends StridedView {
  readonly data: TypedArray;
  readonly dtype: TensorType["dtype"];
}

/** A zeroed dense array to write to; of float16 it holds more until it is {@link rounded}. */
export const emptyArray = ({ shape, dtype }: TensorType): StridedArray => {
  const size = sizeOf(shape);
  return denseArray(dtype === "float16" ? new Float64Array(size) : allocate(dtype, size), { shape, dtype });
};

/** The array with its elements rounded to its dtype, which typed arrays do for all dtypes but float16. */
export const rounded = (array: StridedArray): StridedArray =>
  array.dtype === "float16" && array.data instanceof Float64Array
    ? { ...array, data: toTypedArray("float16", array.data) }
    : array;

/** Elements in row-major order as an array. */
export const denseArray = (data: TypedArray, { shape, dtype }: TensorType): StridedArray => ({
  data,
  dtype,
  shape,
  strides: stridesOf(shape),
  offset: 0,
});

/** Whether the window is all of the elements, in order. */
export function isDense({ data, shape, strides, offset }: StridedArray): boolean {
  const rowMajor = stridesOf(shape);
  return (
    offset === 0 &&
    data.length === sizeOf(shape) &&
    strides.every((s, i) => s === rowMajor[i] || shape[i] === 1)
  );
}

/** The array with its elements in row-major order, copied if they are not. */
export function toDense(array: StridedArray): DenseArray {
  if (isDense(array)) return array;
  const result = emptyArray(array);
  let at = 0;
  forEachOffset(array, (offset) => {
    result.data[at++] = array.data[offset]!;
  });
  return result;
}

/** Visits the offsets of a window in row-major order of its indices. */
export function forEachOffset(
  { shape, strides, offset }: StridedView,
  visit: (offset: number) => void,
): void {
  const rank = shape.length;
  const walk = (axis: number, at: number): void => {
    if (axis === rank) {
      visit(at);
      return;
    }
    const [n, stride] = [shape[axis]!, strides[axis]!];
    for (let i = 0; i < n; i++) walk(axis + 1, at + i * stride);
  };
  walk(0, offset);
}

/** The offsets of a window in row-major order, as a list. */
export function offsetsOf(view: StridedView): Int32Array {
  const offsets = new Int32Array(sizeOf(view.shape));
  let at = 0;
  forEachOffset(view, (offset) => {
    offsets[at++] = offset;
  });
  return offsets;
}

import type { ArrayOperand, DenseArray, DType, Step, TypedArray } from "@amari/core/backend";
import { allocate, sizeOf } from "@amari/core/backend";

/** A convolution operand with the elements of its buffer. */
export interface ConvolutionOperand extends Omit<ArrayOperand, "buffer"> {
  readonly data: TypedArray;
  readonly dtype: DType;
}

/** A convolution by its definition: of integers, which have no generated code, and where there is no WebAssembly. */
export function convolvePlainly(
  { operation, attributes }: Step,
  operands: readonly ConvolutionOperand[],
  output: DenseArray,
): void {
  const { kernel } = operation;
  if (kernel.kind !== "convolution") throw new Error(`${operation.name} is no convolution`);
  kernel.run(operands.map(denseCopy), attributes as never, [output]);
}

function denseCopy({ data, dtype, shape, strides, offset }: ConvolutionOperand): DenseArray {
  const copy = allocate(dtype, sizeOf(shape));
  let written = 0;
  const visit = (axis: number, at: number): void => {
    if (axis === shape.length) copy[written++] = data[at]!;
    else for (let i = 0; i < shape[axis]!; i++) visit(axis + 1, at + i * strides[axis]!);
  };
  visit(0, offset);
  return { shape, dtype, data: copy };
}

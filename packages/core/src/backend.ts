/**
 * What a backend is written against: the interface, programs, kernels, dtypes and shapes.
 *
 * @packageDocumentation
 */
export { combineScalars } from "./compile/kernel.ts";
export type { Program, Step } from "./compile/program.ts";
export {
  allocate,
  bytesPerElement,
  type DType,
  dtypes,
  isFloat,
  isInteger,
  type TypedArray,
  toTypedArray,
  viewBytes,
} from "./dtype.ts";
export type { DenseArray, Kernel, Operation, ScalarFunction, StridedView, TensorType } from "./operation.ts";
export type { Backend, Block, Capabilities, Executable } from "./runtime/backend.ts";
export { sizeOf, stridesOf } from "./shape.ts";

/**
 * What a backend is written against: the interface, programs, kernels, dtypes and shapes.
 *
 * @packageDocumentation
 */
export { canonicalise } from "./compile/canonicalise/canonicalise.ts";
export { collapseLoops } from "./compile/collapse.ts";
export {
  type ControlMemory,
  type ControlPlan,
  type Execution,
  outputBytes,
  planControl,
  turnsOf,
} from "./compile/control.ts";
export { type Cost, costOf, printCost } from "./compile/cost.ts";
export { expandFloat16 } from "./compile/expand-float16.ts";
export { fuse } from "./compile/fuse.ts";
export {
  type Accumulator,
  type Affine,
  type Combine,
  combineScalars,
  type Expression,
  expressionsOf,
  kernelExpressions,
  type LoopKernel,
  operandCount,
  operandsOf,
  type Phase,
  phaseExpressions,
  phaseRoots,
  type ScalarInstruction,
  type ScalarType,
  type Shift,
  type Store,
} from "./compile/kernel.ts";
export { scalarTypeOf } from "./compile/kernel-builder.ts";
export { mapAccesses } from "./compile/map-accesses.ts";
export { donationsOf, homeOf, type MemoryPlan, planMemory } from "./compile/memory-plan.ts";
export { originOf } from "./compile/origins.ts";
export { printKernel } from "./compile/print/kernel.ts";
export { printMemoryPlan } from "./compile/print/memory-plan.ts";
export { printProgram } from "./compile/print/program.ts";
export { printSchedule } from "./compile/print/schedule.ts";
export { type Body, operationsOf, type Program, type Step } from "./compile/program.ts";
export {
  type ArrayOperand,
  type Buffer,
  buffersOf,
  kernelsOf,
  type Matrix,
  type Schedule,
  type Stage,
} from "./compile/schedule.ts";
export { setValidation, validateKernel, validateSchedule } from "./compile/validate.ts";
export {
  allocate,
  bytesOfElements,
  bytesPerElement,
  type DType,
  dtypes,
  elementsOfBytes,
  isFloat,
  isInteger,
  type TypedArray,
  toTypedArray,
  viewBytes,
} from "./dtype.ts";
export { float16Bits, float16FromBits, roundToFloat16 } from "./float16.ts";
export type {
  Assembly,
  ControlForm,
  DenseArray,
  Geometry,
  Kernel,
  LoopAttributes,
  Operation,
  ScalarFunction,
  StridedView,
  TensorType,
  WhileAttributes,
} from "./operation.ts";
export {
  type Backend,
  type Block,
  bytesOn,
  type Capabilities,
  type Executable,
  type TimedExecutable,
} from "./runtime/backend.ts";
export { describeLive } from "./runtime/valve.ts";
export { sizeOf, stridesOf } from "./shape.ts";
export { epsilonOf, ulpDistance, ulpIn } from "./ulp.ts";

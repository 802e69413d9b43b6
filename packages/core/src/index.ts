/**
 * Tensors, automatic differentiation to any order, batching and compilation. No backend: import `amari`, or set one.
 *
 * @packageDocumentation
 */
import "./methods.ts";

export type { TensorLike } from "./define/coerce.ts";
export { type Case, type Definition, type Domain, type Operand, operations } from "./define/definition.ts";
export type {
  AveragePoolOptions,
  ConvOptions,
  ConvTransposeOptions,
  CumulativeOptions,
  PoolOptions,
  ReductionOptions,
  SliceEntry,
  SpatialPadding,
} from "./define/signatures.ts";
export { type DType, dtypes, type Nested, promoteTypes, type TypedArray } from "./dtype.ts";
export * from "./errors/errors.ts";
export * from "./ops/activations.ts";
export * from "./ops/arithmetic.ts";
export { diagonal, matmul, outer } from "./ops/contraction.ts";
export * from "./ops/convolution.ts";
export * from "./ops/creation.ts";
export * from "./ops/cumulative.ts";
export * from "./ops/einsum.ts";
export * from "./ops/exponential.ts";
export * from "./ops/identity.ts";
export * from "./ops/indexing.ts";
export * from "./ops/joining.ts";
export * from "./ops/linear-algebra.ts";
export * from "./ops/logic.ts";
export * from "./ops/normalisation.ts";
export * from "./ops/pooling.ts";
export * from "./ops/reductions.ts";
export * from "./ops/sorting.ts";
export * from "./ops/special.ts";
export * from "./ops/trigonometric.ts";
export * from "./ops/views.ts";
export * from "./ops/windows.ts";
export * as random from "./random/index.ts";
export { type Backend, getDefaultBackend, setDefaultBackend } from "./runtime/backend.ts";
export { collectGarbage, type MemoryReport, memory, setMemoryBudget } from "./runtime/valve.ts";
export type { BroadcastCheck, MatMul, MatMulCheck, Reduce, Shape } from "./shape-types.ts";
export { Tensor } from "./tensor.ts";
export { cond } from "./transform/cond.ts";
export { checkpoint, customJvp, customVjp } from "./transform/custom.ts";
export { type ExplainOptions, Explanation, explain } from "./transform/explain.ts";
export { foriLoop } from "./transform/fori-loop.ts";
export { type GradOptions, grad, valueAndGrad } from "./transform/grad.ts";
export { hessian, hvp, type JacobianOptions, jacfwd, jacrev } from "./transform/jacobian.ts";
export { type JitOptions, jit } from "./transform/jit.ts";
export { jvp, linearize, vjp } from "./transform/linearise.ts";
export { map } from "./transform/map.ts";
export {
  Profile,
  type ProfiledStage,
  type ProfileOptions,
  profile,
  type Roofline,
} from "./transform/profile.ts";
export { type ScanOptions, scan } from "./transform/scan.ts";
export { type AxisSpec, type VmapOptions, vmap } from "./transform/vmap.ts";
export { whileLoop } from "./transform/while-loop.ts";
export { flatten, mapTree, mapTrees, type TreeStructure, treeLeaves } from "./tree.ts";

/**
 * What an operation is declared with; see docs/adding-an-operation.md. An operation declared outside of core is a
 * function with every rule derived; only core's own become methods.
 *
 * @packageDocumentation
 */
export { promote, type TensorLike, toTensor } from "./define/coerce.ts";
export {
  booleans,
  type Case,
  composite,
  type Defined,
  type DefinedFunction,
  type Definition,
  type Domain,
  define,
  defineFunction,
  integers,
  on,
  reals,
} from "./define/definition.ts";
export {
  accepted,
  binary,
  comparison,
  derivativesPrimitive,
  type ElementwiseSpec,
  elementwise,
  elementwiseDefinition,
  elementwisePrimitive,
  unary,
} from "./define/elementwise.ts";
export {
  apply,
  applyTuple,
  type BatchContext,
  type JvpContext,
  type Primitive,
  type Tangent,
  type TransposeContext,
} from "./define/primitive.ts";
export { reductionPrimitive } from "./define/reduction.ts";
export { alongAxis, routinePrimitive } from "./define/routine.ts";
export type { Binary, Reduction, Unary } from "./define/signatures.ts";
export { viewPrimitive } from "./define/view.ts";

/**
 * What tests of Amari are made of: arbitraries, gradient checks, and the laws that every operation obeys. No test
 * runner is assumed.
 *
 * @packageDocumentation
 */
export { broadcastableShapes, type ShapeConstraints, shapes } from "./arbitraries/shapes.ts";
export { type TensorConstraints, tensors } from "./arbitraries/tensors.ts";
export { type TreeConstraints, trees } from "./arbitraries/trees.ts";
export {
  type CheckGradsOptions,
  checkGrads,
  checkJvp,
  checkSecondOrder,
  checkVjp,
} from "./check-grads.ts";
export { expectClose, MismatchError, type Tolerance } from "./expect-close.ts";
export type { Law, LawOptions } from "./laws/law.ts";
export { lawsOf } from "./laws/laws-of.ts";
export { sampleDirection, sampleDomain, sampleOperand, type Uniform, uniformFrom } from "./sample.ts";
export { epsilonOf, ulpDistance } from "./ulp.ts";

/**
 * What tests of Amari are made of: arbitraries, gradient checks, and the laws that every operation obeys. No test
 * runner is assumed.
 *
 * @packageDocumentation
 */

export { epsilonOf, ulpDistance } from "@amari/core/backend";
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
export type { Check, Outcome } from "./conformance/check.ts";
export {
  type CheckOptions,
  type ConformanceOptions,
  conformance,
  conformanceChecks,
} from "./conformance/conformance.ts";
export {
  type ConformanceReport,
  ConformanceTally,
  type OperationConformance,
} from "./conformance/report.ts";
export { expectClose, MismatchError, type Tolerance } from "./expect-close.ts";
export { branch, halved, recurrence } from "./fuzz/control-flow.ts";
export { type FuzzOptions, type FuzzReport, fuzz, type OperationReport } from "./fuzz/fuzz.ts";
export { gradients } from "./fuzz/gradients.ts";
export { type PrintOptions, printProgram } from "./fuzz/print-program.ts";
export {
  type Argument,
  type Call,
  evaluate,
  type Input,
  type RandomProgram,
  Reference,
} from "./fuzz/random-program.ts";
export { type ProgramConstraints, randomPrograms } from "./fuzz/random-programs.ts";
export type { Law, LawOptions } from "./laws/law.ts";
export { lawsOf } from "./laws/laws-of.ts";
export { sampleDirection, sampleDomain, sampleOperand, type Uniform, uniformFrom } from "./sample.ts";
export { type BufferWatch, watchBuffers } from "./watch-buffers.ts";

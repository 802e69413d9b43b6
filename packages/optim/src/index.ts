/**
 * Optimizers and schedules, FAdam and FAdafactor among them.
 *
 * @packageDocumentation
 */
export { type AdafactorKind, type AdafactorOptions, type AdafactorState, adafactor } from "./adafactor.ts";
export { type AdafactorAsPrintedOptions, adafactorAsPrinted } from "./adafactor-as-printed.ts";
export { type AdamKind, type AdamOptions, type AdamState, adam, adamw } from "./adam.ts";
export { type AdamAsPrintedOptions, adamAsPrinted } from "./adam-as-printed.ts";
export type { Factored } from "./factored.ts";
export { type FAdafactorKind, type FAdafactorState, fadafactor } from "./fadafactor.ts";
export { type FAdamKind, type FAdamState, fadam } from "./fadam.ts";
export type { FisherOptions } from "./fisher-step.ts";
export { type LaPropOptions, laprop } from "./laprop.ts";
export {
  applyUpdates,
  type Optimizer,
  type StateFor,
  type StateKind,
  type StateOf,
  type UpdateExtra,
} from "./optimizer.ts";
export type { LearningRate, Schedule } from "./schedule.ts";
export { type SgdKind, type SgdOptions, type SgdState, sgd } from "./sgd.ts";
export type { Trait, Traits } from "./traits.ts";
export type { MapLeaves } from "./trees.ts";

/**
 * Optimizers and schedules, FAdam and FAdafactor among them.
 *
 * @packageDocumentation
 */
export { type AdafactorKind, type AdafactorOptions, type AdafactorState, adafactor } from "./adafactor.ts";
export { type AdafactorAsPrintedOptions, adafactorAsPrinted } from "./adafactor-as-printed.ts";
export { type AdamKind, type AdamOptions, type AdamState, adam, adamw } from "./adam.ts";
export { type AdamAsPrintedOptions, adamAsPrinted } from "./adam-as-printed.ts";
export { type ChainKind, chain } from "./chain.ts";
export { clipByGlobalNorm, type EmptyKind, globalNorm } from "./clip-by-global-norm.ts";
export type { Factored } from "./factored.ts";
export { type FAdafactorKind, type FAdafactorState, fadafactor } from "./fadafactor.ts";
export { type FAdamKind, type FAdamState, fadam } from "./fadam.ts";
export type { FisherOptions } from "./fisher-step.ts";
export { type LaPropOptions, laprop } from "./laprop.ts";
export {
  applyUpdates,
  type KindOf,
  type Optimizer,
  type StateFor,
  type StateKind,
  type StateOf,
  type UpdateExtra,
} from "./optimizer.ts";
export {
  type FirstSlots,
  perTensor,
  type RuleInput,
  type SlotKind,
  type SlotState,
  type SlotsOf,
  type StepTime,
  type TensorRule,
} from "./per-tensor.ts";
export {
  addDecayedWeights,
  type CountKind,
  clipByRms,
  scaleByLearningRate,
  scaleUpdates,
  type TraceKind,
  type TraceOptions,
  type TraceState,
  traceMomentum,
} from "./pieces.ts";
export { type FisherPreset, kozistr, lessw2020, paperLater, paperV2 } from "./presets.ts";
export type { LearningRate, Schedule } from "./schedule.ts";
export * from "./schedules.ts";
export { type SgdKind, type SgdOptions, type SgdState, sgd } from "./sgd.ts";
export { skipNonFinite } from "./skip-non-finite.ts";
export type { Trait, Traits } from "./traits.ts";
export type { MapLeaves } from "./trees.ts";

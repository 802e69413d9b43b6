/**
 * The laws of {@link Traits} as checks for optimizers, one's own among them. For tests: a program that trains has no use
 * for them, and the main entry of this package does not import them.
 *
 * @packageDocumentation
 */
export { checkOptimizer } from "./check-optimizer.ts";
export type { CheckOptions } from "./check-trait.ts";
export { type Finding, LawError } from "./law-error.ts";
export { type OptimizerLaw, type OptimizerLawsOptions, optimizerLaws } from "./optimizer-laws.ts";

import { ArgumentError } from "@amari/core";
import type fc from "fast-check";
import type { Optimizer } from "../optimizer.ts";

/** A law as something that can be measured: 0 where it holds exactly. */
export interface TraitLaw<S> {
  readonly description: string;
  readonly arbitrary: fc.Arbitrary<S>;
  /** One residual for each sample of a batch, which is run as one program; NaN where the law has no meaning. */
  readonly residuals: (optimizer: Optimizer, batch: readonly S[], learningRate: LearningRateOf) => number[];
  /** The largest residual that rounding explains. */
  readonly tolerance: number;
}

/** The learning rate that the optimizer was made with, which few laws ask for. @throws ArgumentError if not known */
export type LearningRateOf = () => number;

/** A law whose samples are its own affair. */
export type AnyTraitLaw = TraitLaw<unknown>;

/** A residual above this is no rounding: the law is broken. */
export const clearlyBroken = 1e-6;

/** Forgets the type of the samples, which only the law itself makes and reads. */
export const law = <S>(l: TraitLaw<S>): AnyTraitLaw => l as unknown as AnyTraitLaw;

/** Reads the learning rate from the options of a check. */
export const learningRateFrom =
  (optimizer: Optimizer, learningRate: number | undefined): LearningRateOf =>
  () => {
    if (learningRate !== undefined && learningRate > 0 && Number.isFinite(learningRate)) return learningRate;
    throw new ArgumentError(
      `${optimizer.name}: the laws monotoneOnQuadratics and rmsStepBound are about steps relative to the learning ` +
        `rate, which must be a number > 0, got ${String(learningRate)}; make the optimizer with a constant one and ` +
        "write optimizerLaws(optimizer, { learningRate })",
    );
  };

import { ArgumentError } from "@amari/core";
import type { Optimizer } from "../optimizer.ts";
import type { Trait, Traits } from "../traits.ts";
import { type CheckOptions, checkTrait } from "./check-trait.ts";
import { learningRateFrom } from "./trait-law.ts";
import { traitLaws } from "./trait-laws.ts";

/** What the laws have to be told about an optimizer. */
export interface OptimizerLawsOptions {
  /**
   * The constant learning rate > 0 that the optimizer was made with. Needed where it declares `monotoneOnQuadratics` or
   * `rmsStepBound`.
   */
  readonly learningRate?: number;
}

/** A law about which an optimizer declares something. */
export interface OptimizerLaw {
  /** The trait, as {@link Traits} names it. */
  readonly name: keyof Traits;
  /** Whether the law must hold or must be broken; a bound is something that must hold. */
  readonly trait: Trait;
  /** The law in words. */
  readonly description: string;
  /**
   * Runs the optimizer on random parameters and gradients, matrices of float64.
   *
   * @throws LawError unless the optimizer does what it declares, with the simplest counterexample and the seed
   * @throws ArgumentError where the law needs the learning rate and {@link OptimizerLawsOptions} has none
   */
  check(options?: CheckOptions): void;
}

/**
 * The laws that an optimizer declares to satisfy or to violate, ready for a test runner: one test for each. They run on
 * the default backend, which must have float64 and synchronous reads.
 *
 * @example
 * const learningRate = 0.05;
 * for (const law of optimizerLaws(sgd({ learningRate }), { learningRate })) {
 *   test(`${law.trait} ${law.name}: ${law.description}`, () => law.check());
 * }
 * @throws ArgumentError for an optimizer that must be given the Fisher diagonal with each step
 */
export function optimizerLaws(optimizer: Optimizer, options: OptimizerLawsOptions = {}): OptimizerLaw[] {
  if (optimizer.needsFisherDiagonal === true) {
    throw new ArgumentError(
      `${optimizer.name}: the laws are about functions of the gradients, and this optimizer needs the Fisher ` +
        "diagonal with each step; check the same optimizer with its own estimate of it",
    );
  }
  const learningRate = learningRateFrom(optimizer, options.learningRate);
  const declared = Object.entries(optimizer.traits) as [keyof Traits, Trait | number | undefined][];
  return declared.flatMap(([name, declaration]) => {
    if (declaration === undefined) return [];
    const law = traitLaws[name];
    if (law === undefined) {
      const known = Object.keys(traitLaws).join(", ");
      throw new ArgumentError(`${optimizer.name}: there is no trait ${name}; the traits are ${known}`);
    }
    const trait = typeof declaration === "number" ? "satisfies" : declaration;
    const claim = { name, trait, law, optimizer, learningRate };
    const check = (how: CheckOptions = {}): void => checkTrait(claim, how);
    return [{ name, trait, description: law.description, check }];
  });
}

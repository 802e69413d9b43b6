import { ArgumentError } from "@amari/core";
import type { Optimizer } from "../optimizer.ts";
import type { CheckOptions } from "./check-trait.ts";
import { LawError } from "./law-error.ts";
import { type OptimizerLawsOptions, optimizerLaws } from "./optimizer-laws.ts";

/**
 * Checks every law about which an optimizer declares something; {@link optimizerLaws} has them one by one.
 *
 * @example
 * const learningRate = 0.1;
 * checkOptimizer(sgd({ learningRate, momentum: 0.9 }), { learningRate });
 * @throws LawError that names each law that fails, its simplest counterexample, and the seed that repeats the check
 * @throws ArgumentError for an optimizer that declares nothing, or where a law needs the learning rate and has none
 */
export function checkOptimizer(
  optimizer: Optimizer,
  options: OptimizerLawsOptions & CheckOptions = {},
): void {
  const laws = optimizerLaws(optimizer, options);
  if (laws.length === 0) {
    throw new ArgumentError(
      `${optimizer.name}: declares no trait, so there is nothing to check; ` +
        'make it with traits, such as { signEquivariance: "satisfies" }',
    );
  }
  const failures = laws.flatMap((law) => {
    try {
      law.check(options);
      return [];
    } catch (error) {
      if (error instanceof LawError) return [error];
      throw error;
    }
  });
  if (failures.length === 0) return;
  throw new LawError(
    failures.map(({ message }) => message).join("\n"),
    failures.flatMap(({ findings }) => findings),
  );
}

import fc from "fast-check";
import type { Optimizer } from "../optimizer.ts";
import type { Trait, Traits } from "../traits.ts";
import { LawError } from "./law-error.ts";
import { type AnyTraitLaw, clearlyBroken, type LearningRateOf } from "./trait-law.ts";

/** How thoroughly a law is checked. */
export interface CheckOptions {
  /** How many samples of parameters and gradients. Default 100. */
  readonly numRuns?: number;
  /**
   * The seed of the samples, an integer of 32 bits. By default a new one each time for a law that must hold, which a
   * failure reports, and always the same for one that must be broken, where any counterexample will do.
   */
  readonly seed?: number;
}

/** What is checked: a law, for an optimizer that declares something about it. */
export interface Claim {
  readonly name: keyof Traits;
  readonly trait: Trait;
  readonly law: AnyTraitLaw;
  readonly optimizer: Optimizer;
  readonly learningRate: LearningRateOf;
}

/** @throws LawError unless the optimizer does what it declares */
export function checkTrait(claim: Claim, { numRuns = 100, seed }: CheckOptions): void {
  if (claim.trait === "satisfies") checkHolds(claim, { numRuns, seed: seed ?? newSeed() });
  else checkBroken(claim, { numRuns, seed: seed ?? 1 });
}

const newSeed = (): number => Math.floor(Math.random() * 2 ** 31);

function checkHolds(claim: Claim, options: Required<CheckOptions>): void {
  const { law, optimizer, learningRate } = claim;
  const measure = (batch: readonly unknown[]) => law.residuals(optimizer, batch, learningRate);
  // NaN is no residual to be content with.
  const isKept = (residual: number) => residual <= law.tolerance;
  // All samples in one program, which is fast; a failure is then looked for among the same samples, one by one, to shrink it.
  const batch = fc.sample(law.arbitrary, options);
  const residuals = measure(batch);
  const broken = residuals.findIndex((residual) => !isKept(residual));
  if (broken < 0) return;
  const shrunk = fc.check(
    fc.property(law.arbitrary, (one) => isKept(measure([one])[0]!)),
    options,
  );
  const counterexample = shrunk.failed && shrunk.counterexample ? shrunk.counterexample[0] : batch[broken];
  const residual = shrunk.failed ? measure([counterexample])[0]! : residuals[broken]!;
  fail(
    claim,
    options,
    `declares to satisfy ${claim.name} and does not`,
    counterexample,
    `\n  measured        ${residual}, where rounding explains ${law.tolerance}` +
      `\n  counterexample  ${fc.stringify(counterexample)}, shrunk ${shrunk.numShrinks} times`,
  );
}

function checkBroken(claim: Claim, options: Required<CheckOptions>): void {
  const { law, optimizer, learningRate } = claim;
  const residuals = law.residuals(optimizer, fc.sample(law.arbitrary, options), learningRate);
  if (residuals.some((residual) => residual > clearlyBroken)) return;
  fail(
    claim,
    options,
    `declares to violate ${claim.name}, but none of ${options.numRuns} samples breaks it`,
    undefined,
    `\n  measured        at most ${Math.max(...residuals)}, where more than ${clearlyBroken} breaks it` +
      '\n  instead         declare "satisfies", or leave the trait out to claim nothing',
  );
}

function fail(
  { name, law, optimizer }: Claim,
  { seed, numRuns }: Required<CheckOptions>,
  headline: string,
  counterexample: unknown,
  details: string,
): never {
  const repeat = `\n  repeat by       check({ seed: ${seed}, numRuns: ${numRuns} })`;
  throw new LawError(
    `${optimizer.name} ${headline}\n  law             ${law.description}${details}${repeat}`,
    [{ law: name, counterexample, seed, numRuns }],
  );
}

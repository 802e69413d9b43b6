import type { Case, Definition, Tensor } from "@amari/core";
import fc from "fast-check";
import { MismatchError } from "../expect-close.ts";
import { sampleCase, type Uniform, uniformFrom } from "../sample.ts";

/** How thoroughly a law is checked. */
export interface LawOptions {
  /** Samples for each case of the operation. Default 10. */
  readonly numRuns?: number;
  /** The seed of the samples; by default a new one each time. A failure reports the one to repeat it. */
  readonly seed?: number;
}

/** Something that is true of every operation of a kind. */
export interface Law {
  /** A statement: "vmap equals stacking". */
  readonly name: string;
  /** @throws an error that names the operation, the case and what differs */
  check(operation: Definition, options?: LawOptions): void;
}

/** A law and the operations that it is about. */
export interface GeneratedLaw extends Law {
  appliesTo(operation: Definition): boolean;
}

/** One sample of one case. */
export interface Sample {
  readonly case: Case;
  readonly operands: readonly Tensor[];
  /** More numbers that belong to the sample. */
  readonly uniform: Uniform;
  readonly seed: number;
  /** The operation and the case, for the head of an error. */
  readonly what: string;
}

/** Checks a statement on random operands of those cases of an operation that `within` accepts. */
export function forSamples(
  operation: Definition,
  options: LawOptions,
  within: (c: Case) => boolean,
  check: (sample: Sample) => void,
): void {
  const { numRuns = 10, seed } = options;
  const parameters = { numRuns, ...(seed !== undefined && { seed }) };
  operation.cases.forEach((c, i) => {
    if (!within(c)) return;
    const shapes = c.operands.map(({ shape }) => `[${shape.join(", ")}]`).join(" and ");
    const what = `${operation.name}, case ${i} on ${shapes}`;
    // A seed has no simpler form, so there is nothing to shrink.
    const seeds = fc.noShrink(fc.noBias(fc.integer({ min: 0, max: 2 ** 31 - 1 })));
    fc.assert(
      fc.property(seeds, (sampleSeed) => {
        const uniform = uniformFrom(sampleSeed);
        check({ case: c, operands: sampleCase(c, uniform), uniform, seed: sampleSeed, what });
      }),
      parameters,
    );
  });
}

/** The results of a case as a list. */
export function resultsOf(c: Case, operands: readonly Tensor[]): readonly Tensor[] {
  const result = c.call(...operands);
  return Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
}

/** Runs a law's statement about types only: builds the graph of a case without computing it. */
export const typesOf = (c: Case): readonly Tensor[] => resultsOf(c, sampleCase(c, uniformFrom(0)));

export const isFloat = ({ dtype }: { readonly dtype: string }): boolean => dtype.startsWith("float");

/**
 * Whether a case has a derivative to check: from float64 operands to float64 results. A case without elements has none;
 * that its cotangents have the right types is another law.
 */
export const isDifferentiable = (operation: Definition, c: Case): boolean =>
  operation.notDifferentiable === null &&
  sampleCase(c, uniformFrom(0)).some(({ dtype, size }) => dtype === "float64" && size > 0) &&
  typesOf(c).some(({ dtype, size }) => dtype === "float64" && size > 0);

/** @throws MismatchError unless the condition holds */
export function require(condition: boolean, message: string): void {
  if (!condition) throw new MismatchError(message);
}

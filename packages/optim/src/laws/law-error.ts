import { AmariError } from "@amari/core";

/** What a check of a law found out about an optimizer that does not do as it declares. */
export interface Finding {
  /** The trait, as the optimizer declares it. */
  readonly law: string;
  /** The simplest sample found that breaks the law; undefined where the law was to be broken and was not. */
  readonly counterexample: unknown;
  /** Repeats the check: `law.check({ seed, numRuns })`. */
  readonly seed: number;
  readonly numRuns: number;
}

/** An optimizer does not keep a law that it declares to satisfy, or keeps one that it declares to violate. */
export class LawError extends AmariError {
  /** One for each law that failed. */
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[]) {
    super("law", message);
    this.findings = findings;
  }
}

import type { Outcome } from "./check.ts";

/** What became of the checks of one operation or kind of program. */
export interface OperationConformance {
  readonly passed: number;
  readonly elements: number;
  readonly discarded: number;
  /** The largest error of the operation by itself, in units in the last place. */
  readonly worstUlp: number;
  /** The largest error as a share of what is allowed. */
  readonly worst: number;
  /** What the backend declined, and why. */
  readonly unsupported: readonly string[];
  readonly failures: readonly string[];
}

/** What `conformance` found. */
export interface ConformanceReport {
  readonly backend: string;
  readonly checks: number;
  readonly passed: number;
  /** What the reference declined too, such as a derivative that does not exist. */
  readonly declined: number;
  readonly unsupported: number;
  readonly failures: readonly string[];
  readonly operations: ReadonlyMap<string, OperationConformance>;
}

/** The outcomes of checks by operation, from wherever they come. */
export class ConformanceTally {
  private readonly accounts = new Map<string, OperationConformance>();
  private declined = 0;

  /** Counts what came of a check of an operation or kind of program. */
  add(operation: string, outcome: Outcome): void {
    if (outcome.kind === "declined") this.declined++;
    else this.accounts.set(operation, added(this.accounts.get(operation) ?? nothing, outcome));
  }

  /** What has been counted so far, the operations by name. */
  report(backend: string): ConformanceReport {
    const operations = new Map([...this.accounts].sort(([a], [b]) => (a < b ? -1 : 1)));
    const all = [...operations.values()];
    const passed = all.reduce((sum, account) => sum + account.passed, 0);
    const unsupported = all.reduce((sum, account) => sum + account.unsupported.length, 0);
    const failures = all.flatMap((account) => account.failures);
    const { declined } = this;
    const checks = passed + unsupported + failures.length + declined;
    return { backend, checks, passed, declined, unsupported, failures, operations };
  }
}

const nothing: OperationConformance = {
  passed: 0,
  elements: 0,
  discarded: 0,
  worstUlp: 0,
  worst: 0,
  unsupported: [],
  failures: [],
};

function added(
  account: OperationConformance,
  outcome: Exclude<Outcome, { kind: "declined" }>,
): OperationConformance {
  switch (outcome.kind) {
    case "passed":
      return {
        ...account,
        passed: account.passed + 1,
        elements: account.elements + outcome.elements,
        discarded: account.discarded + outcome.discarded,
        worstUlp: Math.max(account.worstUlp, outcome.worstUlp),
        worst: Math.max(account.worst, outcome.worst),
      };
    case "unsupported":
      return { ...account, unsupported: [...account.unsupported, outcome.reason] };
    case "failed":
      return { ...account, failures: [...account.failures, outcome.message] };
  }
}

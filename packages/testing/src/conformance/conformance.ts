import { type Backend, type DType, operations } from "@amari/core";
import { isFloat } from "@amari/core/backend";
import type { Check, Outcome } from "./check.ts";
import { conversionChecks } from "./conversion-checks.ts";
import { hardShapeChecks } from "./hard-shapes.ts";
import { largeChecks } from "./large-checks.ts";
import { fuzzChecks, transformationChecks } from "./program-checks.ts";
import { isTiny, runCheck } from "./run-check.ts";
import { tableChecks } from "./table-checks.ts";

/** Options of {@link conformance}. */
export interface ConformanceOptions {
  /** Where the meaning of the operations comes from: `referenceBackend()`. */
  readonly reference: Backend;
  /** One check in so many is run. Default 1: all of them. */
  readonly every?: number;
  /** In which float dtypes. Default: all that the backend has. */
  readonly floats?: readonly DType[];
  /** Which operations and kinds of programs. Default: all. */
  readonly only?: (operation: string) => boolean;
  /** How many random programs there are for each float dtype. Default 200. */
  readonly programs?: number;
  /** Whether each kind of kernel is also run on 2^24 elements, which takes hundreds of MB. Default false. */
  readonly large?: boolean;
  /** The seed of the samples. Default 0. */
  readonly seed?: number;
  /** Called after each check. */
  readonly onCheck?: (check: Check, outcome: Outcome) => void;
}

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

/** What {@link conformance} found. */
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

/**
 * Asks of a backend everything that the table of operations promises, in each float dtype that it has, and compares with
 * the reference. What it cannot do it must say by a typed error; that is counted with its reason. Nothing is left out by
 * name.
 *
 * @example
 * const report = await conformance(await webgpu(), { reference: referenceBackend() });
 * if (report.failures.length > 0) throw new Error(report.failures.join("\n"));
 */
export async function conformance(backend: Backend, options: ConformanceOptions): Promise<ConformanceReport> {
  const { reference, every = 1, only = () => true, seed = 0, onCheck } = options;
  const accounts = new Map<string, OperationConformance>();
  let [number, declined] = [0, 0];
  for (const check of allChecks(backend, seed, options)) {
    if (!only(check.operation) || number++ % every !== seed % every) continue;
    for (const within of withinCapabilities(check, backend)) {
      const outcome = "kind" in within ? within : await runCheck(within, { backend, reference });
      if (outcome.kind === "declined") declined++;
      else accounts.set(check.operation, added(accounts.get(check.operation) ?? nothing, outcome));
      onCheck?.(check, outcome);
    }
  }
  const all = [...accounts.values()];
  const passed = all.reduce((sum, account) => sum + account.passed, 0);
  const unsupported = all.reduce((sum, account) => sum + account.unsupported.length, 0);
  const failures = all.flatMap((account) => account.failures);
  const checks = passed + unsupported + failures.length + declined;
  return { backend: backend.name, checks, passed, declined, unsupported, failures, operations: accounts };
}

/** A check, or what is left of it without what the backend declares that it does not do, and that. */
function withinCapabilities(check: Check, { name, capabilities }: Backend): (Check | Outcome)[] {
  const isBeyond = ({ dtype, values }: Check["inputs"][number]) =>
    dtype === "float32" && Array.prototype.some.call(values, (x: number) => x !== 0 && isTiny(x));
  if (capabilities.denormals !== false || !check.inputs.some(isBeyond)) return [check];
  const inputs = check.inputs.map((input) =>
    isBeyond(input)
      ? { ...input, values: Array.from(input.values, (x) => (isTiny(x) ? Math.trunc(x) : x)) }
      : input,
  );
  return [
    { kind: "unsupported", reason: `${name} declares that it takes denormal floats for zeros` },
    { ...check, inputs },
  ];
}

function* allChecks(
  { capabilities }: Backend,
  seed: number,
  { programs = 200, large = false, only = () => true, floats: chosen }: ConformanceOptions,
): Generator<Check> {
  const floats = capabilities.dtypes.filter(
    (dtype) => isFloat(dtype) && (chosen === undefined || chosen.includes(dtype)),
  );
  if (only("astype"))
    for (const from of capabilities.dtypes) yield* conversionChecks(from, capabilities.dtypes);
  for (const [i, float] of floats.entries()) {
    for (const operation of operations.values())
      if (only(operation.name)) yield* tableChecks(operation, float, seed, i === 0);
    yield* hardShapeChecks(float, seed, only);
    yield* transformationChecks(float);
    yield* fuzzChecks(float, programs, seed);
    if (large) yield* largeChecks(float, only);
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

import { type Backend, type DType, operations } from "@amari/core";
import { isFloat } from "@amari/core/backend";
import type { Check, Outcome } from "./check.ts";
import { conversionChecks } from "./conversion-checks.ts";
import { hardShapeChecks } from "./hard-shapes.ts";
import { largeChecks } from "./large-checks.ts";
import { fuzzChecks, transformationChecks } from "./program-checks.ts";
import { type ConformanceReport, ConformanceTally } from "./report.ts";
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
  /**
   * Where several runs share the checks, each of which has all other options alike: gives the number of the next check
   * that this one takes, from 0 on, greater at each call. Default: every check is this run's.
   */
  readonly claim?: () => number | Promise<number>;
  /** Called after each check. */
  readonly onCheck?: (check: Check, outcome: Outcome) => void;
}

/** Which checks there are. */
export type CheckOptions = Pick<ConformanceOptions, "floats" | "only" | "programs" | "large" | "seed">;

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
  const { reference, every = 1, seed = 0, onCheck } = options;
  const tally = new ConformanceTally();
  let next = 0;
  const claim = options.claim ?? (() => next++);
  let [number, taken, claimed] = [0, 0, await claim()];
  for (const check of conformanceChecks(backend, options)) {
    if (number++ % every !== seed % every) continue;
    if (taken++ !== claimed) continue;
    for (const within of withinCapabilities(check, backend)) {
      const outcome = "kind" in within ? within : await runCheck(within, { backend, reference });
      tally.add(check.operation, outcome);
      onCheck?.(check, outcome);
    }
    claimed = await claim();
  }
  return tally.report(backend.name);
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

/**
 * All that {@link conformance} asks of a backend, in its order: for who wants to do something else with the same programs,
 * such as to look at the code that a backend makes of them.
 */
export function* conformanceChecks(
  backend: Pick<Backend, "capabilities">,
  options: CheckOptions = {},
): Generator<Check> {
  const { only = () => true } = options;
  for (const check of allChecks(backend, options)) if (only(check.operation)) yield check;
}

function* allChecks(
  { capabilities }: Pick<Backend, "capabilities">,
  { programs = 200, large = false, only = () => true, floats: chosen, seed = 0 }: CheckOptions,
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

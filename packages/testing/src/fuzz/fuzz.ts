import type { Backend } from "@amari/core";
import fc from "fast-check";
import { type Agreement, checkProgram, Subject } from "./check-program.ts";
import { checkThreads } from "./check-threads.ts";
import type { RandomProgram } from "./random-program.ts";
import { type ProgramConstraints, programChoices, programOf } from "./random-programs.ts";
import { shrinkProgram } from "./shrink-program.ts";
import { type Variant, variants } from "./variants.ts";

/** Options of {@link fuzz}. */
export interface FuzzOptions extends ProgramConstraints {
  /** Where the meaning of the operations comes from. */
  readonly reference: Backend;
  /** Programs to generate. Default 100. */
  readonly count?: number;
  /** Default: a random one, which the report names. */
  readonly seed?: number;
  /** Where in the shrinking of a seed to start: what a failure printed. */
  readonly path?: string;
  /** Milliseconds after which no further program is generated or shrunk. Default: none. */
  readonly timeLimit?: number;
  /**
   * The same backend with another number of threads. Then nothing is compared with the reference, so that values may be
   * large: the bits must be the same on both.
   */
  readonly threaded?: Backend;
  /** Whether jit, donation and reads on the way must give the bits of a plain run. Default true. */
  readonly anyCut?: boolean;
  /** Called after each program. */
  readonly onProgram?: (programs: number) => void;
}

/** What happened to the results of one operation. */
export interface OperationReport {
  readonly results: number;
  readonly elements: number;
  readonly discarded: number;
  /** The largest error as a share of the bound. */
  readonly worst: number;
}

/** What {@link fuzz} found. */
export interface FuzzReport {
  readonly seed: number;
  readonly programs: number;
  /** Uses that the reference declined with a typed error, such as a derivative that does not exist. */
  readonly declined: number;
  readonly operations: ReadonlyMap<string, OperationReport>;
  /** The smallest program that fails and how to run it again, or null. */
  readonly failure: { readonly message: string; readonly seed: number; readonly path: string } | null;
}

/** One program in so many is also transformed, in turn by each transformation. */
const transformEvery = 2;

/**
 * Runs random programs on a backend and on the reference, until one fails or enough have passed; the one that fails is
 * shrunk. See {@link checkProgram} for what must hold.
 *
 * @example const { failure } = fuzz(cpuBackend(), { reference: referenceBackend(), count: 1000, seed: 1 });
 */
export function fuzz(backend: Backend, options: FuzzOptions): FuzzReport {
  const { reference, count = 100, anyCut = true, path, timeLimit, onProgram, threaded } = options;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const subject = new Subject(reference, backend, anyCut);
  const check: Check = (program, variant) =>
    threaded === undefined
      ? checkProgram(program, variant, subject)
      : checkThreads(program, variant, backend, threaded);
  const operations = new Map<string, OperationReport>();
  let [programs, declined, failed] = [0, 0, false];
  const uses = fc.record({
    choices: programChoices(options),
    variant: fc.oneof(
      { arbitrary: fc.constant<Variant>(variants[0]), weight: transformEvery },
      { arbitrary: fc.constantFrom(...variants.slice(1)), weight: 1 },
    ),
  });
  let shrinks = 0;
  let smallest: Use | null = null;
  const result = fc.check(
    fc.property(uses, ({ choices, variant }) => {
      if (failed && ++shrinks > mostShrinks) return;
      const program = programOf(choices);
      try {
        const agreements = check(program, variant);
        if (failed) return;
        programs++;
        if (agreements === null) declined++;
        else for (const agreement of agreements) record(operations, agreement);
        onProgram?.(programs);
      } catch (error) {
        failed = true;
        smallest = { program, variant };
        throw error;
      }
    }),
    {
      seed,
      numRuns: count,
      ...(path !== undefined && { path }),
      ...(timeLimit !== undefined && { interruptAfterTimeLimit: timeLimit, markInterruptAsFailure: false }),
    },
  );
  const failure =
    result.failed && smallest !== null
      ? {
          message: messageOf(smallest, check),
          seed: result.seed,
          path: result.counterexamplePath!.split(":")[0]!,
        }
      : null;
  return { seed, programs, declined, operations, failure };
}

/** Whether a use of a program is right: what its results agree in, null where it is declined; throws where it is not. */
type Check = (program: RandomProgram, variant: Variant) => readonly Agreement[] | null;

/** A program and how it is used. */
interface Use {
  readonly program: RandomProgram;
  readonly variant: Variant;
}

/** How many smaller programs are tried, first of smaller choices, then of smaller programs. */
const mostShrinks = 100;

/** The error of a failing program after it was made smaller, under the simplest transformation that makes it fail. */
function messageOf({ program, variant }: Use, check: Check): string {
  let shrinks = 0;
  let message = "";
  const fails = (candidate: RandomProgram, under: Variant): boolean => {
    try {
      check(candidate, under);
      return false;
    } catch (error) {
      message = (error as Error).message;
      return true;
    }
  };
  const simplest = variants.find((other) => fails(program, other)) ?? variant;
  shrinkProgram(program, (candidate) => ++shrinks <= mostShrinks && fails(candidate, simplest));
  return message;
}

function record(operations: Map<string, OperationReport>, agreement: Agreement): void {
  const { operation, elements, discarded, worst } = agreement;
  const before = operations.get(operation) ?? { results: 0, elements: 0, discarded: 0, worst: 0 };
  operations.set(operation, {
    results: before.results + 1,
    elements: before.elements + elements,
    discarded: before.discarded + discarded,
    worst: Math.max(before.worst, worst),
  });
}

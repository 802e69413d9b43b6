import { AmariError, type Backend, BackendError, type DType, operations } from "@amari/core";
import { type Found, findBackends } from "../backends.ts";
import type { Progress } from "../study/progress.ts";
import { compareOperations, type OperationRow } from "./operations.ts";
import { comparedOptimizers, compareTrajectories, type Trajectory } from "./trajectories.ts";

/** What is compared. */
export interface ComparisonOptions {
  readonly backends: readonly string[];
  readonly dtypes: readonly DType[];
  /** Steps of each training run; 0 leaves the runs out. */
  readonly steps: number;
}

/** The results in one dtype. */
export interface ComparisonOfDType {
  readonly dtype: DType;
  readonly operations: readonly OperationRow[];
  readonly trajectories: readonly Trajectory[];
}

/** What backends make of the same programs. */
export interface Comparison {
  readonly backends: readonly { readonly name: string; readonly about: string; readonly missing: boolean }[];
  readonly steps: number;
  readonly results: readonly ComparisonOfDType[];
  readonly seconds: number;
}

/** An operation has a larger error than it states. */
export class ComparisonError extends AmariError {
  constructor(message: string) {
    super("comparison", message);
  }
}

/** Runs all operations and some training on several backends. */
export async function compareBackends(options: ComparisonOptions, progress: Progress): Promise<Comparison> {
  const started = performance.now();
  const found = await findBackends(options.backends);
  const backends = found.flatMap(({ backend }) => (backend === null ? [] : [backend]));
  if (backends.length === 0)
    throw new BackendError(found.map(({ name, about }) => `${name}: ${about}`).join("\n"));
  const [reference] = (await findBackends(["reference"])).map(({ backend }) => backend) as [Backend];
  const runs = options.steps > 0 ? comparedOptimizers.length * backends.length : 0;
  // A training run takes about as long as ten operations.
  progress.begin(options.dtypes.length * (operations.size + 10 * runs));
  const results: ComparisonOfDType[] = [];
  for (const dtype of options.dtypes) {
    results.push({
      dtype,
      operations: await compareOperations(backends, reference, dtype, (name) => {
        if (name === "add") progress.stage(`operations in ${dtype}`);
        progress.advance(1);
      }),
      trajectories:
        runs === 0
          ? []
          : await compareTrajectories(backends, dtype, options.steps, (label) => {
              progress.stage(`${label} in ${dtype}`);
              progress.advance(10);
            }),
    });
  }
  progress.end();
  for (const backend of backends) await backend.close();
  return {
    backends: found.map(aboutOf),
    steps: options.steps,
    results,
    seconds: (performance.now() - started) / 1000,
  };
}

const aboutOf = ({ name, about, backend }: Found) => ({ name, about, missing: backend === null });

/** The training runs that came to no end, though the backend has the dtype. */
export const failedIn = ({ results }: Comparison): readonly Trajectory[] =>
  results.flatMap(({ trajectories }) => trajectories.filter(({ failed }) => failed));

/** The rows whose error is larger than stated, or that are errors. */
export const exceededIn = ({ results }: Comparison): readonly OperationRow[] =>
  results.flatMap((result) => result.operations.filter(({ exceeded }) => exceeded));

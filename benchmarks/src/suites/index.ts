import type { BenchmarkSuite, MeasuredSuite } from "../suite.ts";
import { compile } from "./compile.ts";
import { kernels } from "./kernels.ts";
import { operations } from "./operations.ts";
import { optimizers } from "./optimizers.ts";
import { startUp } from "./start-up.ts";
import { training } from "./training.ts";

/** All suites, in the order in which they run. */
export const suites: readonly (BenchmarkSuite | MeasuredSuite)[] = [
  kernels,
  training,
  optimizers,
  operations,
  startUp,
  compile,
];

import type { Definition } from "@amari/core";
import { emptyBatchLaw, isolationLaw, vmapLaw } from "./batching.ts";
import { jitLaw } from "./compilation.ts";
import { jvpLaw, secondOrderLaw, vjpLaw, zeroGradientLaw } from "./derivatives.ts";
import type { GeneratedLaw, Law } from "./law.ts";
import { dtypeLaw, float16Law, float32Law } from "./precision.ts";
import { registryLaw } from "./registry.ts";
import { derivativeIsolationLaw, emptyShapeLaw, repeatableLaw, scalarLaw } from "./special-values.ts";

/** Everything that is asked of an operation, where it applies. */
const laws: readonly GeneratedLaw[] = [
  registryLaw,
  repeatableLaw,
  jvpLaw,
  vjpLaw,
  secondOrderLaw,
  zeroGradientLaw,
  vmapLaw,
  emptyBatchLaw,
  isolationLaw,
  jitLaw,
  float32Law,
  float16Law,
  dtypeLaw,
  scalarLaw,
  derivativeIsolationLaw,
  emptyShapeLaw,
];

/**
 * The laws that follow from an operation's row in the table. A test runner gives each its own name; nothing here
 * depends on one. A backend with float64 and synchronous reads must be the default.
 *
 * @example
 * for (const operation of operations.values())
 *   describe(operation.name, () => {
 *     for (const law of lawsOf(operation)) it(law.name, () => law.check(operation));
 *   });
 */
export const lawsOf = (operation: Definition): readonly Law[] =>
  laws.filter((law) => law.appliesTo(operation));

import type { Definition } from "@amari/core";
import { sampleCase, uniformFrom } from "../sample.ts";
import { type GeneratedLaw, isFloat, require, typesOf } from "./law.ts";

/** A row of the table from which laws can be generated: it has cases, and a derivative where it needs one. */
export const registryLaw: GeneratedLaw = {
  name: "its row in the table is complete",
  appliesTo: () => true,
  check: (operation) => {
    const problem = problemWith(operation);
    require(problem === null, `${operation.name}: ${problem}`);
  },
};

function problemWith({ name, cases, primitive, notDifferentiable, ulp }: Definition): string | null {
  if (name === "") return "has no name";
  if (cases.length === 0) return "has no cases, so that no laws are generated; add some to its definition";
  if (!(ulp >= 0)) return `has an error of ${ulp} ulp, expected a number that is not negative`;
  const isFloatToFloat = cases.some(
    (c) => sampleCase(c, uniformFrom(0)).some(isFloat) && typesOf(c).some(isFloat),
  );
  const hasRule = primitive === null || typeof primitive.jvp === "function";
  if (isFloatToFloat && !hasRule) {
    return `maps floats to floats but has no jvp rule (${notDifferentiable ?? "no reason is given"})`;
  }
  return null;
}

import { ArgumentError, mapTree } from "@amari/core";
import fc from "fast-check";
import { f64 } from "./arrays.ts";
import { gradientsOf, parametersOf, run, samples } from "./compare-updates.ts";
import { relativeDistance } from "./numbers.ts";
import { type Prepare, runSteps } from "./run-steps.ts";
import { type AnyTraitLaw, law } from "./trait-law.ts";

const fillFisher: Prepare = (state, by) => {
  const { fisher, ...rest } = state as { readonly fisher?: unknown };
  if (fisher === undefined) {
    throw new ArgumentError(
      "fisherInitialisationInvariance: the law is about an optimizer whose state has a tree `fisher`, got a state of " +
        `[${Object.keys(rest).join(", ")}]; leave the trait out, or call that slot \`fisher\``,
    );
  }
  return { ...rest, fisher: mapTree(fisher, (x) => x.mul(0).add(by)) };
};

export const fisherInitialisationInvariance: AnyTraitLaw = law({
  description: "E2: the first value of the Fisher estimate has no influence, bitwise",
  arbitrary: fc.record({ at: samples, initial: fc.constantFrom(0, 1e-30, 0.5, 7, 1e30) }),
  residuals: (optimizer, batch) => {
    const at = batch.map((one) => one.at);
    const by = f64(batch.map(({ initial }) => initial));
    const changed = runSteps(optimizer, parametersOf(at), gradientsOf(at), { prepare: fillFisher, by });
    return run(optimizer, at).map(({ updates }, i) => relativeDistance(changed[i]!.updates, updates));
  },
  tolerance: 0,
});

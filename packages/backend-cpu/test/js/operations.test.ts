import { CpuBackend } from "@amari/backend-cpu";
import { operations, setDefaultBackend } from "@amari/core";
import { lawsOf } from "@amari/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JsEngine } from "../../src/js/engine.ts";

const all = [...operations.values()].flatMap((operation) =>
  lawsOf(operation).map((law) => ({ operation, law, name: `${operation.name}: ${law.name}` })),
);
/** Closures compute the same bits as source, which programs.test.ts checks; the laws on values are enough. */
const onValues = all.filter(({ law }) =>
  /NaN, infinity and -0|agrees with float64|without elements/.test(law.name),
);

describe.each([
  ["source", all],
  ["closures", onValues],
] as const)("kernels in JavaScript as %s", (form, laws) => {
  let passed = 0;
  beforeAll(() => setDefaultBackend(new CpuBackend(new JsEngine(form))));
  afterAll(() => expect(passed).toBe(laws.length));

  it.each(laws)("$name", ({ operation, law }) => {
    law.check(operation, { numRuns: Number(process.env.RUNS ?? 1) });
    passed++;
  });
});

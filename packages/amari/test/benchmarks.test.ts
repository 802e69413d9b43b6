import { operations } from "@amari/core";
import { describe, expect, test } from "vitest";
import { suites } from "../../../benchmarks/src/suites/index.ts";

// Timings are no test; that every case prepares and runs, twice, is.
const timed = suites.filter((suite) => "cases" in suite);

describe.each(timed)("the benchmarks of $name", ({ cases }) => {
  test.each(cases().map((each) => [each.name, each] as const))(
    "%s runs again and again",
    (_, { prepare }) => {
      const run = prepare();
      expect(run).toBeInstanceOf(Function);
      run();
      run();
    },
  );
});

test("every operation of the table has a benchmark", () => {
  const rows = timed.find(({ name }) => name === "operations")!.cases();
  expect(rows.map(({ name }) => name).sort()).toEqual([...operations.keys()].sort());
});

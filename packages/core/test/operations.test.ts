import { referenceBackend } from "@amari/backend-reference";
import { operations, setDefaultBackend } from "@amari/core";
import { lawsOf } from "@amari/testing";
import { afterAll, describe, expect, it } from "vitest";

setDefaultBackend(referenceBackend());

const all = [...operations.values()];
const lawCount = all.reduce((count, operation) => count + lawsOf(operation).length, 0);
let passed = 0;

afterAll(() => {
  console.log(`${all.length} operations in the table, ${passed} of ${lawCount} generated laws hold`);
});

describe("the table", () => {
  it("gives every operation its generated laws", () => {
    const least = Math.min(...all.map((operation) => lawsOf(operation).length));
    expect(least).toBeGreaterThanOrEqual(5);
  });

  it("files every operation under its own name", () => {
    for (const [name, operation] of operations) expect(operation.name).toBe(name);
  });
});

for (const operation of all) {
  describe(operation.name, () => {
    it.each(lawsOf(operation))(`${operation.name}: $name`, (law) => {
      law.check(operation, { numRuns: 3 });
      passed++;
    });
  });
}

import { cpuBackend } from "@amari/backend-cpu";
import { operations, setDefaultBackend } from "@amari/core";
import { setValidation } from "@amari/core/backend";
import { lawsOf } from "@amari/testing";
import { afterAll, describe, it } from "vitest";

setDefaultBackend(cpuBackend());
// Every program of the laws must become kernels that obey the rules of kernels.
setValidation(true);

const all = [...operations.values()];
const lawCount = all.reduce((count, operation) => count + lawsOf(operation).length, 0);
let passed = 0;

afterAll(() => {
  console.log(`cpu: ${passed} of ${lawCount} generated laws of ${all.length} operations hold`);
});

for (const operation of all) {
  describe(`${operation.name} on the CPU backend`, () => {
    it.each(lawsOf(operation))(`${operation.name}: $name`, (law) => {
      law.check(operation, { numRuns: Number(process.env.RUNS ?? 1) });
      passed++;
    });
  });
}

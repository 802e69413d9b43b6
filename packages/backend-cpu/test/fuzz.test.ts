import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { fuzz } from "@amari/testing";
import { expect, it } from "vitest";

const backend = cpuBackend();
setDefaultBackend(backend);

// More of the same, with other seeds: pnpm fuzz --count 10000
it.each([
  ["float32", 11],
  ["float64", 12],
] as const)("random programs in %s agree with the reference", { timeout: 120_000 }, (dtype, seed) => {
  const { failure, programs } = fuzz(backend, {
    reference: referenceBackend(),
    floats: [dtype],
    count: Number(process.env.RUNS ?? 1) * 60,
    seed,
  });
  expect(failure?.message).toBeUndefined();
  expect(programs).toBeGreaterThanOrEqual(60);
});

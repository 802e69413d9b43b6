import { cpuBackend, jsBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { fuzz } from "@amari/testing";
import { expect, it } from "vitest";

// More of the same, with other seeds: pnpm fuzz --count 10000
it.each([
  ["float32", cpuBackend, 11],
  ["float64", cpuBackend, 12],
  ["float32", jsBackend, 13],
  ["float64", jsBackend, 14],
] as const)(
  "random programs in %s agree with the reference: %o",
  { timeout: 120_000 },
  (dtype, make, seed) => {
    const backend = make();
    setDefaultBackend(backend);
    const { failure, programs } = fuzz(backend, {
      reference: referenceBackend(),
      floats: [dtype],
      count: Number(process.env.RUNS ?? 1) * 60,
      seed,
    });
    expect(failure?.message).toBeUndefined();
    expect(programs).toBeGreaterThanOrEqual(60);
  },
);

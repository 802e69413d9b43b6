import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { fuzz } from "@amari/testing";
import { expect, it } from "vitest";

// More of the same, with other seeds: pnpm fuzz --count 10000
it.each([
  ["float32", "relaxed", 11],
  ["float64", "relaxed", 12],
  ["float16", "relaxed", 13],
  ["float32", "js", 11],
  ["float64", "js", 12],
  ["float16", "js", 13],
  ["float32", "simd128", 11],
  ["float64", "simd128", 12],
  ["float16", "simd128", 13],
] as const)(
  "random programs in %s agree with the reference in the tier %s",
  { timeout: 120_000 },
  (dtype, tier, seed) => {
    const backend = cpuBackend({ tier });
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

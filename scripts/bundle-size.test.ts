import { expect, test } from "vitest";
import { bundleSize } from "./bundle-size.ts";

// A ratchet: the goal is 60 kB, which is missed; docs/performance.md says by what. jax-js takes 80. Kernels in plain
// JavaScript take 4 of these, revectorising with its test at start 2, and angles and powers of extreme operands 2.
test("the core with the CPU backend stays below 106 kB, minified and gzipped", async () => {
  const { gzipped, minified, parts } = await bundleSize();
  expect(gzipped).toBeLessThan(106_000);
  // What is measured is all of it: the operations, the compiler and the emitter, and no other package.
  expect(parts.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "core/ops",
      "core/compile",
      "core/transform",
      "backend-cpu/emit",
      "backend-cpu/matmul",
    ]),
  );
  expect(new Set(parts.map(({ name }) => name.split("/")[0]))).toEqual(new Set(["core", "backend-cpu"]));
  expect(gzipped).toBeGreaterThan(20_000);
  expect(minified).toBeGreaterThan(2 * gzipped);
}, 60_000);

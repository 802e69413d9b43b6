import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

/** Resolves the packages of this repository to their sources, so that tests need no build. */
const source = "@amari/source";

export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "examples/**/*.test.ts",
      "docs/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    // Processes rather than threads: tests of memory need their own heap, and V8 flags belong to a process.
    pool: "forks",
    // One for each core: the default leaves one idle, which on a machine of two is half of it.
    maxWorkers: "100%",
    // Test files run side by side already; the tests of threads ask for them.
    env: { AMARI_THREADS: "1" },
    testTimeout: 20_000,
    coverage: { include: ["packages/*/src/**"], reporter: ["text-summary", "html"] },
  },
});

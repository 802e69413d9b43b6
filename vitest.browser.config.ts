import { playwright } from "@vitest/browser-playwright";
import { defaultClientConditions } from "vite";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { findChromium } from "./scripts/chromium.ts";

/** How a program finds itself in a browser: with what it computes, and whether its page is isolated. */
interface Setting {
  readonly backend: "cpu" | "webgpu";
  /** Isolated from other origins, a page may share memory with its workers. */
  readonly isolated: boolean;
}

declare module "vitest" {
  interface ProvidedContext extends Setting {
    /** One conformance check in so many is run. */
    every: number;
    /** How many steps of training the test of memory runs. */
    steps: number;
  }
}

const every = Number(process.env["EVERY"] ?? 160);
const steps = Number(process.env["STEPS"] ?? 200);

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const settings: Readonly<Record<string, Setting>> = {
  "cpu with threads": { backend: "cpu", isolated: true },
  "cpu without threads": { backend: "cpu", isolated: false },
  webgpu: { backend: "webgpu", isolated: false },
};

const projectIn = ([name, setting]: [string, Setting]): TestProjectInlineConfiguration => ({
  resolve: { conditions: ["@amari/source", ...defaultClientConditions] },
  // As modules that it need not bundle: found late, it would reload the page amid the tests.
  optimizeDeps: { exclude: ["uplot"] },
  server: { headers: setting.isolated ? isolation : {} },
  test: {
    name,
    include: ["packages/*/test/browser/*.browser.ts", "examples/browser/*.browser.ts"],
    // What only one backend is asked.
    exclude: [`**/${setting.backend === "cpu" ? "webgpu" : "cpu"}.browser.ts`],
    provide: { ...setting, every, steps },
    testTimeout: 240_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: { executablePath: findChromium()!, args: ["--enable-unsafe-webgpu"] },
      }),
      instances: [{ browser: "chromium" }],
    },
  },
});

/** The tests that run in a browser: pnpm test:browser. */
export default defineConfig({ test: { projects: Object.entries(settings).map(projectIn) } });

import { playwright } from "@vitest/browser-playwright";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";
import type { BrowserInstanceOption } from "vitest/node";
import { launchOptions } from "./scripts/browser/chromium.ts";
import { asksForIsolation, isolation } from "./scripts/browser/isolation.ts";

/** How a program finds itself in a browser: with what it computes, and whether its page is isolated. */
interface Setting {
  readonly backend: "cpu" | "webgpu";
  /** Isolated from other origins, a page may share memory with its workers. */
  readonly isolated: boolean;
}

declare module "vitest" {
  interface ProvidedContext extends Setting {
    /** How many steps of training the test of memory runs. */
    steps: number;
  }
}

const settings: Readonly<Record<string, Setting>> = {
  "cpu with threads": { backend: "cpu", isolated: true },
  "cpu without threads": { backend: "cpu", isolated: false },
  webgpu: { backend: "webgpu", isolated: false },
};

const instanceIn = ([name, setting]: [string, Setting]): BrowserInstanceOption => ({
  browser: "chromium",
  name,
  // What only one backend is asked.
  exclude: [`**/${setting.backend === "cpu" ? "webgpu" : "cpu"}.browser.ts`],
  provide: { ...setting },
  provider: playwright({
    launchOptions: launchOptions(),
    contextOptions: { extraHTTPHeaders: setting.isolated ? asksForIsolation : {} },
  }),
});

/** The tests that run in a browser: pnpm test:browser. */
export default defineConfig({
  plugins: [isolation],
  resolve: { conditions: ["@amari/source", ...defaultClientConditions] },
  // As modules that it need not bundle: found late, it would reload the page amid the tests.
  optimizeDeps: { exclude: ["uplot"] },
  test: {
    include: ["packages/*/test/browser/*.browser.ts", "examples/browser/*.browser.ts"],
    testTimeout: 240_000,
    fileParallelism: false,
    // One page for all files of a setting: loading the modules once more takes longer than most of the tests.
    isolate: false,
    browser: {
      enabled: true,
      headless: true,
      connectTimeout: 240_000,
      screenshotFailures: false,
      provider: playwright(),
      instances: Object.entries(settings).map(instanceIn),
    },
  },
});

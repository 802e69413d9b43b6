import { chromium } from "playwright";
import { createServer, defaultClientConditions, type ViteDevServer } from "vite";
import { launchOptions } from "../browser/chromium.ts";
import { asksForIsolation, isolation } from "../browser/isolation.ts";
import type { Job, Listener } from "./run.ts";

/** Where in a browser a job runs. */
export interface Place {
  /** Whether in a dedicated worker rather than on the page's main thread. */
  readonly worker: boolean;
  /** Whether the page may share memory with workers, so that the CPU backend has threads. */
  readonly isolated: boolean;
}

/** How long a browser and the modules of its page may take to load, in milliseconds: a busy machine takes minutes. */
const patience = 600_000;

/** Serves the sources of this repository, for pages and workers that import them. */
export async function serveSources(): Promise<ViteDevServer> {
  const server = await createServer({
    configFile: false,
    logLevel: "error",
    plugins: [isolation],
    resolve: { conditions: ["@amari/source", ...defaultClientConditions] },
    // Found before the first page asks: later they would reload it.
    optimizeDeps: { entries: ["scripts/conformance/page.ts", "scripts/conformance/run.ts"] },
    server: { port: 0, hmr: false, watch: null },
  });
  return server.listen();
}

/**
 * Runs a job in a page of a headless Chromium of its own, since several pages would share one process for WebGPU.
 *
 * @throws Error where the page throws, crashes or is closed
 */
export async function runInBrowser(
  server: ViteDevServer,
  job: Job,
  { worker, isolated }: Place,
  { tell, next }: Listener,
): Promise<void> {
  const browser = await chromium.launch({ ...launchOptions(), timeout: patience });
  try {
    const context = await browser.newContext({ extraHTTPHeaders: isolated ? asksForIsolation : {} });
    const page = await context.newPage();
    page.setDefaultNavigationTimeout(patience);
    const name = `Chromium ${browser.version()}, ${worker ? "in a worker" : "on the main thread"}`;
    await page.exposeFunction("tellOpener", (news: Parameters<Listener["tell"]>[0]) =>
      tell(news.kind === "begun" ? { ...news, backend: `${news.backend}, ${name}` } : news),
    );
    await page.exposeFunction("nextOpener", next);
    const crash = new Promise<never>((_, reject) => {
      page.on("crash", () =>
        reject(new Error("the page has crashed, as it does where it runs out of memory")),
      );
      page.on("pageerror", reject);
    });
    await page.goto(`${server.resolvedUrls!.local[0]}scripts/conformance/page.html`);
    // As text, since what the compiler of this file adds to functions is not there.
    const call = `${worker ? "runInWorker" : "runInPage"}(${JSON.stringify(job)})`;
    await Promise.race([page.evaluate(call), crash]);
  } finally {
    await browser.close();
  }
}

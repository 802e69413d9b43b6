/**
 * Everything that the table of operations promises, asked of a backend:
 *   pnpm conformance [--backend cpu|webgpu|reference] [--dtype float16] [--every 1] [--only sum,sin] [--programs 200] [--small]
 *                    [--seed 0] [--failures 20] [--jobs 2] [--threads 4] [--browser [--worker]]
 *                    [--rows shared] [--product "shared 64x64"]
 *
 * Prints for each operation how many checks passed, its largest error in ulp and as a share of its bound, and what the
 * backend says it cannot do. The exit code is 1 if a check failed. Several processes share the checks, by default one for
 * each core and 4 GB of memory.
 *
 * --rows and --product have WebGPU compute folds and products as it does on a GPU, where it has but a software driver.
 *
 * With --browser the backend runs in headless Chromium, in --jobs of them, on the main thread of a page or in a worker. There
 * the page may share memory unless --threads is 1. Deno and Bun run this file as well as Node:
 *   deno run --allow-all --conditions=@amari/source scripts/conformance.ts --backend webgpu
 *   bun --conditions=@amari/source scripts/conformance.ts
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { DType } from "@amari/core";
import { type ConformanceReport, ConformanceTally } from "@amari/testing";
import { findChromium, installChromium } from "./browser/chromium.ts";
import { runInBrowser, serveSources } from "./conformance/browser.ts";
import type { Message } from "./conformance/process.ts";
import { type Job, type Listener, type News, run } from "./conformance/run.ts";
import { choose, orRefuse, readOptions, refuse, wholeNumber } from "./options.ts";

// Deno and Bun run it too, but start processes without the condition by which this one finds the sources.
const isNode = process.versions["deno"] === undefined && process.versions["bun"] === undefined;
const defaultJobs = isNode ? Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 4e9))) : 1;

const values = readOptions({
  backend: { type: "string", default: "cpu" },
  programs: { type: "string", default: "200" },
  small: { type: "boolean", default: false },
  only: { type: "string" },
  dtype: { type: "string" },
  every: { type: "string", default: "1" },
  seed: { type: "string", default: "0" },
  failures: { type: "string", default: "20" },
  jobs: { type: "string", default: String(defaultJobs) },
  threads: { type: "string" },
  rows: { type: "string" },
  product: { type: "string" },
  browser: { type: "boolean", default: false },
  worker: { type: "boolean", default: false },
});
if (values.worker && !values.browser) refuse("--worker: expected with --browser");
if (values.browser && findChromium() === null) refuse(`there is no browser here. ${installChromium}`);
const floats: readonly DType[] = ["float16", "float32", "float64"];
const jobs = wholeNumber("jobs", values.jobs, 1);
const failures = wholeNumber("failures", values.failures, 0);
const job: Job = {
  backend: choose("backend", values.backend, ["cpu", "webgpu", "reference"]),
  dtype: values.dtype === undefined ? undefined : choose<DType>("dtype", values.dtype, floats),
  every: wholeNumber("every", values.every, 1),
  programs: wholeNumber("programs", values.programs, 0),
  seed: wholeNumber("seed", values.seed, 0),
  large: !values.small,
  // Names of kinds have commas before spaces.
  only: values.only?.split(/,(?! )/),
  threads: values.threads === undefined ? undefined : wholeNumber("threads", values.threads, 1),
  webgpu: {
    ...(values.rows !== undefined && { rows: choose("rows", values.rows, ["shared", "alone"]) }),
    // The backend itself says which there are.
    ...(values.product !== undefined && { product: values.product as "registers 4x4" }),
  },
};

const started = performance.now();
const tally = new ConformanceTally();
let name: string = job.backend;
let [next, done, failed, shown] = [0, 0, 0, started];
const takeNext = (): number => next++;
const listener: Listener = { tell: hear, next: async () => takeNext() };
if (values.browser) await inBrowsers();
else if (jobs === 1) await orRefuse(() => run(job, listener));
else await Promise.all(Array.from({ length: jobs }, inProcess));
process.stderr.write("\r\x1b[K");
const report = tally.report(name);
print(report);
refuseEmpty(report);
if (report.failures.length > 0) process.exitCode = 1;

/** What was asked for and is not there must not look as if it had passed. */
function refuseEmpty({ checks, operations }: ConformanceReport): void {
  const missing = job.only?.filter((operation) => !operations.has(operation)) ?? [];
  if (missing.length > 0 && job.every === 1)
    refuse(`${job.backend} has no check of ${missing.join(" or ")} in ${job.dtype ?? "any dtype"}`);
  if (checks === 0) refuse(`${job.backend} has no checks in ${job.dtype ?? "any dtype"}`);
}

/** Runs a job in a process of its own. */
async function inProcess(): Promise<void> {
  const program = fileURLToPath(new URL("./conformance/process.ts", import.meta.url));
  const child = fork(program, [JSON.stringify(job)]);
  child.on("message", (message: Message) => {
    if (message.kind === "next") child.send(takeNext());
    else hear(message);
  });
  const [code, signal] = await once(child, "exit");
  // What went wrong the process has printed.
  if (code !== 0) refuse(`a process ended with ${code ?? signal} after ${done} checks`);
}

/** Runs all jobs, each in a browser of its own. */
async function inBrowsers(): Promise<void> {
  const server = await serveSources();
  const place = { worker: values.worker, isolated: job.threads !== 1 };
  const one = () => runInBrowser(server, job, place, listener);
  try {
    await Promise.all(Array.from({ length: jobs }, one));
  } catch (error) {
    refuse(`after ${done} checks in a browser: ${(error as Error).message}`);
  } finally {
    await server.close();
  }
}

function hear(news: News): void {
  if (news.kind === "begun") {
    name = news.backend;
    return;
  }
  const { operation, outcome } = news;
  tally.add(operation, outcome);
  done++;
  if (outcome.kind === "failed" && failed++ < failures) console.log(`\r\x1b[KFAILED ${outcome.message}`);
  if (performance.now() - shown < 1000) return;
  shown = performance.now();
  process.stderr.write(`\r${done} checks, ${operation}\x1b[K`);
}

function print({ checks, passed, declined, unsupported, failures, operations }: ConformanceReport): void {
  console.log(
    "operation               passed   elements  discarded  worst ulp  error / bound  unsupported  failed",
  );
  for (const [name, o] of operations) {
    console.log(
      `${name.padEnd(22)} ${String(o.passed).padStart(7)} ${String(o.elements).padStart(10)} ` +
        `${String(o.discarded).padStart(10)} ${o.worstUlp.toFixed(2).padStart(10)} ${o.worst.toFixed(3).padStart(14)} ` +
        `${String(o.unsupported.length).padStart(12)} ${String(o.failures.length).padStart(7)}`,
    );
  }
  const reasons = new Set([...operations.values()].flatMap((o) => o.unsupported));
  for (const reason of reasons) console.log(`\nunsupported: ${reason}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `\n${report.backend}: ${checks} checks in ${seconds} s: ${passed} passed, ${failures.length} failed, ` +
      `${unsupported} unsupported, ${declined} declined by the reference too`,
  );
}

/**
 * Everything that the table of operations promises, asked of a backend:
 *   pnpm conformance [--backend cpu|webgpu|reference] [--dtype float16] [--every 1] [--only sum,sin] [--programs 200] [--small]
 *                    [--seed 0] [--failures 20]
 *
 * Prints for each operation how many checks passed, its largest error in ulp and as a share of its bound, and what the
 * backend says it cannot do. The exit code is 1 if a check failed.
 */
import { cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { webgpu } from "@amari/backend-webgpu";
import { type Backend, type DType, setDefaultBackend } from "@amari/core";
import { type ConformanceReport, conformance } from "@amari/testing";
import { readOptions } from "./options.ts";

const backends: Readonly<Record<string, () => Backend | Promise<Backend>>> = {
  cpu: cpuBackend,
  webgpu,
  reference: referenceBackend,
};

const values = readOptions({
  backend: { type: "string", default: "cpu" },
  programs: { type: "string", default: "200" },
  small: { type: "boolean", default: false },
  only: { type: "string" },
  dtype: { type: "string" },
  every: { type: "string", default: "1" },
  seed: { type: "string", default: "0" },
  failures: { type: "string", default: "20" },
});

const make = backends[values.backend];
if (make === undefined)
  throw new Error(`--backend: expected ${Object.keys(backends).join(" or ")}, got ${values.backend}`);
const backend = await make();
const reference = referenceBackend();
setDefaultBackend(reference);

const chosen = values.only?.split(",");

const started = performance.now();
let [done, failed, shown] = [0, 0, started];
const report = await conformance(backend, {
  reference,
  every: Number(values.every),
  programs: Number(values.programs),
  large: !values.small,
  ...(values.dtype !== undefined && { floats: [values.dtype as DType] }),
  ...(chosen && { only: (name) => chosen.includes(name) }),
  seed: Number(values.seed),
  onCheck: ({ operation }, outcome) => {
    done++;
    if (outcome.kind === "failed" && failed++ < Number(values.failures)) {
      console.log(`\r\x1b[KFAILED ${outcome.message}`);
    }
    if (performance.now() - shown < 1000) return;
    shown = performance.now();
    process.stderr.write(`\r${done} checks, ${operation}\x1b[K`);
  },
});
process.stderr.write("\r\x1b[K");
print(report);
await backend.close();
if (report.failures.length > 0) process.exitCode = 1;

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
    `\n${backend.name}: ${checks} checks in ${seconds} s: ${passed} passed, ${failures.length} failed, ` +
      `${unsupported} unsupported, ${declined} declined by the reference too`,
  );
}

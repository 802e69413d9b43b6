/**
 * Random programs on a backend against the reference:
 *   pnpm fuzz [--backend cpu|reference] [--count 1000] [--seed N] [--path P] [--dtype float16|float32|float64] [--calls 40]
 *
 * or, on larger values, the CPU backend on some threads against itself on one, for the same bits:
 *   pnpm fuzz --threads 2 [--elements 200000] [as above]
 *
 * Prints how many programs passed and how close results came to their bounds, by operation; a program that fails is
 * shrunk, printed as code that can be pasted, and makes the exit code 1.
 */
import { CpuBackend, cpuBackend } from "@amari/backend-cpu";
import { referenceBackend } from "@amari/backend-reference";
import { type Backend, setDefaultBackend } from "@amari/core";
import { type FuzzReport, fuzz } from "@amari/testing";
import { choose, orRefuse, readOptions, refuse, wholeNumber } from "./options.ts";

const backends: Readonly<Record<string, () => Backend>> = { cpu: cpuBackend, reference: referenceBackend };

const values = readOptions({
  backend: { type: "string", default: "cpu" },
  count: { type: "string", default: "1000" },
  seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  path: { type: "string" },
  dtype: { type: "string" },
  calls: { type: "string", default: "40" },
  threads: { type: "string" },
  elements: { type: "string" },
});

const number = (option: "count" | "calls" | "threads" | "elements", value: string): number =>
  wholeNumber(option, value, 1);
const [count, seed] = [number("count", values.count), wholeNumber("seed", values.seed, 0)];
// Values are read on the way, at once: of other backends `pnpm conformance` runs random programs.
const name = choose("backend", values.backend, Object.keys(backends));
const threaded =
  values.threads === undefined ? undefined : cpuBackend({ threads: number("threads", values.threads) });
const backend = await orRefuse(threaded ? () => cpuBackend({ threads: 1 }) : backends[name]!);
const floats =
  values.dtype === undefined ? undefined : [choose("dtype", values.dtype, ["float16", "float32", "float64"])];
setDefaultBackend(backend);

if (values.path !== undefined && !/^\d+(:\d+)*$/.test(values.path))
  refuse(`--path: expected numbers with colons between them, got ${values.path}`);

const started = performance.now();
let shown = started;
const report = fuzz(backend, {
  reference: referenceBackend(),
  count,
  seed,
  maxCalls: number("calls", values.calls),
  ...(threaded && { threaded, maxElements: 200_000 }),
  ...(values.elements !== undefined && { maxElements: number("elements", values.elements) }),
  ...(floats && { floats }),
  ...(values.path !== undefined && { path: values.path }),
  onProgram: (programs) => {
    if (performance.now() - shown < 1000) return;
    shown = performance.now();
    process.stderr.write(`\r${programs} of ${count} programs, ${rate(programs)} a second `);
  },
});
process.stderr.write("\n");
print(report);
if (threaded !== undefined) console.log(`\nchunks by thread: ${threaded.chunksByThread.join(", ")}`);
await threaded?.close();
if (report.failure !== null) process.exitCode = 1;

function rate(programs: number): string {
  return (programs / ((performance.now() - started) / 1000)).toFixed(1);
}

function print({ programs, declined, operations, failure }: FuzzReport): void {
  const sum = (pick: (report: { elements: number; discarded: number; results: number }) => number) =>
    [...operations.values()].reduce((total, operation) => total + pick(operation), 0);
  const compared =
    `, ${sum((o) => o.results)} results, ${sum((o) => o.elements)} elements, ` +
    `${sum((o) => o.discarded)} of them discarded as unstable` +
    "\n\nresult of               results   elements  discarded  largest error / bound";
  console.log(
    `seed ${seed}: ${programs} programs passed (${declined} declined with a typed error)` +
      (operations.size > 0 ? compared : ""),
  );
  for (const [name, o] of [...operations].sort(([, a], [, b]) => b.worst - a.worst)) {
    const columns = [o.results, o.elements, o.discarded].map((n) => String(n).padStart(10)).join(" ");
    console.log(`${name.padEnd(20)} ${columns}  ${o.worst.toFixed(3)}`);
  }
  if (failure === null) return;
  const again = [
    // Tiers round otherwise, and which one is the default depends on the machine.
    ...(backend instanceof CpuBackend ? [`AMARI_TIER=${backend.tier}`] : []),
    "pnpm fuzz",
    ...process.argv.slice(2).filter(isKept),
    `--seed ${failure.seed} --path ${failure.path}`,
  ];
  console.log(`\nFAILED after ${programs} programs; again: ${again.join(" ")}\n\n${failure.message}`);
}

/** Arguments that a repetition takes over as they are. */
function isKept(argument: string, index: number, all: readonly string[]): boolean {
  const option = argument.startsWith("--") ? argument : all[index - 1]!;
  return !["--seed", "--path"].some((name) => option.startsWith(name));
}

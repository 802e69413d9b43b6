import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError, program } from "commander";
import { disagreements } from "./agreement.ts";
import { ratioChart } from "./chart.ts";
import { markdownTable, writeBetweenMarks } from "./document.ts";
import { hasTorch, installPackages, installTorch } from "./install.ts";
import { peers as allPeers, type Peer, peerNames } from "./peers.ts";
import { progressBar } from "./progress.ts";
import { type Plan, run, steps } from "./run.ts";
import { type Summary, summaryTable } from "./summary.ts";
import { readWorkloads } from "./workloads.ts";

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a positive integer");
  return value;
};

const peerList = (text: string): Peer[] =>
  text.split(",").map((name) => {
    const peer = allPeers.find((each) => each.name === name);
    if (peer === undefined) throw new InvalidArgumentError(`expected some of ${peerNames.join(",")}`);
    return peer;
  });

program
  .name("pnpm bench:peers")
  .description(
    "Amari side by side with jax-js, tfjs and PyTorch, on the workloads of benchmarks/peers/workloads.json.",
  )
  .option("--only <text>", "only workloads whose names hold one of these, separated by commas")
  .option("--peers <names>", `which of ${peerNames.join(",")}, separated by commas (default: all)`, peerList)
  .option("--rounds <n>", "how often every peer has its turn", positive)
  .option("--threads <n>", "threads for the peers that take several in Node", positive, 1)
  .option("--quick", "two short rounds instead of four")
  .option("--install-torch", "install PyTorch for the processor into the user's cache, where it is missing")
  .option("--write", "put the table and the chart into docs/performance.md: all workloads and all peers only")
  .allowExcessArguments(false)
  .parse();

const options = program.opts<{
  only?: string;
  peers?: Peer[];
  rounds?: number;
  threads: number;
  quick?: true;
  installTorch?: true;
  write?: true;
}>();

const isChosen = (id: string): boolean =>
  options.only === undefined || options.only.split(",").some((part) => id.includes(part));
const workloads = readWorkloads().filter(({ id }) => isChosen(id));
if (workloads.length === 0) {
  program.error(
    `no workload is named ${options.only}; there are ${readWorkloads()
      .map(({ id }) => id)
      .join(", ")}`,
  );
}

if (options.installTorch === true) installTorch();
let peers: readonly Peer[] = options.peers ?? allPeers;
if (peers.some(({ name }) => name === "jax" || name === "tfjs")) installPackages();
if (peers.some(({ name }) => name === "torch") && !hasTorch()) {
  console.warn(
    "WARNING: PyTorch is NOT measured: python3 has no torch and numpy. Run with --install-torch, or leave it out by --peers.",
  );
  peers = peers.filter(({ name }) => name !== "torch");
}
for (const { title } of peers.filter((peer) => options.threads > 1 && !peer.threads)) {
  console.warn(`note: ${title} runs on one thread in Node`);
}

if (
  options.write === true &&
  (options.only !== undefined || options.quick === true || peers.length < allPeers.length)
) {
  program.error("--write is for all workloads on all peers, without --quick");
}

const plan: Plan = {
  workloads,
  peers,
  rounds: options.rounds ?? (options.quick === true ? 2 : 4),
  threads: options.threads,
  milliseconds: options.quick === true ? 150 : 400,
};
const bar = progressBar(steps(plan));
const { results, versions } = await run(plan, bar.report);
bar.end();

const summary: Summary = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    system: process.platform,
  },
  versions,
  threads: plan.threads,
  rounds: plan.rounds,
  peers: peers.map(({ name, title }) => ({ name, title })),
  results,
};
console.log(summaryTable(summary));

const folder = fileURLToPath(new URL("../results", import.meta.url));
mkdirSync(folder, { recursive: true });
const name = `peers-${plan.threads}-thread${plan.threads > 1 ? "s" : ""}`;
writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(summary, null, 2)}\n`);
const chart = peers.length > 1 && peers.some((peer) => peer.name === "amari") ? ratioChart(summary) : null;
if (chart !== null) writeFileSync(`${folder}/${name}.svg`, chart);
console.log(`\nDetails in ${folder}/${name}.json${chart === null ? "" : " and .svg"}`);

const differing = disagreements(workloads, results);
for (const { workload, message } of differing) console.error(`DISAGREEMENT in ${workload}: ${message}`);
const failed = results.filter(({ peer, error }) => peer === "amari" && error !== null);
if (differing.length > 0 || failed.length > 0) process.exitCode = 1;
else {
  if (peers.length > 1) console.log("All results agree.");
  if (options.write === true) {
    const docs = fileURLToPath(new URL("../../docs", import.meta.url));
    writeBetweenMarks(`${docs}/performance.md`, name, markdownTable(summary));
    if (chart !== null) writeFileSync(`${docs}/${name}.svg`, chart);
  }
}

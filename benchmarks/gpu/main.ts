import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { webgpu } from "@amari/backend-webgpu";
import CliTable from "cli-table3";
import { InvalidArgumentError, program } from "commander";
import { globals } from "webgpu";
import { disagreements } from "../peers/agreement.ts";
import { writeBetweenMarks } from "../peers/document.ts";
import { installPackages } from "../peers/install.ts";
import { gpuPackages, gpuPackagesFolder, gpuPeers, type Peer } from "../peers/peers.ts";
import { progressBar } from "../peers/progress.ts";
import { type Plan, run, steps } from "../peers/run.ts";
import { readWorkloads } from "../peers/workloads.ts";
import { probe } from "./probes.ts";
import { head, markdown, preface, type Report, rows } from "./report.ts";

const peerList = (text: string): Peer[] =>
  text.split(",").map((name) => {
    const peer = gpuPeers.find((each) => each.name === name);
    if (peer !== undefined) return peer;
    throw new InvalidArgumentError(`expected some of ${gpuPeers.map((each) => each.name).join(",")}`);
  });

program
  .name("pnpm bench:gpu")
  .description(
    "Amari on WebGPU in Node, against what the device reaches in a copy and in multiply-adds, and side by side with " +
      "jax-js and tfjs on the same device.",
  )
  .option("--only <text>", "only workloads whose names hold one of these, separated by commas")
  .option("--peers <names>", "which of amari,jax,tfjs, separated by commas", peerList, [...gpuPeers])
  .option("--sizes <which>", "gpu or software; default: what the adapter is")
  .option("--quick", "one short round instead of three")
  .option("--write", "put the table into docs/performance.md: all workloads and all peers only")
  .allowExcessArguments(false)
  .parse();

const options = program.opts<{
  only?: string;
  peers: Peer[];
  sizes?: string;
  quick?: true;
  write?: true;
}>();
const isWhole = options.only === undefined && options.peers.length === gpuPeers.length;
if (options.write === true && !isWhole) program.error("--write is for all workloads on all peers");
if (options.sizes !== undefined && !["gpu", "software"].includes(options.sizes))
  program.error("--sizes is gpu or software");

Object.assign(globalThis, globals);
const backend = await webgpu();
const { vendor, architecture, description, isSoftware } = backend.description;
const name = description || [vendor, architecture].filter((part) => part !== "").join(" ");
console.log(`${name}: what it reaches in a copy and in multiply-adds ...`);
const roof = await probe(backend.device, isSoftware);
await backend.close();

const isChosen = (id: string): boolean =>
  options.only === undefined || options.only.split(",").some((part) => id.includes(part));
const sizes = options.sizes ?? (isSoftware ? "software" : "gpu");
const workloads = readWorkloads(new URL(`${sizes}.json`, import.meta.url)).filter(({ id }) => isChosen(id));
if (workloads.length === 0) program.error(`no workload is named ${options.only}`);

if (options.peers.some((peer) => peer.name !== "amari")) installPackages(gpuPackagesFolder, gpuPackages);
const plan: Plan = {
  workloads,
  peers: options.peers,
  rounds: options.quick === true ? 1 : 3,
  threads: 1,
  milliseconds: options.quick === true ? 100 : 400,
};
const bar = progressBar(steps(plan));
const { results, versions } = await run(plan, bar.report);
bar.end();

const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  device: { name, isSoftware },
  system: process.platform,
  versions,
  roof,
  workloads,
  peers: options.peers.map((peer) => ({ name: peer.name, title: peer.title })),
  results,
};
const table = new CliTable({
  head: head(report),
  colAligns: ["left", ...head(report).map(() => "right" as const)],
  style: { head: [], border: [], compact: true },
});
table.push(...rows(report));
const [where, ...rest] = preface(report);
console.log([where, ...rest.map((text) => `\n${text}`), "", table.toString()].join("\n"));
for (const { workload, peer, error } of results)
  if (error !== null) console.log(`x ${workload} ${peer}: ${error}`);

const folder = fileURLToPath(new URL("../results", import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/gpu.json`, `${JSON.stringify(report, null, 2)}\n`);
console.log(`\nDetails in ${folder}/gpu.json`);

const differing = disagreements(workloads, results);
for (const { workload, message } of differing) console.error(`DISAGREEMENT in ${workload}: ${message}`);
const failed = results.filter(({ peer, error }) => peer === "amari" && error !== null);
if (differing.length > 0 || failed.length > 0) process.exitCode = 1;
else if (options.write === true) {
  const document = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));
  writeBetweenMarks(document, "gpu", markdown(report));
}

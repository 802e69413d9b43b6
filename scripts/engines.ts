/**
 * Amari in other engines than Node: pnpm test:engines. Runs scripts/engines/program.ts in Node, Deno and Bun, and compares.
 * Where an engine is missing it says so loudly; DENO and BUN name an executable that is not on the path.
 */
import { spawnSync } from "node:child_process";
import type { Findings } from "./engines/program.ts";

const { DENO = "deno", BUN = "bun" } = process.env;
const condition = "--conditions=@amari/source";
const program = "scripts/engines/program.ts";
const commands: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  Node: [process.execPath, "--import", "tsx", condition, program],
  // Without a permission: a program that computes should need none.
  Deno: [DENO, "run", "--no-prompt", condition, program],
  Bun: [BUN, condition, program],
};

let expected: Findings | undefined;
for (const [engine, [command, ...args]] of Object.entries(commands)) {
  const version = spawnSync(command, ["--version"], { encoding: "utf8" });
  if (version.error !== undefined) {
    console.log(
      `!!! ${engine}: NOT TESTED, there is no ${command} here. Name one in ${engine.toUpperCase()}.`,
    );
    continue;
  }
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  const label = `${engine} ${/[\d.]+/.exec(version.stdout)?.[0]}`;
  if (status !== 0) fail(label, `it ends with ${status}:\n${stderr}`);
  else {
    const findings = JSON.parse(stdout) as Findings;
    expected ??= findings;
    report(label, findings, expected);
  }
}

function report(label: string, found: Findings, { losses }: Findings): void {
  const { webgpu } = found;
  console.log(
    `${label}: cpu, ${found.cpu}; loss ${found.losses.at(-1)} after ${losses.length} steps; at most ` +
      `${found.mostMegabytes} MiB live; chunks by thread ${found.chunks.join(", ")}`,
  );
  console.log(
    "device" in webgpu
      ? `${label}: webgpu, ${webgpu.device}; loss ${webgpu.loss}`
      : `!!! ${label}: WebGPU was NOT TESTED: ${webgpu.missing}`,
  );
  const different = found.losses.findIndex((loss, i) => loss !== losses[i]);
  if (different >= 0)
    fail(label, `the loss of step ${different} is ${found.losses[different]}, in Node ${losses[different]}`);
  if (found.mostMegabytes > 128) fail(label, "the loop has left its budget of 128 MiB");
  if (!found.sameBits) fail(label, "threads give other bits than one");
  if (!found.chunks.slice(1).some((count) => count > 0)) fail(label, "the workers have done nothing");
  const last = losses.at(-1)!;
  if ("device" in webgpu && !(Math.abs(webgpu.loss - last) < 1e-4 * last))
    fail(label, "WebGPU has trained to another loss");
}

function fail(label: string, message: string): void {
  console.log(`FAILED ${label}: ${message}`);
  process.exitCode = 1;
}

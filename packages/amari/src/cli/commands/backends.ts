import { cpus, totalmem } from "node:os";
import type { CpuBackend, CpuTier } from "@amari/backend-cpu";
import { type Backend, getDefaultBackend } from "@amari/core";
import { Command } from "commander";
import type { Output } from "../io.ts";

/** `amari backends`: where programs can run on this machine. */
export function backendsCommand(output: Output): Command {
  return new Command("backends")
    .description("Show the backends of this installation and what they can do here.")
    .action(async () => {
      const { CpuBackend } = await import("../../index.ts");
      const { findBackends } = await import("../../backends.ts");
      const { textTable } = await import("../table.ts");
      const chosen = getDefaultBackend();
      const found = await findBackends();
      output.write(
        textTable(
          ["backend", "default", "reads", "dtypes"],
          found.flatMap(({ name, backend }) =>
            backend === null ? [] : [row(backend, name === chosen.name)],
          ),
        ),
      );
      if (chosen instanceof CpuBackend) output.write(`\n${tierText(chosen)}`);
      for (const { name, backend, about } of found) {
        if (backend === null) output.write(`\n${name} is missing: ${about}`);
        else if (name === "webgpu") output.write(`\nThe device of webgpu: ${about}.`);
        await backend?.close();
      }
      const [processor] = cpus();
      output.write(
        `\nNode ${process.versions.node} on ${process.platform}, ${cpus().length} cores` +
          `${processor === undefined ? "" : ` (${processor.model.trim()})`}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory.` +
          "\nOther backends implement the interface of @amari/core/backend and are set by setDefaultBackend(backend).",
      );
    });
}

const tierTexts: { readonly [T in CpuTier]: string } = {
  js: "plain JavaScript",
  simd128: "WebAssembly with vectors of 128 bits",
  relaxed: "WebAssembly with vectors of 128 bits and fused multiply-add",
  revectorised: "WebAssembly whose vectors V8 pairs into ones of 256 bits",
};

/** What the kernels of the CPU backend are made of, and on how many threads they run. */
const tierText = ({ tier, threads }: CpuBackend): string =>
  `The tier of cpu is ${tier}: ${tierTexts[tier]}, on ${threads} ${threads === 1 ? "thread" : "threads"}.`;

const row = ({ name, capabilities }: Backend, isDefault: boolean): string[] => [
  name,
  isDefault ? "yes" : "no",
  capabilities.synchronousReads ? "synchronous" : "asynchronous",
  capabilities.dtypes.join(" "),
];

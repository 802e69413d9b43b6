import { cpus, totalmem } from "node:os";
import { type Backend, getDefaultBackend } from "@amari/core";
import { Command } from "commander";
import type { Output } from "../io.ts";

/** `amari backends`: where programs can run on this machine. */
export function backendsCommand(output: Output): Command {
  return new Command("backends")
    .description("Show the backends of this installation and what they can do here.")
    .action(async () => {
      const { isCpuBackendSupported, referenceBackend } = await import("../../index.ts");
      const { textTable } = await import("../table.ts");
      const chosen = getDefaultBackend();
      const rows = [
        row(chosen, true),
        ...(chosen.name === "reference" ? [] : [row(referenceBackend(), false)]),
      ];
      output.write(textTable(["backend", "default", "reads", "dtypes"], rows));
      if (!isCpuBackendSupported())
        output.write("\nThis engine has no WebAssembly SIMD: the kernels are JavaScript, which is slower.");
      const [processor] = cpus();
      output.write(
        `\nNode ${process.versions.node} on ${process.platform}, ${cpus().length} cores` +
          `${processor === undefined ? "" : ` (${processor.model.trim()})`}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory.` +
          "\nOther backends implement the interface of @amari/core/backend and are set by setDefaultBackend(backend).",
      );
    });
}

const row = ({ name, capabilities }: Backend, isDefault: boolean): string[] => [
  name,
  isDefault ? "yes" : "no",
  capabilities.synchronousReads ? "synchronous" : "asynchronous",
  capabilities.dtypes.join(" "),
];

import { cpus, totalmem } from "node:os";
import { type Backend, getDefaultBackend } from "@amari/core";
import { Command } from "commander";
import type { Output } from "../io.ts";

/** `amari backends`: where programs can run on this machine. */
export function backendsCommand(output: Output): Command {
  return new Command("backends")
    .description("Show the backends of this installation and what they can do here.")
    .action(async () => {
      await import("../../index.ts");
      const { textTable } = await import("../table.ts");
      output.write(textTable(["backend", "default", "reads", "dtypes"], [row(getDefaultBackend())]));
      const [processor] = cpus();
      output.write(
        `\nNode ${process.versions.node} on ${process.platform}, ${cpus().length} cores` +
          `${processor === undefined ? "" : ` (${processor.model.trim()})`}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB of memory.` +
          "\nOther backends implement the interface of @amari/core/backend and are set by setDefaultBackend(backend).",
      );
    });
}

const row = ({ name, capabilities }: Backend): string[] => [
  name,
  "yes",
  capabilities.synchronousReads ? "synchronous" : "asynchronous",
  capabilities.dtypes.join(" "),
];

import { readFileSync } from "node:fs";
import { AmariError } from "@amari/core";
import { Command, CommanderError } from "commander";
import { backendsCommand } from "./commands/backends.ts";
import { compareCommand } from "./commands/compare.ts";
import { operationsCommand } from "./commands/operations.ts";
import { startCommand } from "./commands/start.ts";
import type { Output } from "./io.ts";

const version = (): string =>
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
    .version;

const examples = `
Examples:
  amari start                              train on Fisher's iris, compare optimizers, write report.html
  amari start --quick --out /tmp/r.html    the same in a few seconds, less exact
  amari start --optimizers fadam,adam      only these two
  amari start --backend webgpu             train on the GPU in float32
  amari operations soft                    the operations whose name holds "soft"
  amari operations --family reduction      the reductions
  amari compare --backends cpu,webgpu      how far two backends are apart, and how long they take`;

/**
 * Runs the command line.
 *
 * @param args what stands behind the program's name
 * @returns the exit code: 0, or 1 where the user or the machine made it impossible to go on
 */
export async function runCommandLine(args: readonly string[], output: Output): Promise<number> {
  const program = new Command("amari")
    .description("Automatic differentiation in pure TypeScript, made for research on optimizers.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", examples)
    .addCommand(startCommand(output))
    .addCommand(operationsCommand(output))
    .addCommand(backendsCommand(output))
    .addCommand(compareCommand(output));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showHelpAfterError(
        `(amari ${command === program ? "" : `${command.name()} `}--help shows what there is)`,
      )
      .configureOutput({
        writeOut: (text) => output.write(text.trimEnd()),
        writeErr: (text) => output.writeError(text.trimEnd()),
      });
  }
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has printed its message already; of the user's mistakes the message is all that helps.
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof AmariError || isFileError(error)) {
      output.writeError(`error: ${error.message}`);
      return 1;
    }
    throw error;
  }
}

/** A file that could not be written: Node's message says which and why. */
const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && "path" in error;

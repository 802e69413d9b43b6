import { resolve } from "node:path";
import { Command, Option } from "commander";
import { backendNames } from "../../backends.ts";
import { contestants } from "../../study/contestants.ts";
import type { Output } from "../io.ts";
import { oneOf, someOf, wholeNumber } from "../options.ts";

interface Options {
  readonly steps?: number;
  readonly seed: number;
  readonly out: string;
  readonly optimizers: readonly string[];
  readonly backend: string;
  readonly quick?: boolean;
}

const full = { steps: 160, repetitions: 3 };
const quick = { steps: 40, repetitions: 1 };

const ids = contestants.map(({ id }) => id);

/** `amari start`: the main job. */
export function startCommand(output: Output): Command {
  return new Command("start")
    .description(
      "Train softmax regression and a small neural network on Fisher's iris by several optimizers, measure how near they " +
        "come to the exact Fisher information and natural gradient, and write a report.",
    )
    .addOption(
      new Option("-s, --steps <number>", `steps of each run (default: ${full.steps})`).argParser(
        wholeNumber(1, 100_000),
      ),
    )
    .addOption(
      new Option("--seed <number>", "decides initial weights and the order of the data")
        .argParser(wholeNumber(0, 2 ** 31 - 1))
        .default(0),
    )
    .option("-o, --out <file>", "where the report goes", "report.html")
    .addOption(
      new Option("--optimizers <list>", `some of ${ids.join(",")}`)
        .argParser(someOf(ids))
        .default(ids, "all"),
    )
    .addOption(
      new Option(
        "-b, --backend <name>",
        `where the training runs: ${backendNames.join(", ")}. Float64 where the backend has it; the exact Fisher ` +
          "mathematics is done in float64 in any case, on the CPU where it must",
      )
        .argParser(oneOf(backendNames))
        .default("cpu"),
    )
    .option("-q, --quick", `a first impression: ${quick.steps} steps, one seed`)
    .action(async (options: Options) => {
      const scale = options.quick === true ? quick : full;
      const { runStart } = await import("../start.ts");
      await runStart(
        {
          ...scale,
          ...(options.steps !== undefined && { steps: options.steps }),
          seed: options.seed,
          backend: options.backend,
          contestants: contestants.filter(({ id }) => options.optimizers.includes(id)),
        },
        resolve(options.out),
        output,
      );
    });
}

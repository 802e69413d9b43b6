import { resolve } from "node:path";
import type { DType } from "@amari/core";
import { Command, Option } from "commander";
import { backendNames } from "../../backends.ts";
import type { Output } from "../io.ts";
import { someOf, wholeNumber } from "../options.ts";

interface Options {
  readonly backends: readonly string[];
  readonly dtypes: readonly string[];
  readonly steps: number;
  readonly out: string;
  readonly json: string;
}

const floats = ["float16", "float32", "float64"];

/** `amari compare`: backends side by side. */
export function compareCommand(output: Output): Command {
  return new Command("compare")
    .description(
      "Run every operation and the training of a small network on several backends, and show how far they are apart, " +
        "how long they take and what they hold. Exits with 1 where an operation is beyond its stated error.",
    )
    .addOption(
      new Option(
        "-b, --backends <list>",
        `some of ${backendNames.join(",")}; the first is what others are compared with`,
      )
        .argParser(someOf(backendNames))
        .default(backendNames, "all"),
    )
    .addOption(
      new Option("--dtypes <list>", `some of ${floats.join(",")}`)
        .argParser(someOf(floats))
        .default(["float32"], "float32"),
    )
    .addOption(
      new Option("-s, --steps <number>", "steps of each training run; 0 leaves them out")
        .argParser(wholeNumber(0, 100_000))
        .default(100),
    )
    .option("-o, --out <file>", "where the page goes", "compare.html")
    .option("--json <file>", "where the numbers go", "compare.json")
    .action(async ({ backends, dtypes, steps, out, json }: Options) => {
      const { runComparison } = await import("../compare.ts");
      const options = { backends, dtypes: dtypes as readonly DType[], steps };
      await runComparison(options, resolve(out), resolve(json), output);
    });
}

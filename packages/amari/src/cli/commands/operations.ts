import { ArgumentError, type Definition, operations } from "@amari/core";
import { Command, Option } from "commander";
import type { Output } from "../io.ts";
import { oneOf } from "../options.ts";

interface Options {
  readonly family?: string;
  readonly notDifferentiable?: boolean;
  readonly json?: boolean;
}

const familyOf = (definition: Definition): string =>
  definition.primitive === null && definition.family !== "creation" ? "composite" : definition.family;

const families = (): string[] => [...new Set([...operations.values()].map(familyOf))].sort();

/** `amari operations`: the table of operations. */
export function operationsCommand(output: Output): Command {
  return new Command("operations")
    .description("List the operations: what form they have, whether they differentiate, their float32 error.")
    .argument("[filter]", "only names that hold this text, whatever its case")
    .addOption(
      new Option("-f, --family <name>", `only one form: ${families().join(", ")}`).argParser(
        oneOf(families()),
      ),
    )
    .option("--not-differentiable", "only operations without a derivative, with the reason")
    .option("--json", "print JSON")
    .action(async (filter: string | undefined, options: Options) => {
      const found = [...operations.values()]
        .filter(({ name }) => name.toLowerCase().includes((filter ?? "").toLowerCase()))
        .filter((definition) => options.family === undefined || familyOf(definition) === options.family)
        .filter(({ notDifferentiable }) => options.notDifferentiable !== true || notDifferentiable !== null)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      if (found.length === 0) {
        throw new ArgumentError(
          `none of the ${operations.size} operations fits; \`amari operations\` lists them all`,
        );
      }
      const rows = found.map((definition) => ({
        name: definition.name,
        form: familyOf(definition),
        derivative: definition.notDifferentiable ?? "yes",
        ulp: definition.ulp,
      }));
      if (options.json === true) {
        output.write(JSON.stringify(rows, null, 2));
        return;
      }
      const { textTable } = await import("../table.ts");
      const cells = rows.map((row) => [
        row.name,
        row.form,
        row.derivative === "yes" ? "yes" : `no: ${row.derivative}`,
        String(row.ulp),
      ]);
      output.write(textTable(["operation", "form", "derivative", "ulp"], cells));
      output.write(
        `\n${found.length} of ${operations.size} operations. ulp: float32 error that a backend may have.`,
      );
    });
}

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Definition, operations } from "@amari/core";
import { parseSync } from "oxc-parser";

const source = new URL("../packages/core/src", import.meta.url).pathname;
/** The page that this script writes. */
export const target: string = new URL("../docs/operations.md", import.meta.url).pathname;

/** The first sentence of the comment above each `export const NAME`. */
function summaries(): Map<string, string> {
  const found = new Map<string, string>();
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  for (const file of files) {
    const text = readFileSync(join(source, file), "utf8");
    const { program, comments } = parseSync(file, text);
    for (const statement of program.body) {
      if (
        statement.type !== "ExportNamedDeclaration" ||
        statement.declaration?.type !== "VariableDeclaration"
      )
        continue;
      const comment = comments.findLast(({ end }) => end <= statement.start);
      if (comment === undefined || text.slice(comment.end, statement.start).trim() !== "") continue;
      for (const { id } of statement.declaration.declarations) {
        if (id.type === "Identifier") found.set(id.name, firstSentence(comment.value));
      }
    }
  }
  return found;
}

function firstSentence(comment: string): string {
  const prose = comment
    .replaceAll(/^\s*\* ?/gm, " ")
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
    .replaceAll(/\s+/g, " ")
    .trim();
  return /^.*?[.](?=\s|$)(?<!\.\.\.)/.exec(prose)?.[0] ?? prose;
}

function row(
  { name, family, notDifferentiable, ulp, cases, primitive }: Definition,
  summary: string,
): string {
  const derivative = notDifferentiable === null ? "yes" : `no: ${notDifferentiable}`;
  const cells = [
    `\`${name}\``,
    summary,
    primitive === null ? "composite" : family,
    derivative,
    String(ulp),
    String(cases.length),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** The page of all operations, from the table and the comments above the declarations. */
export function page(): string {
  const known = summaries();
  const sorted = [...operations.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const missing = sorted.filter(({ name }) => !known.has(name));
  if (missing.length > 0) throw new Error(`no comment above: ${missing.map(({ name }) => name).join(", ")}`);
  return [
    "# The operations",
    "",
    "Written by `pnpm docs:operations` from the table in `packages/core/src/ops`. Every operation is a function, and a",
    "method where its first operand is a tensor. *ulp* is the float32 error that a backend may have, in units in the last",
    "place; in float16, what is above a half becomes a half and a 2^-13th of it, except for composites. *cases* are what",
    "its laws are generated from.",
    "",
    `${sorted.length} operations.`,
    "",
    "| name | what it computes | form | derivative | ulp | cases |",
    "|---|---|---|---|---|---|",
    ...sorted.map((definition) => row(definition, known.get(definition.name)!)),
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, page());
  console.log(`wrote docs/operations.md: ${operations.size} operations`);
}

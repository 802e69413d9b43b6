import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository, with a slash at the end. */
export const root: string = fileURLToPath(new URL("../", import.meta.url));

/** A fenced block of code in a page of the documentation. */
export interface CodeBlock {
  /** Relative to the root. */
  readonly page: string;
  /** The line of the page on which the code begins, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** Every page whose code has to work. */
export function pages(): string[] {
  const packages = readdirSync(`${root}packages`).map((name) => `packages/${name}`);
  const folders = ["", "docs/", "examples/", "benchmarks/", ...packages.map((folder) => `${folder}/`)];
  return folders
    .flatMap((folder) => readdirSync(root + folder).map((file) => folder + file))
    .filter((path) => path.endsWith(".md") && !path.endsWith("CHANGELOG.md"));
}

/** The fenced blocks of a page. @throws Error for a fence that is not closed */
export function codeBlocks(page: string, text: string = readFileSync(root + page, "utf8")): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; language: string; lines: string[] } | null = null;
  text.split("\n").forEach((content, index) => {
    const fence = /^```(\w*)/.exec(content);
    if (open === null) {
      if (fence !== null) open = { line: index + 2, language: fence[1]!, lines: [] };
    } else if (fence === null) open.lines.push(content);
    else {
      blocks.push({ page, line: open.line, language: open.language, code: open.lines.join("\n") });
      open = null;
    }
  });
  if (open !== null) throw new Error(`${page}: a fence of code is not closed`);
  return blocks;
}

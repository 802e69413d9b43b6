import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type CodeBlock, codeBlocks, pages, root } from "./code-blocks.ts";

const blocks = pages().flatMap((page) => codeBlocks(page));
const named = (language: string) =>
  blocks
    .filter((block) => block.language === language)
    .map((block) => [`${block.page}:${block.line}`, block] as const);

// Inside the repository, so that the packages resolve; ignored by Git.
const folder = `${root}docs/.blocks/`;
const fileOf = ({ page, line }: CodeBlock) => `${folder}${page.replaceAll(/[/.]/g, "-")}-${line}.ts`;

test("a block's line is the line of its page", () => {
  const found = codeBlocks("page.md", "# Page\n\n```ts\na;\nb;\n```\n\n```sh\nc\n```\n");
  expect(found).toEqual([
    { page: "page.md", line: 4, language: "ts", code: "a;\nb;" },
    { page: "page.md", line: 9, language: "sh", code: "c" },
  ]);
});

describe("TypeScript in the documentation", () => {
  const programs = named("ts");

  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // As many empty lines in front as the page has, so that errors name the page's own lines.
    for (const [, block] of programs)
      writeFileSync(fileOf(block), `${"\n".repeat(block.line - 1)}${block.code}\nexport {};\n`);
    const options = { extends: "../../tsconfig.json", include: ["*.ts"], exclude: [], references: [] };
    writeFileSync(
      `${folder}tsconfig.json`,
      JSON.stringify({ ...options, compilerOptions: { incremental: false, rootDir: "../.." } }),
    );
  });

  test("there is some, in the README and in the guide to operations", () => {
    const from = new Set(programs.map(([, { page }]) => page));
    expect([...from]).toEqual(expect.arrayContaining(["README.md", "docs/adding-an-operation.md"]));
  });

  test.each(programs)("%s runs", async (place, block) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await import(/* @vite-ignore */ fileOf(block));
    } catch (error) {
      throw new Error(`the code at ${place} fails: ${(error as Error).message}`, { cause: error });
    } finally {
      log.mockRestore();
    }
  });

  test("it compiles", () => {
    const problems = compile().filter((line) => line.startsWith("docs/.blocks/"));
    expect(problems.map((problem) => problem.replace(/^docs\/\.blocks\//, ""))).toEqual([]);
  }, 60_000);
});

function compile(): string[] {
  try {
    execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "-p", folder], {
      cwd: root,
      encoding: "utf8",
    });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.split("\n");
  }
}

describe("shell commands in the documentation", () => {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
    scripts: Record<string, string>;
  };

  test.each(named("sh"))("%s names scripts and files that exist", (_, { code }) => {
    for (const line of code.split("\n")) {
      const words = line.replace(/#.*/, "").trim().split(/\s+/);
      const pnpm = words.findIndex((word) => /^pnpm(@|$)/.test(word));
      if (pnpm >= 0) expect(Object.keys(manifest.scripts)).toContain(words[pnpm + 1]);
      for (const word of words.filter((word) => /^[\w@.-]+\/[\w./-]+$/.test(word)))
        expect(existsSync(root + word), `${word} in: ${line}`).toBe(true);
    }
  });

  test("inline commands name scripts that exist", () => {
    for (const page of pages()) {
      for (const [, script] of readFileSync(root + page, "utf8").matchAll(/`pnpm ([\w:-]+)/g))
        expect([...Object.keys(manifest.scripts), "install", "changeset"], page).toContain(script);
    }
  });
});

test("links between pages lead somewhere", () => {
  for (const page of pages()) {
    const text = readFileSync(root + page, "utf8").replaceAll(/```[\s\S]*?```/g, "");
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target!)) continue;
      expect(existsSync(new URL(target!, `file://${root}${page}`)), `${target} in ${page}`).toBe(true);
    }
  }
});

/** Packs every public package as it would be published and checks the tarballs with publint and attw. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const run = promisify(execFile);
const out = mkdtempSync(join(tmpdir(), "amari-packages-"));

/** The pnpm that runs this script, since `npx pnpm` puts none on the path of other programs. */
function pnpm(args: string[], cwd: string): Promise<{ stdout: string }> {
  const own = process.env["npm_execpath"];
  return own?.match(/\.[cm]?js$/)
    ? run(process.execPath, [own, ...args], { cwd })
    : run("pnpm", args, { cwd });
}

/** The problems of one package, in words. */
async function check(folder: string, json: Record<string, unknown>): Promise<string[]> {
  const { stdout } = await pnpm(["pack", "--json", "--pack-destination", out], folder);
  const tarball = resolve(folder, JSON.parse(stdout).filename);

  const bytes = readFileSync(tarball);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  const problems = messages.map((message) => `publint: ${formatMessage(message, pkg ?? json)}`);

  const attw = resolve("node_modules/@arethetypeswrong/cli/dist/index.js");
  const args = [attw, tarball, "--profile", "esm-only", "--no-color", "--no-emoji", "--format", "ascii"];
  await run(process.execPath, args).catch((error: { stdout?: string; stderr?: string }) => {
    problems.push(`attw: ${error.stdout ?? ""}${error.stderr ?? ""}`);
  });
  return problems;
}

let failed = false;
try {
  const manifests = readdirSync("packages").map((folder) => join("packages", folder, "package.json"));
  for (const path of manifests.filter((manifest) => existsSync(manifest)).sort()) {
    const json = JSON.parse(readFileSync(path, "utf8"));
    if (json.private) continue;
    const problems = await check(dirname(path), json);
    failed ||= problems.length > 0;
    console.log(`${problems.length > 0 ? "FAILED" : "ok"}  ${json.name}`);
    for (const problem of problems) console.log(`  ${problem}`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
if (failed) process.exitCode = 1;

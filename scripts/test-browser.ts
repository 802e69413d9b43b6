/**
 * The tests that run in a browser: pnpm test:browser [what vitest takes]. Where there is no Chromium it says so loudly, and
 * how many were skipped. EVERY=1 runs the whole conformance suite there, STEPS=1000 the long test of memory.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { findChromium } from "./chromium.ts";

const folders = ["packages/amari/test/browser", "examples/browser"];

/** How many tests the files of the browser declare. */
function countTests(): number {
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".browser.ts"))
      .map((name) => readFileSync(`${folder}/${name}`, "utf8")),
  );
  return files.reduce((sum, text) => sum + (text.match(/^\s*test\(/gm)?.length ?? 0), 0);
}

if (findChromium() === null) {
  console.log(
    `\n!!! No Chromium: NOTHING WAS TESTED IN A BROWSER. Skipped: ${countTests()} tests, on the CPU backend with threads ` +
      "and without and on WebGPU.\n!!! Install one (Debian: apt install chromium) or name its executable in CHROMIUM.\n",
  );
} else {
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.browser.config.ts"];
  const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}

/**
 * The tests that run in a browser: pnpm test:browser [--steps 200] [what vitest takes]. Where there is no Chromium it says
 * so loudly, and how many were skipped.
 *
 * The tests of memory train for so many steps. The whole conformance suite in a browser: pnpm conformance --browser.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createVitest, parseCLI } from "vitest/node";
import { findChromium, installChromium } from "./chromium.ts";

/** The folders of tests, and how many settings of vitest.browser.config.ts run a file of them. */
const folders = ["packages/amari/test/browser", "examples/browser"];
const settingsOf = (file: string): number => ({ "cpu.browser.ts": 2, "webgpu.browser.ts": 1 })[file] ?? 3;

/** How many tests there are: what the files declare, in each setting that runs them. */
function countTests(): number {
  let count = 0;
  for (const folder of folders) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".browser.ts"))) {
      const declared = readFileSync(`${folder}/${file}`, "utf8").match(/^\s*test\(/gm)?.length ?? 0;
      count += declared * settingsOf(file);
    }
  }
  return count;
}

/** The argument --steps, and the others, which are vitest's. */
function readArguments(): { steps: number; others: string[] } {
  const args = process.argv.slice(2);
  const at = args.indexOf("--steps");
  const given = at < 0 ? [] : args.splice(at, 2);
  const { steps } = parseArgs({ args: given, options: { steps: { type: "string", default: "200" } } }).values;
  return { steps: Number(steps), others: args };
}

if (findChromium() === null) {
  console.log(
    `\n!!! No Chromium: NOTHING WAS TESTED IN A BROWSER. Skipped: ${countTests()} tests, on the CPU backend with threads ` +
      `and without and on WebGPU.\n!!! ${installChromium}\n`,
  );
} else {
  const { steps, others } = readArguments();
  const { filter, options } = parseCLI(["vitest", "run", ...others]);
  const vitest = await createVitest("test", { ...options, config: "vitest.browser.config.ts", watch: false });
  vitest.provide("steps", steps);
  await vitest.start(filter);
  await vitest.close();
}

import { existsSync } from "node:fs";
import type { LaunchOptions } from "playwright";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Where this machine has a Chromium or a Chrome: what `CHROMIUM` names, else where packages put it; null if not there. */
export function findChromium(): string | null {
  const { CHROMIUM } = process.env;
  const candidates = CHROMIUM === undefined ? places : [CHROMIUM];
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** How to get one that runs, for whom has none. */
export const installChromium =
  "Install a Chromium (Debian: apt install chromium) or name its executable in CHROMIUM.";

/**
 * How to start it with WebGPU, where there is no GPU too, and such that tests of memory can collect garbage and measure.
 *
 * @throws Error where there is none
 */
export function launchOptions(): LaunchOptions {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(`there is no browser here. ${installChromium}`);
  const args = ["--enable-unsafe-webgpu", "--js-flags=--expose-gc", "--enable-precise-memory-info"];
  return { executablePath, args };
}

import { existsSync } from "node:fs";

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

import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** Runs an example as its reader does, in a process of its own. */
async function run(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--conditions=@amari/source", `${folder}${file}`, ...args],
    { encoding: "utf8" },
  );
  return stdout;
}

const numberAfter = (text: string, label: string): number =>
  Number(new RegExp(`${label}\\D*?(-?[\\d.]+(?:e[-+]?\\d+)?)`).exec(text)?.[1]);

const outputs = {
  "quickstart.ts": async () => {
    const text = await run("quickstart.ts");
    expect(numberAfter(text, "loss after 500 steps:")).toBeLessThan(0.6); // log 3 = 1.1 is chance
  },
  "iris.ts": async () => {
    const text = await run("iris.ts");
    expect(numberAfter(text, "loss on the last minibatch:")).toBeLessThan(0.3);
    expect(numberAfter(text, "held-out accuracy:")).toBeGreaterThan(85);
    expect(numberAfter(text, "median")).toBeGreaterThan(0);
    expect(text).toContain("over 51 parameters");
  },
  "mixed-precision.ts": async () => {
    const text = await run("mixed-precision.ts");
    expect(numberAfter(text, "loss after 300 steps:")).toBeLessThan(0.08);
    // It begins with a scale that is too large.
    expect(numberAfter(text, "steps left out:")).toBeGreaterThan(0);
    expect(numberAfter(text, "steps left out:")).toBeLessThan(20);
  },
  "toy-backend.ts": async () => {
    expect(numberAfter(await run("toy-backend.ts"), "softmax on the toy backend:")).toBeCloseTo(0.09, 3);
  },
  "check-your-optimizer.ts": async () => {
    const [sgd, right, wrong] = (await run("check-your-optimizer.ts")).split("\n\n");
    expect(sgd).not.toContain("BROKEN");
    expect(right).not.toContain("BROKEN");
    expect(right!.match(/holds/g)).toHaveLength(4);
    expect(wrong).toMatch(/BROKEN {2}S3: flipping the sign/);
    expect(wrong!.match(/holds/g)).toHaveLength(3);
    // The wrong one trains as well as the right one: only the law tells them apart.
    expect(numberAfter(wrong!, "from 4 to")).toBe(numberAfter(right!, "from 4 to"));
  },
  "lstm.ts": async () => {
    const sizes = ["--length", "30", "--batch", "8", "--features", "24", "--sample", "50"];
    const text = await run("lstm.ts", "--steps", "100", ...sizes);
    const losses = text.match(/(?<=loss )[\d.]+(?= )/g)!.map(Number);
    const chance = numberAfter(text, "chance is a loss of");
    expect(losses).toHaveLength(10);
    expect(chance).toBeGreaterThan(4);
    expect(losses.at(-1)).toBeLessThan(chance - 1);
    expect(text.split("\n\n")[1]!.length).toBeGreaterThanOrEqual(40);
    expect(numberAfter(text, "its matrix products alone")).toBeGreaterThan(0);
  },
  "mnist.ts": async () => {
    const [, second] = (await run("mnist.ts", "--epochs", "2")).split("held out ").slice(1);
    expect(Number.parseFloat(second!)).toBeGreaterThan(80); // % right
  },
  "memory.ts": async () => {
    const rows = (await run("memory.ts", "6000"))
      .split("\n")
      .filter((line) => /^\s*\d/.test(line))
      .map((line) => line.trim().split(/\s+/).map(Number));
    // Until about 2,000 steps the engine still compiles and its heap grows by the code.
    const [first, last] = [rows[3]!, rows.at(-1)!];
    const [step, heap, storages] = [0, 2, 3];
    expect(rows).toHaveLength(10);
    expect(last[step]).toBe(6000);
    // Parameters, state, loss, data, and what the running step holds.
    for (const row of rows) expect(row[storages]).toBeLessThan(30);
    expect(last[heap]! - first[heap]!).toBeLessThan(3.6); // of 3,600 steps: less than 1 KB each
  },
  "memory-webgpu.ts": async () => {
    const text = await run("memory-webgpu.ts", "60", "awaited", "not-awaited", "eager").catch(
      (error: Error) => {
        if (!error.message.includes("WebgpuUnavailableError")) throw error;
        console.warn(`\n!!! NOT TESTED: memory-webgpu.ts, since this machine has no WebGPU\n`);
      },
    );
    if (text === undefined) return;
    const rows = text
      .split("\n")
      .filter((line) => /^\s+\d/.test(line))
      .map((line) => line.trim().split(/\s+/).map(Number));
    const [buffers, megabytes] = [1, 2];
    expect(rows).toHaveLength(30);
    for (const row of rows) expect(row[buffers]).toBeLessThanOrEqual(1);
    for (const row of rows) expect(row[megabytes]).toBeLessThanOrEqual(512);
  },
} satisfies Record<string, () => Promise<void>>;

test("every example has a test", () => {
  const examples = readdirSync(folder).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  expect(Object.keys(outputs).sort()).toEqual(examples.sort());
});

test.each(Object.entries(outputs))("%s", (_, check) => check(), 60_000);

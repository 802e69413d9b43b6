import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CpuBackend } from "@amari/backend-cpu";
import type { Block } from "@amari/core/backend";
import { afterEach, expect, test, vi } from "vitest";
import { runCommandLine } from "../src/cli/program.ts";
import { recorded } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "compare-"));
const [page, json] = [join(folder, "compare.html"), join(folder, "compare.json")];

const compare = async (...args: string[]) => {
  const output = recorded();
  const code = await runCommandLine(["compare", "--out", page, "--json", json, ...args], output);
  return { code, out: output.text(), err: output.errors() };
};

afterEach(() => vi.restoreAllMocks());

test("the CPU is within the stated errors, and trains the same network to the same loss", async () => {
  const { code, out, err } = await compare("--backends", "reference,cpu", "--steps", "5");
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).toMatch(/^cpu +float32 +\d+/m);
  const { results } = JSON.parse(readFileSync(json, "utf8"));
  for (const { losses, divergence, backend } of results[0].trajectories) {
    expect(losses).toHaveLength(5);
    // The first step is the same computation from the same bits; the later ones are reported.
    expect(divergence[0]).toBeLessThan(backend === "reference" ? 1e-30 : 1e-6);
  }
  expect(readFileSync(page, "utf8")).toContain(
    "Every operation is within its stated error on every backend.",
  );
}, 120_000);

test("a backend that is wrong makes the exit code 1, and is named", async () => {
  const original = CpuBackend.prototype.read;
  // The last bits of everything that is read are off.
  vi.spyOn(CpuBackend.prototype, "read").mockImplementation(async function (this: CpuBackend, block: Block) {
    const bytes = await original.call(this, block);
    for (let i = 0; i + 3 < bytes.length; i += 4) bytes[i]! ^= 0x40;
    return bytes;
  });
  const { code, err } = await compare("--backends", "cpu", "--steps", "0");
  expect(code).toBe(1);
  expect(err).toMatch(/beyond the stated error: .*sqrt on cpu, \d+ ulp of 0\.5/);
}, 120_000);

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CpuBackend } from "@amari/backend-cpu";
import { BackendError } from "@amari/core";
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

test("float16 has a bound of its own, and the CPU is within it", async () => {
  const { code, out, err } = await compare("--backends", "cpu", "--dtypes", "float16", "--steps", "3");
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).toMatch(/^cpu +float16 +\d+/m);
  const { results } = JSON.parse(readFileSync(json, "utf8"));
  const sin = results[0].operations.find(({ operation }: { operation: string }) => operation === "sin");
  // Rounded once more, and by no more than that.
  expect(sin.bound).toBeGreaterThan(0.5);
  expect(sin.bound).toBeLessThan(0.51);
  for (const { losses } of results[0].trajectories) expect(losses.every(Number.isFinite)).toBe(true);
}, 120_000);

test("a backend that throws is no backend without the operation", async () => {
  const original = CpuBackend.prototype.submit;
  let calls = 0;
  vi.spyOn(CpuBackend.prototype, "submit").mockImplementation(function (this: CpuBackend, ...args) {
    if (calls++ > 20) throw new BackendError("the device was lost");
    original.apply(this, args);
  });
  const { code, err } = await compare("--backends", "cpu", "--steps", "0");
  expect(code).toBe(1);
  expect(err).toMatch(/\w+ on cpu, Infinity ulp of .* throws: the device was lost/);
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

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBackends } from "../src/backends.ts";
import { runStart } from "../src/cli/start.ts";
import { contestants } from "../src/study/contestants.ts";
import type { Study } from "../src/study/study.ts";
import { recorded } from "./support.ts";

describe("the main job", () => {
  const folder = mkdtempSync(join(tmpdir(), "amari-"));
  const path = join(folder, "deep", "report.html");
  const output = recorded();
  let study: Study;
  let page: string;

  beforeAll(async () => {
    study = await runStart({ steps: 25, seed: 0, repetitions: 1, contestants, backend: "cpu" }, path, output);
    page = readFileSync(path, "utf8");
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test("trains both models by all optimizers", () => {
    expect(study.results.map(({ id }) => id)).toEqual(["softmax", "mlp"]);
    for (const { outcomes } of study.results) {
      expect(outcomes.map(({ id }) => id)).toEqual(contestants.map(({ id }) => id));
    }
  });

  test("measures finite losses, which fall, and accuracies above chance", () => {
    for (const { outcomes } of study.results) {
      for (const { curve, finalLoss, accuracy, millisecondsPerStep, rate } of outcomes) {
        expect(finalLoss.median).toBeLessThan(0.97 * curve[0]!.median);
        expect(accuracy.median).toBeGreaterThan(0.55); // chance is 1/3
        expect(accuracy.median).toBeLessThanOrEqual(1);
        expect(millisecondsPerStep).toBeGreaterThan(0);
        expect(rate).toBeGreaterThan(0);
      }
    }
  });

  test("measures the Fisher diagonal exactly and by estimates, one number for each parameter", () => {
    for (const { trajectory, parameterCount } of study.results) {
      expect(trajectory.diagonals).toHaveLength(trajectory.steps.length);
      for (const sample of trajectory.diagonals) {
        for (const values of Object.values(sample)) {
          expect(values).toHaveLength(parameterCount);
          expect(values.every((value: number) => Number.isFinite(value) && value >= 0)).toBe(true);
        }
      }
    }
    expect(study.results.map(({ parameterCount }) => parameterCount)).toEqual([15, 51]);
  });

  test("measures directions by cosines", () => {
    for (const { trajectory } of study.results) {
      const all = { ...trajectory.optimizerCosines, ...trajectory.diagonalCosines };
      expect(Object.keys(all)).toHaveLength(contestants.length + 5);
      expect(trajectory.steepestShares).toHaveLength(trajectory.steps.length);
      for (const share of trajectory.steepestShares) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1 + 1e-9);
      }
      for (const cosines of Object.values(all)) {
        for (const value of cosines) expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }
  });

  test("prints a row for each optimizer and the path of the report", () => {
    const text = output.text();
    for (const { label } of contestants) expect(text.split(`\n${label} `)).toHaveLength(3);
    expect(text).toContain(path);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("writes a report that names each optimizer and loads nothing", () => {
    for (const { label } of contestants) expect(page).toContain(label);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(/i);
    expect(page.match(/(?:src|href)=/g)).toBeNull();
    const addresses = page.match(/https?:\/\/[^"'\s<]+/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page.match(/<svg/g)).toHaveLength(2 + 2 + 8 + 2 + 2);
  });
});

const [found] = await findBackends(["webgpu"]);
if (found?.backend === null) console.warn(`\n!!! NOT TESTED: the main job on WebGPU\n!!! ${found.about}\n`);
await found?.backend?.close();

describe.skipIf(found?.backend === null)("the main job on WebGPU", () => {
  const chosen = contestants.filter(({ id }) => id === "fadam");
  const options = { steps: 4, seed: 0, repetitions: 1, contestants: chosen };

  test("trains there in float32, does the exact mathematics in float64 on the CPU, and says so", {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "amari-"));
    const path = join(folder, "report.html");
    const output = recorded();
    const onCpu = await runStart({ ...options, backend: "cpu" }, path, recorded());
    const onGpu = await runStart({ ...options, backend: "webgpu" }, path, output);
    const page = readFileSync(path, "utf8");
    rmSync(folder, { recursive: true });

    expect(onCpu.training).toEqual({ backend: "cpu", dtype: "float64" });
    expect(onGpu.training).toEqual({ backend: "webgpu", dtype: "float32" });
    expect(onGpu.exact).toEqual({ backend: "cpu", dtype: "float64" });
    expect(output.text()).toContain("4 steps in float32 on the webgpu backend");
    expect(output.text()).toContain("exact Fisher mathematics in float64 on the cpu backend");
    for (const text of [
      "in float32 on the webgpu backend",
      "natural gradient in float64 on the cpu backend.",
      "--backend webgpu",
    ])
      expect(page).toContain(text);

    onGpu.results.forEach(({ outcomes, trajectory }, model) => {
      const other = onCpu.results[model]!;
      outcomes.forEach(({ curve, grid }, i) => {
        // The same weights and batches: before training only rounding differs, and after four steps not much else.
        expect(curve[0]!.median).toBeCloseTo(other.outcomes[i]!.curve[0]!.median, 6);
        grid.forEach(({ loss }, rate) => {
          const expected = other.outcomes[i]!.grid[rate]!.loss;
          expect(Math.abs(loss - expected)).toBeLessThan(2e-3 * expected);
        });
      });
      // At the first step the parameters are equal but for rounding to float32, and what is computed from them is exact.
      trajectory.diagonals[0]!.exact.forEach((value, p) => {
        const expected = other.trajectory.diagonals[0]!.exact[p]!;
        expect(Math.abs(value - expected)).toBeLessThan(1e-5 * expected + 1e-12);
      });
    });
  });
});

test("without a device, starting on WebGPU says what to install and exits with 1", {
  timeout: 60_000,
}, () => {
  const main = new URL("../src/cli/main.ts", import.meta.url).pathname;
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      "--import",
      "tsx",
      "--conditions=@amari/source",
      main,
      "start",
      "--backend",
      "webgpu",
      "--out",
      join(tmpdir(), "none.html"),
    ],
    { encoding: "utf8", env: { ...process.env, VK_DRIVER_FILES: "/nonexistent" } },
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /error: WebGPU found no adapter: .*cpuBackend|error: WebGPU in Node needs the npm package webgpu/,
  );
  expect(stderr).not.toMatch(/^\s+at .*\.ts/m);
});

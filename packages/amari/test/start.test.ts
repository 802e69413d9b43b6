import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
    study = await runStart({ steps: 25, seed: 0, repetitions: 1, contestants }, path, output);
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

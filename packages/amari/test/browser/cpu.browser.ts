import { cpuBackend } from "amari";
import { describe, expect, test } from "vitest";
import { contestants } from "../../src/study/contestants.ts";
import { placeOn } from "../../src/study/places.ts";
import { runStudy } from "../../src/study/study.ts";
import type { FromWorker } from "./cpu-worker.ts";
import { chunksByWorkers, largeProduct } from "./large-product.ts";
import { ask, isolated } from "./support.ts";

const silent = { begin() {}, stage() {}, advance() {}, end() {} };

describe("the CPU backend", () => {
  test("has threads where the page is isolated and there are cores, and one where it is not", () => {
    expect(crossOriginIsolated).toBe(isolated);
    expect(cpuBackend().threads).toBe(isolated ? Math.min(16, navigator.hardwareConcurrency) : 1);
  });

  test("shares large kernels with workers, which does not change a bit", async () => {
    const [alone, together] = [cpuBackend({ threads: 1 }), cpuBackend({ threads: 3 })];
    const expected = await largeProduct(alone);
    expect(await largeProduct(together)).toEqual(expected);
    if (isolated) expect(chunksByWorkers(together)).toBeGreaterThan(0);
    else expect(together.threads).toBe(1);
    await together.close();
  });

  test("runs inside a dedicated worker, with workers of its own where it may share memory, and gives the same bits", async () => {
    const worker = new Worker(new URL("./cpu-worker.ts", import.meta.url), { type: "module" });
    const { threads, result, byWorkers } = await ask<FromWorker>(worker, 3);
    expect(threads).toBe(isolated ? 3 : 1);
    if (isolated) expect(byWorkers).toBeGreaterThan(0);
    expect(result).toEqual(await largeProduct(cpuBackend({ threads: 1 })));
  });

  test("runs the study of iris: both models, by two optimizers, with the exact Fisher information", async () => {
    const place = placeOn(cpuBackend());
    const chosen = contestants.filter(({ id }) => ["fadam", "ngd"].includes(id));
    const places = { training: place, exact: place };
    const { results } = await runStudy(
      { steps: 12, seed: 0, repetitions: 1, contestants: chosen, places },
      silent,
    );
    expect(results.map(({ parameterCount }) => parameterCount)).toEqual([15, 51]);
    for (const { outcomes, trajectory } of results) {
      for (const { curve, finalLoss, accuracy } of outcomes) {
        expect(finalLoss.median).toBeLessThan(0.97 * curve[0]!.median);
        expect(accuracy.median).toBeGreaterThan(0.55); // chance is 1/3
      }
      const cosines = trajectory.optimizerCosines["ngd"]!;
      for (const cosine of cosines) expect(Math.abs(cosine)).toBeLessThanOrEqual(1 + 1e-9);
      expect(Math.max(...cosines)).toBeGreaterThan(0.9);
    }
  });
});

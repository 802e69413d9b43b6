import { type CpuBackend, cpuBackend, jit, setDefaultBackend, type Tensor, tensor } from "amari";
import { describe, expect, test } from "vitest";
import { contestants } from "../../src/study/contestants.ts";
import { placeOn } from "../../src/study/places.ts";
import { runStudy } from "../../src/study/study.ts";
import { isolated } from "./support.ts";

const silent = { begin() {}, stage() {}, advance() {}, end() {} };

/** What a product of 512 by 512 matrices and its logistic function are, after the workers have had time to start. */
async function computeLarge(backend: CpuBackend): Promise<readonly number[]> {
  setDefaultBackend(backend);
  const size = 512;
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  const x = tensor(values).reshape([size, size]) as Tensor;
  const f = jit((a: Tensor) => a.matmul(a).sigmoid().sum(0) as Tensor);
  let result: readonly number[] = [];
  for (let turn = 0; turn < 100; turn++) {
    result = Array.from(await f(x).data(), Number);
    if (backend.threads === 1 || (backend.chunksByThread[1] ?? 0) > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return result;
}

describe("the CPU backend", () => {
  test("has threads where the page is isolated and there are cores, and one where it is not", () => {
    expect(crossOriginIsolated).toBe(isolated);
    expect(cpuBackend().threads).toBe(isolated ? Math.min(16, navigator.hardwareConcurrency) : 1);
  });

  test("shares large kernels with workers, which does not change a bit", async () => {
    const [alone, together] = [cpuBackend({ threads: 1 }), cpuBackend({ threads: 3 })];
    const expected = await computeLarge(alone);
    expect(await computeLarge(together)).toEqual(expected);
    const byWorkers = together.chunksByThread.slice(1).reduce((sum, chunks) => sum + chunks, 0);
    if (isolated) expect(byWorkers).toBeGreaterThan(0);
    else expect(together.threads).toBe(1);
    await together.close();
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

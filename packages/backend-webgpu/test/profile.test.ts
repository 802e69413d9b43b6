import type { WebgpuBackend } from "@amari/backend-webgpu";
import { profile, random, scan, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const found = await backendOrNull("profiles on WebGPU");
const backend = found as WebgpuBackend;

afterAll(() => found?.close());
beforeEach(() => setDefaultBackend(backend));

describe.skipIf(found === null)("a profile on WebGPU", () => {
  it("times kernels, what the host computes, and loops", async () => {
    const x = random.normal(random.key(1), [32, 32]) as Tensor;
    const f = (y: Tensor) => [
      y.matmul(y as never).softmax(),
      y.cholesky(),
      scan((c: Tensor, row: Tensor) => [c.add(row), c], y.sum(0) as Tensor, y)[0],
    ];
    const { stages } = await profile(f as never, { rounds: 2 })(x as never);
    const kinds = new Set(stages.map(({ kind }) => kind));
    for (const kind of ["loops", "dot", "routine", "control"]) expect(kinds).toContain(kind);
    // A device's clock may take a short kernel for nothing.
    expect(stages.filter(({ milliseconds }) => milliseconds > 0).length).toBeGreaterThan(stages.length / 2);
  });

  it("leaves the arguments as they are, and what is computed afterwards right", async () => {
    const x = tensor([1, 2, 3]) as Tensor;
    await profile((y: Tensor) => y.mul(2).sum(), { rounds: 1 })(x);
    expect(await x.mul(2).array()).toEqual([2, 4, 6]);
  });
});

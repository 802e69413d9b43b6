import { webgpu } from "@amari/backend-webgpu";
import { watchBuffers } from "@amari/testing";
import { adam, applyUpdates, jit, memory, random, setDefaultBackend, type Tensor, valueAndGrad } from "amari";
import { expect, inject, test } from "vitest";

interface Use {
  readonly buffers: number;
  readonly bytes: number;
  readonly storages: number;
}

/** Trains a matrix of 256 KiB, so that what leaks would be seen, and says what each awaited step left in use. */
async function train(steps: number, donate: readonly number[]): Promise<{ losses: number[]; uses: Use[] }> {
  const backend = await webgpu();
  const buffers = watchBuffers(backend.device);
  setDefaultBackend(backend);
  const [size, batch] = [256, 16];
  const x = random.normal(random.key(1), [batch, size]) as Tensor;
  const optimizer = adam({ learningRate: 0.01 });
  let params = { w: random.normal(random.key(0), [size, size]) as Tensor };
  let state = optimizer.init(params);
  const loss = (p: typeof params) => x.matmul(p.w).square().mean() as Tensor<[]>;
  const step = jit(
    (p: typeof params, s: typeof state) => {
      const [value, gradients] = valueAndGrad(loss)(p);
      const [updates, next] = optimizer.update(gradients, s, p);
      return [applyUpdates(p, updates), next, value] as const;
    },
    { donate },
  );

  const uses: Use[] = [];
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    let value: Tensor;
    [params, state, value] = step(params, state);
    losses.push((await value.item()) as number);
    uses.push({ buffers: buffers.live, bytes: backend.memoryBytes, storages: memory().storages });
  }
  buffers.stop();
  await backend.close();
  return { losses, uses };
}

const most = (numbers: readonly number[]): number => Math.max(...numbers);

test("awaited steps of training with donation hold live buffers, and the memory of the device, flat", async () => {
  const steps = inject("steps");
  const { losses, uses } = await train(steps, [0, 1]);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
  const [first, ...later] = uses.slice(Math.floor(steps / 10));
  console.log(
    `webgpu: ${steps} steps with donation, live GPU buffers: ${first!.buffers} at first, then ${most(later.map((use) => use.buffers))}`,
  );
  expect(most(later.map(({ buffers }) => buffers))).toBe(first!.buffers);
  expect(most(later.map(({ bytes }) => bytes))).toBe(first!.bytes);
});

test("awaited steps of a naive loop leave storages that the engine collects, and no buffer", async () => {
  const steps = inject("steps");
  const { uses } = await train(steps, []);
  const storages = most(uses.map((use) => use.storages)) - uses[0]!.storages;
  console.log(`webgpu: ${steps} naive steps, live storages: ${storages} more at most`);
  // The backend's memory is one buffer, which was made before the watch began unless it has grown.
  expect(most(uses.map(({ buffers }) => buffers))).toBeLessThanOrEqual(1);
  const perStep = 5; // the matrix, its two moments, the count, the loss
  expect(storages).toBeLessThan(Math.max(400, (perStep * steps) / 4));
});

test("a dedicated worker has a device of its own", async () => {
  const worker = new Worker(new URL("./webgpu-worker.ts", import.meta.url), { type: "module" });
  try {
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    worker.postMessage([1, -2, 3]);
    expect(await answer).toEqual({ device: expect.any(String), gradient: [2, -4, 6] });
  } finally {
    worker.terminate();
  }
});

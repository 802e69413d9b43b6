import { webgpu } from "@amari/backend-webgpu";
import { watchBuffers } from "@amari/testing";
import { adam, applyUpdates, jit, memory, random, setDefaultBackend, type Tensor, valueAndGrad } from "amari";
import { expect, inject, test } from "vitest";
import { ask } from "./support.ts";

/** What is in use after a step. */
interface Use {
  readonly buffers: number;
  readonly bytes: number;
  readonly storages: number;
}

/** What came of a training. */
interface Training {
  readonly losses: readonly number[];
  readonly uses: readonly Use[];
  /** The bytes of JavaScript's heap that are reachable after a tenth of the steps, and at the end. */
  readonly heaps: readonly number[];
}

/** Trains a matrix of 256 KiB, so that what leaks would be seen, and says what each awaited step left in use. */
async function train(steps: number, donate: readonly number[]): Promise<Training> {
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
  const heaps: number[] = [];
  for (let i = 1; i <= steps; i++) {
    let value: Tensor;
    [params, state, value] = step(params, state);
    losses.push((await value.item()) as number);
    uses.push({ buffers: buffers.live, bytes: backend.memoryBytes, storages: memory().storages });
    if (i === Math.ceil(steps / 10) || i === steps) heaps.push(await collectedHeap());
  }
  // What the loop has dropped is freed once the engine has collected it.
  uses.push({ buffers: buffers.live, bytes: backend.memoryBytes, storages: memory().storages });
  buffers.stop();
  await backend.close();
  return { losses, uses, heaps };
}

/** Collects garbage, lets finalizers run, and says how many bytes the heap then holds. The browser is started so that it can. */
async function collectedHeap(): Promise<number> {
  const { gc, performance } = globalThis as unknown as {
    gc(): void;
    performance: { memory: { usedJSHeapSize: number } };
  };
  for (let turn = 0; turn < 3; turn++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.memory.usedJSHeapSize;
}

const most = (numbers: readonly number[]): number => Math.max(...numbers);
const inMiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** How much JavaScript's heap may grow from the first tenth of the steps to the last; a leaked step would be a KiB or more. */
const heapGrowth = (steps: number): number => 2 ** 20 + 256 * steps;

test("awaited steps of training with donation hold live buffers, the memory of the device and the heap flat", async () => {
  const steps = inject("steps");
  const { losses, uses, heaps } = await train(steps, [0, 1]);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
  const [first, ...later] = uses.slice(Math.floor(steps / 10));
  console.log(
    `webgpu: ${steps} steps with donation: ${first!.buffers} live GPU buffers were made since the start after a tenth of ` +
      `them, then ${most(later.map((use) => use.buffers))} at most; memory of the device ${inMiB(first!.bytes)}, then ` +
      `${inMiB(most(later.map((use) => use.bytes)))}; heap ${heaps.map(inMiB).join(", at the end ")}`,
  );
  expect(most(later.map(({ buffers }) => buffers))).toBe(first!.buffers);
  expect(most(later.map(({ bytes }) => bytes))).toBe(first!.bytes);
  expect(heaps[1]! - heaps[0]!).toBeLessThan(heapGrowth(steps));
});

test("awaited steps of a naive loop leave storages that the engine collects, and no buffer", async () => {
  const steps = inject("steps");
  const { uses, heaps } = await train(steps, []);
  const storages = uses.map((use) => use.storages);
  const [first, left] = [storages[0]!, storages.at(-1)!];
  console.log(
    `webgpu: ${steps} naive steps: ${first} live storages after the first, ${most(storages)} at most, ${left} after a ` +
      `collection; memory of the device ${inMiB(most(uses.map((use) => use.bytes)))}; heap ${heaps.map(inMiB).join(", at the end ")}`,
  );
  // The backend's memory is one buffer, which was made before the watch began unless it has grown.
  expect(most(uses.map(({ buffers }) => buffers))).toBeLessThanOrEqual(1);
  // When the engine collects is its own affair; that nothing else holds what the loop has dropped is not.
  const perStep = 5; // the matrix, its two moments, the count, the loss
  expect(left).toBeLessThanOrEqual(first + perStep);
  expect(heaps[1]! - heaps[0]!).toBeLessThan(heapGrowth(steps));
});

test("a dedicated worker has a device of its own", async () => {
  const worker = new Worker(new URL("./webgpu-worker.ts", import.meta.url), { type: "module" });
  expect(await ask(worker, [1, -2, 3])).toEqual({ device: expect.any(String), gradient: [2, -4, 6] });
});

import { cpuBackend } from "@amari/backend-cpu";
import { DeviceLostError, type WebgpuBackend } from "@amari/backend-webgpu";
import {
  type Backend,
  collectGarbage,
  jit,
  OutOfMemoryError,
  ones,
  random,
  setDefaultBackend,
  type Tensor,
  valueAndGrad,
} from "@amari/core";
import { adam, applyUpdates } from "@amari/optim";
import { watchBuffers } from "@amari/testing";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { backendOrNull } from "./support.ts";

const mebibyte = 2 ** 20;
const memoryBytes = 16 * mebibyte;

const found = await backendOrNull("memory on WebGPU", { memoryBytes });
const backend = found as WebgpuBackend;

afterAll(() => found?.close());
beforeEach(() => setDefaultBackend(backend));

const [batch, size] = [4, 256];
const optimizer = adam({ learningRate: 0.01 });
type Params = { readonly w: Tensor };
type State = ReturnType<typeof optimizer.init<Params>>;

/** A step over a matrix of 256 KiB and its two moments. */
function step({ w }: Params, state: State, x: Tensor): [Params, State, Tensor] {
  const [loss, gradients] = valueAndGrad((p: Params) => x.matmul(p.w).tanh().square().mean() as Tensor<[]>)({
    w,
  });
  const [updates, next] = optimizer.update(gradients, state, { w });
  return [applyUpdates({ w }, updates), next, loss as Tensor];
}

/** What the process holds beside JavaScript's heap, which grows and shrinks with the code that runs. */
function nativeBytes(): number {
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}

const wayToTrain = {
  "donated, awaited": { run: jit(step, { donate: [0, 1] }), awaits: true },
  "donated, not awaited": { run: jit(step, { donate: [0, 1] }), awaits: false },
  "naive, awaited": { run: jit(step), awaits: true },
  "naive, not awaited": { run: jit(step), awaits: false },
  "not jitted, not awaited": { run: step, awaits: false },
};

async function train(
  run: typeof step,
  steps: number,
  after: (loss: Tensor, i: number) => Promise<unknown> | null,
) {
  const x = random.normal(random.key(1), [batch, size]) as Tensor;
  let params: Params = { w: random.normal(random.key(0), [size, size]) as Tensor };
  let state = optimizer.init(params);
  let loss = x;
  for (let i = 0; i < steps; i++) {
    [params, state, loss] = run(params, state, x);
    const waiting = after(loss, i);
    if (waiting !== null) await waiting;
  }
  return (await loss.item()) as number;
}

describe.skipIf(found === null)("memory on WebGPU", () => {
  // 150 steps make 120 MiB or more, of which the backend may hold 16.
  it.each(Object.entries(wayToTrain))(
    "stays flat in training: %s",
    { timeout: 60_000 },
    async (_, { run, awaits }) => {
      const buffers = watchBuffers(backend.device);
      const uses: number[] = [];
      const native: number[] = [];
      await train(run, 150, (loss, i) => {
        uses.push(buffers.live);
        if (i % 50 === 49) native.push(nativeBytes());
        return awaits ? loss.item() : null;
      });
      buffers.stop();
      // A buffer for what is being read may be alive, and the heap may have been replaced once by a larger one.
      expect(Math.max(...uses)).toBeLessThanOrEqual(2);
      expect(uses.at(-1)).toBeLessThanOrEqual(1);
      expect(backend.memoryBytes).toBeLessThanOrEqual(memoryBytes);
      expect(native.at(-1)! - native[0]!).toBeLessThan(48 * mebibyte);
    },
  );

  it("stays flat where shapes change with every step", { timeout: 60_000 }, async () => {
    for (let i = 0; i < 60; i++) {
      const rows = 500 + ((i * 7919) % 700);
      expect(await ones([rows, 256]).mul(2).sum().item()).toBe(512 * rows);
    }
    expect(backend.memoryBytes).toBeLessThanOrEqual(memoryBytes);
  });

  it("goes on after an exception in the middle of a step", async () => {
    const failing = jit((x: Tensor) => {
      x.mul(2);
      throw new RangeError("in the middle");
    });
    const buffers = watchBuffers(backend.device);
    for (let i = 0; i < 50; i++) {
      const x = ones([256, 256]).add(i).realise() as Tensor;
      expect(() => failing(x as never)).toThrow(RangeError);
      void x.sum().item(); // a read that nobody awaits
    }
    expect(await ones([2]).add(1).array()).toEqual([2, 2]);
    expect(buffers.live).toBeLessThanOrEqual(1);
    buffers.stop();
  });

  it("refuses what does not fit, naming the operation, the sizes and what is live, and goes on afterwards", async () => {
    const kept: Tensor[] = [];
    const base = random.normal(random.key(2), [512, 512]).realise();
    const fill = () => {
      for (let i = 0; i < 100; i++) kept.push(base.mul(i).tanh().realise() as Tensor);
    };
    expect(fill).toThrow(OutOfMemoryError);
    expect(fill).toThrow(/cannot allocate 1048576 bytes: of the 16777216 that it may use/);
    expect(fill).toThrow(/wanted for a program of mul, tanh/);
    expect(fill).toThrow(/\d+ bytes in \d+ storages made at fill \(.*memory\.test\.ts/);
    expect(kept.length).toBeGreaterThan(10);
    kept.length = 0;
    collectGarbage();
    expect(await ones([512, 512]).mul(2).sum().item()).toBe(2 * 512 * 512);
    // One array that is larger than all there may be.
    expect(() => ones([4096, 2048]).mul(3).realise()).toThrow(/cannot allocate 33554432 bytes/);
  });
});

describe.skipIf(found === null)("a device that is gone", () => {
  const program = jit(
    (x: Tensor) =>
      x
        .matmul(x as never)
        .softmax()
        .sum(0) as Tensor,
  );
  const numbers = () => random.normal(random.key(3), [64, 64]) as Tensor;

  const on = async (where: Backend): Promise<readonly number[]> => {
    setDefaultBackend(where);
    return Array.from(await program(numbers() as never).data(), Number);
  };

  it("is reported with what it did and what was on it; the same program runs on another one and on the CPU", async () => {
    const lost = (await backendOrNull("a lost device"))!;
    const before = await on(lost);
    const x = ones([100, 100]).mul(2).realise() as Tensor;
    lost.device.destroy();
    const pending = program(ones([64, 64]) as never);
    const read = await pending.data().then(
      () => null,
      (error: unknown) => error as Error,
    );
    expect(read).toBeInstanceOf(DeviceLostError);
    expect(read!.message).toMatch(/the WebGPU device was lost .*: make another backend/);
    expect(read!.message).toMatch(/a program of .*softmax|a program of .*dot/);
    expect(read!.message).toMatch(/40000 bytes in 1 storages made at .*memory\.test\.ts/);
    expect(() => x.add(1).realise()).toThrow(DeviceLostError);
    await expect(lost.flush()).rejects.toThrow(DeviceLostError);

    const again = (await backendOrNull("a device after a lost one"))!;
    expect(await on(again)).toEqual(before);
    const cpu = await on(cpuBackend());
    cpu.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i]!, 4);
    });
    await again.close();
  });

  it("that has run out of memory is reported likewise", async () => {
    const full = (await backendOrNull("a full device"))!;
    setDefaultBackend(full);
    const x = random.normal(random.key(2), [100, 100]).realise() as Tensor;
    await x.data();
    class GPUOutOfMemoryError extends Error {}
    const error = new GPUOutOfMemoryError("allocation failed");
    full.device.dispatchEvent(Object.assign(new Event("uncapturederror"), { error }));
    await expect(x.data()).rejects.toThrow(OutOfMemoryError);
    await expect(x.data()).rejects.toThrow(
      /no memory left \(allocation failed\), of which this backend has taken \d+ bytes[\s\S]*memoryBytes[\s\S]*last was a program of .*threefry[\s\S]*40000 bytes/,
    );
    await full.close();
  });
});

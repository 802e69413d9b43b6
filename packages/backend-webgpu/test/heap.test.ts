import { OutOfMemoryError } from "@amari/core";
import { describe, expect, it } from "vitest";
import { type GpuBlock, Heap } from "../src/heap.ts";

/** A device that makes buffers of a size and of nothing else. */
const device = {
  createBuffer: ({ size }: { size: number }) => ({ size, destroy() {} }),
  createCommandEncoder: () => ({ copyBufferToBuffer() {}, finish() {} }),
  queue: { submit() {} },
} as unknown as GPUDevice;

const mebibyte = 2 ** 20;

const overlap = (a: GpuBlock, b: GpuBlock): boolean =>
  a.address < b.address + b.reserved && b.address < a.address + a.reserved;

describe("the heap on the device", () => {
  it("merges what is free before it refuses", () => {
    const heap = new Heap(device, 8 * mebibyte);
    const small = Array.from({ length: 8 }, () => heap.alloc(mebibyte));
    expect(() => heap.alloc(64)).toThrow(OutOfMemoryError);
    for (const block of small.slice(2, 7)) heap.release(block);
    expect(heap.alloc(5 * mebibyte).address).toBe(2 * mebibyte);
    expect(() => heap.alloc(64)).toThrow(
      /cannot allocate 64 bytes: of the 8388608 that it may use .*, 8388608 are in use and 0 free/,
    );
  });

  it("says what is free where no piece of it is large enough", () => {
    const heap = new Heap(device, 4 * mebibyte);
    const blocks = Array.from({ length: 4 }, () => heap.alloc(mebibyte));
    heap.release(blocks[0]!);
    heap.release(blocks[2]!);
    expect(() => heap.alloc(2 * mebibyte)).toThrow(/2097152 are in use and 2097152 free in smaller pieces/);
    heap.release(blocks[1]!);
    expect(heap.alloc(3 * mebibyte).address).toBe(0);
  });

  it("collects before it grows, but not again before much has been allocated", () => {
    const live: GpuBlock[] = [];
    let collections = 0;
    const heap = new Heap(device, 256 * mebibyte, () => {
      collections++;
      for (const block of live.splice(0)) heap.release(block);
    });
    // A loop whose blocks are garbage at once.
    for (let i = 0; i < 10_000; i++) live.push(heap.alloc(100_000));
    expect(heap.buffer.size).toBeLessThanOrEqual(32 * mebibyte);
    expect(collections).toBeGreaterThan(5);
    expect(collections).toBeLessThanOrEqual(60);
  });

  it("does not grow while shapes change, and gives no memory twice", () => {
    const heap = new Heap(device, 64 * mebibyte);
    const live: GpuBlock[] = [];
    let state = 1;
    let overlapping = false;
    for (let i = 0; i < 3000; i++) {
      state = (state * 48_271) % 2_147_483_647;
      const block = heap.alloc(1 + (state % 300_000));
      overlapping ||= live.some((other) => overlap(block, other));
      live.push(block);
      if (live.length > 10) heap.release(live.splice(state % live.length, 1)[0]!);
    }
    expect(overlapping).toBe(false);
    expect(heap.buffer.size).toBeLessThanOrEqual(8 * mebibyte);
  });
});

import { OutOfMemoryError } from "@amari/core";
import type { Block } from "@amari/core/backend";
import { usage } from "./device/usage.ts";

/** A piece of the heap. */
export interface GpuBlock extends Block {
  readonly address: number;
  /** Bytes reserved, of the block's size class. */
  readonly reserved: number;
  /** Why it holds no value: the program that was to write it failed. */
  failure?: unknown;
}

/** Blocks start on multiples of this many bytes. */
const alignment = 64;

const firstBytes = 2 ** 22;

/**
 * All of the backend's memory in one GPU buffer: kernels get addresses in it, as numbers. So a kernel may work on any number
 * of arrays (WebGPU binds eight to ten buffers), one bind group serves them all, and a slice of an array is an address too.
 *
 * The buffer grows by being copied into one of twice its size. Freed blocks are kept by size class, an eighth of a power of
 * two apart.
 */
export class Heap {
  buffer: GPUBuffer;
  private readonly device: GPUDevice;
  private readonly most: number;
  private readonly free = new Map<number, number[]>();
  private end = 0;

  /** @param most how large the buffer may become, within the limits of the device */
  constructor(device: GPUDevice, most: number) {
    this.device = device;
    this.most = most;
    this.buffer = this.create(Math.min(most, firstBytes));
  }

  alloc(bytes: number): GpuBlock {
    const reserved = sizeClass(bytes);
    const address = this.free.get(reserved)?.pop() ?? this.extend(reserved);
    return { bytes, address, reserved };
  }

  release({ address, reserved }: GpuBlock): void {
    const list = this.free.get(reserved);
    if (list === undefined) this.free.set(reserved, [address]);
    else list.push(address);
  }

  private create(size: number): GPUBuffer {
    const all = usage.storage | usage.copySource | usage.copyTarget;
    return this.device.createBuffer({ size, usage: all, label: "heap" });
  }

  private extend(bytes: number): number {
    const address = this.end;
    const end = address + bytes;
    if (end > this.most) {
      throw new OutOfMemoryError(
        `the WebGPU backend's memory cannot grow by ${bytes} bytes: it holds ${address} of the ${this.most} bytes that ` +
          "the device binds at once. Drop references to tensors, donate arguments of jit, or use a smaller batch.",
      );
    }
    if (end > this.buffer.size) this.grow(end);
    this.end = end;
    return address;
  }

  private grow(end: number): void {
    let size = this.buffer.size;
    while (size < end) size *= 2;
    const [old, next] = [this.buffer, this.create(Math.min(size, this.most))];
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(old, 0, next, 0, old.size);
    this.device.queue.submit([encoder.finish()]);
    // Work that was submitted keeps what it needs.
    old.destroy();
    this.buffer = next;
  }

  destroy(): void {
    this.buffer.destroy();
  }
}

function sizeClass(bytes: number): number {
  if (bytes <= alignment) return alignment;
  const step = Math.max(alignment, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

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

/** Free memory that is of no size class. */
interface Hole {
  readonly address: number;
  readonly bytes: number;
}

/** A collection takes some milliseconds: between two of them at least so many bytes are allocated, and what was in use again. */
const leastBetween = 2 ** 24;

/**
 * All of the backend's memory in one GPU buffer: kernels get addresses in it, as numbers. So a kernel may work on any number
 * of arrays (WebGPU binds eight to ten buffers), one bind group serves them all, and a slice of an array is an address too.
 *
 * The buffer grows by being copied into one of twice its size. Freed blocks are kept by size class, an eighth of a power of
 * two apart. Before the buffer grows, garbage is collected, and where much is free, as where shapes keep changing,
 * neighbours that are free are merged.
 */
export class Heap {
  buffer: GPUBuffer;
  private readonly device: GPUDevice;
  private readonly most: number;
  private readonly free = new Map<number, number[]>();
  private holes: Hole[] = [];
  private freeBytes = 0;
  private end = 0;
  private readonly collect: () => void;
  private allocatedSince = 0;
  private inUseThen = 0;

  /**
   * @param most - how large the buffer may become, within the limits of the device
   * @param collect - releases blocks that nobody refers to any more, as far as they can be known now
   */
  constructor(device: GPUDevice, most: number, collect: () => void = () => {}) {
    this.device = device;
    this.most = most;
    this.collect = collect;
    this.buffer = this.create(Math.min(most, firstBytes));
  }

  alloc(bytes: number): GpuBlock {
    const reserved = sizeClass(bytes);
    const address = this.reuse(reserved) ?? this.reuseBeforeGrowing(reserved) ?? this.extend(reserved);
    this.allocatedSince += reserved;
    return { bytes, address, reserved };
  }

  /** Bytes of the blocks that have not been released. */
  get bytesInUse(): number {
    return this.end - this.freeBytes;
  }

  private reuse(reserved: number): number | undefined {
    const address = this.free.get(reserved)?.pop() ?? this.takeHole(reserved);
    if (address !== undefined) this.freeBytes -= reserved;
    return address;
  }

  /** Tidies up where the buffer would have to grow otherwise. */
  private reuseBeforeGrowing(reserved: number): number | undefined {
    const mustGrow = () => this.end + reserved > this.buffer.size;
    if (!mustGrow()) return undefined;
    if (this.allocatedSince >= Math.max(leastBetween, this.inUseThen)) {
      this.collect();
      this.allocatedSince = 0;
      this.inUseThen = this.bytesInUse;
      const address = this.reuse(reserved);
      if (address !== undefined) return address;
    }
    if (this.freeBytes <= this.end / 2 && this.end + reserved <= this.most) return undefined;
    this.merge();
    return this.reuse(reserved);
  }

  release({ address, reserved }: GpuBlock): void {
    const list = this.free.get(reserved);
    if (list === undefined) this.free.set(reserved, [address]);
    else list.push(address);
    this.freeBytes += reserved;
  }

  /** The smallest hole that is large enough, or what is needed of it. */
  private takeHole(bytes: number): number | undefined {
    const fitting = this.holes.filter((hole) => hole.bytes >= bytes);
    if (fitting.length === 0) return undefined;
    const best = fitting.reduce((a, b) => (b.bytes < a.bytes ? b : a));
    const rest = { address: best.address + bytes, bytes: best.bytes - bytes };
    this.holes = this.holes.flatMap((hole) => {
      if (hole !== best) return [hole];
      return rest.bytes > 0 ? [rest] : [];
    });
    return best.address;
  }

  /** Makes holes of all that is free; one at the end shortens what is in use. */
  private merge(): void {
    const pieces = [
      ...this.holes,
      ...[...this.free].flatMap(([bytes, addresses]) => addresses.map((address) => ({ address, bytes }))),
    ].sort((a, b) => a.address - b.address);
    this.free.clear();
    this.holes = [];
    for (const { address, bytes } of pieces) {
      const last = this.holes.at(-1);
      if (last !== undefined && last.address + last.bytes === address) {
        this.holes[this.holes.length - 1] = { address: last.address, bytes: last.bytes + bytes };
      } else this.holes.push({ address, bytes });
    }
    const last = this.holes.at(-1);
    if (last === undefined || last.address + last.bytes !== this.end) return;
    this.holes.pop();
    this.end = last.address;
    this.freeBytes -= last.bytes;
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
        `the WebGPU backend cannot allocate ${bytes} bytes: of the ${this.most} that it may use (what the device binds at ` +
          `once, or memoryBytes of webgpu), ${address - this.freeBytes} are in use and ${this.freeBytes} free in smaller ` +
          "pieces. Drop references to tensors, donate arguments of jit, use a smaller batch, or, where nothing is " +
          "awaited, await something: what is waited for is still in use.",
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

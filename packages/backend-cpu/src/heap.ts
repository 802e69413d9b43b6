import { OutOfMemoryError } from "@amari/core";
import type { Block } from "@amari/core/backend";
import type { MemoryImport } from "./wasm/module.ts";

/** A piece of the backend's memory. */
export interface CpuBlock extends Block {
  readonly address: number;
  /** Bytes reserved, of the block's size class. */
  readonly reserved: number;
}

/** A memory that grows by pages of 64 KiB: WebAssembly's, or one like it. */
export type LinearMemory = Pick<WebAssembly.Memory, "buffer" | "grow">;

const page = 65_536;
const mostPages = 65_536;
const alignment = 64;

/**
 * Large blocks are this much longer than their class, so that neighbours do not stand at the same place of a page: a
 * processor takes a load for dependent on a store before it that agrees in the low 12 bits of the address, which
 * doubled the time of an optimizer's step over four arrays of one size.
 */
const stagger = 448;
const smallestStaggered = 16_384;

/** The matrix product reads, and ignores, up to so many bytes after an operand. */
const slack = 64;

/**
 * The backend's one WebAssembly memory, with an allocator of size classes: a freed block is kept for the next one of
 * its class, since touching fresh pages is slow. Classes are spaced an eighth of a power of two apart, so at most an
 * eighth of a block is wasted.
 */
export class Heap<M extends LinearMemory = WebAssembly.Memory> {
  readonly memory: M;
  /** What modules declare when they import the memory; it may be larger. */
  readonly declared: MemoryImport;
  /** Views of the whole memory, made anew when it grows: making them costs more than a small program. */
  words!: Uint32Array;
  doubles!: Float64Array;
  private readonly free = new Map<number, number[]>();
  private end: number;

  /**
   * @param shared whether threads share the memory: then its maximum is reserved, as addresses only, and may be refused
   * @param memory what to allocate from, by default a WebAssembly memory
   */
  constructor(
    shared: boolean,
    memory: M = new WebAssembly.Memory({ initial: 16, maximum: mostPages, shared }) as LinearMemory as M,
  ) {
    this.memory = memory;
    this.declared = { minimum: 1, maximum: mostPages, shared };
    this.makeViews();
    // Address 0 stays unused, so that it can mean "none".
    this.end = alignment;
  }

  alloc(bytes: number): CpuBlock {
    const reserved = sizeClass(bytes);
    const address = this.free.get(reserved)?.pop() ?? this.extend(reserved);
    return { bytes, address, reserved };
  }

  release({ address, reserved }: CpuBlock): void {
    const list = this.free.get(reserved);
    if (list === undefined) this.free.set(reserved, [address]);
    else list.push(address);
  }

  /** The bytes of a block. Valid until the memory grows. */
  bytesAt(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, bytes);
  }

  private makeViews(): void {
    this.words = new Uint32Array(this.memory.buffer);
    this.doubles = new Float64Array(this.memory.buffer);
  }

  private extend(bytes: number): number {
    const address = this.end;
    this.end += bytes;
    const missing = Math.ceil((this.end + slack - this.memory.buffer.byteLength) / page);
    if (missing > 0) {
      // Grow by a sixteenth at least: each growth replaces the ArrayBuffer that views are made on.
      const comfortable = Math.max(missing, Math.ceil(this.memory.buffer.byteLength / page / 16));
      const room = mostPages - this.memory.buffer.byteLength / page;
      try {
        this.memory.grow(Math.max(missing, Math.min(comfortable, room)));
        this.makeViews();
      } catch (error) {
        this.end = address;
        throw new OutOfMemoryError(
          `the CPU backend's memory cannot grow by ${bytes} bytes: it holds ${address} bytes of the 4 GiB that ` +
            `WebAssembly can address (${(error as Error).message})`,
        );
      }
    }
    return address;
  }
}

function sizeClass(bytes: number): number {
  if (bytes <= alignment) return alignment;
  const step = Math.max(alignment, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step + (bytes >= smallestStaggered ? stagger : 0);
}

import { type Buffer, homeOf, type MemoryPlan } from "@amari/core/backend";
import type { CpuBlock, Heap } from "./heap.ts";

/** A buffer, and which argument, result or place of the scratch memory it is. */
type Bound = readonly [buffer: number, place: number];

/** The bytes of the addresses, rounded up so that the numbers behind them are aligned. */
const addressBytes = (buffers: number): number => Math.ceil((4 * buffers) / 8) * 8;

/**
 * Where the kernels of a program find what they work on: the addresses of all buffers, four bytes each, then the caller's
 * numbers as float64.
 */
export class Table {
  readonly address: number;
  /** The address of the numbers. */
  readonly scalars: number;
  private readonly heap: Heap;
  private readonly inputs: readonly Bound[];
  private readonly outputs: readonly Bound[];
  private temporaries: readonly Bound[];
  /** The scratch memory of the last run: the addresses of temporaries are written when it changes. */
  private scratch: number | null = null;

  /** @param block memory of {@link Table.bytes} */
  constructor(heap: Heap, block: CpuBlock, buffers: readonly Buffer[], { offsets, shares }: MemoryPlan) {
    this.heap = heap;
    this.address = block.address;
    this.scalars = block.address + addressBytes(buffers.length);
    const homes = buffers.map((_, buffer) => homeOf(buffer, shares));
    const bound = (placeOf: (home: number) => number | undefined) =>
      homes.flatMap((home, buffer): Bound[] => {
        const place = placeOf(home);
        return place === undefined ? [] : [[buffer, place]];
      });
    const placeAs = (kind: "input" | "output") => (home: number) => {
      const { role } = buffers[home]!;
      return role.kind === kind ? role.index : undefined;
    };
    this.inputs = bound(placeAs("input"));
    this.outputs = bound(placeAs("output"));
    this.temporaries = bound((home) => offsets[home]);
  }

  /** The size of a table. */
  static bytes(buffers: number, scalars: number): number {
    return addressBytes(buffers) + 8 * scalars;
  }

  /** The address of a buffer. */
  addressOf(buffer: number): number {
    return this.heap.words[this.address / 4 + buffer]!;
  }

  /** Gives a buffer a place for good: one of its own instead of one in the scratch memory. */
  fix(buffer: number, address: number): void {
    this.heap.words[this.address / 4 + buffer] = address;
    this.temporaries = this.temporaries.filter(([other]) => other !== buffer);
  }

  /** Writes the table for one run. */
  fill(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): void {
    const { words, doubles } = this.heap;
    const at = this.address / 4;
    for (const [buffer, place] of this.inputs) words[at + buffer] = inputs[place]!;
    for (const [buffer, place] of this.outputs) words[at + buffer] = outputs[place]!;
    if (scratch !== this.scratch) {
      for (const [buffer, place] of this.temporaries) words[at + buffer] = scratch + place;
      this.scratch = scratch;
    }
    for (let i = 0; i < scalars.length; i++) doubles[this.scalars / 8 + i] = scalars[i]!;
  }
}

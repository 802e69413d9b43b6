import { bytesPerElement } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import { buffersOf, type Schedule } from "./schedule.ts";

/** Where the temporaries of a schedule stand in one arena. */
export interface MemoryPlan {
  /** The byte offset of each temporary buffer; undefined for inputs and outputs. */
  readonly offsets: readonly (number | undefined)[];
  readonly bytes: number;
}

/** Temporaries start on multiples of this many bytes: a cache line, and any vector's width. */
const alignment = 64;

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Places temporaries so that those alive at the same time do not overlap: the largest first, each at the lowest offset
 * that is free over its whole life.
 */
export function planMemory({ buffers, stages }: Schedule): MemoryPlan {
  const lives = buffers.map(() => ({ from: Infinity, to: -1 }));
  stages.forEach((stage, at) => {
    const { reads, writes } = buffersOf(stage);
    for (const buffer of [...reads, ...writes]) {
      const life = lives[buffer]!;
      life.from = Math.min(life.from, at);
      life.to = Math.max(life.to, at);
    }
  });
  const bytesOf = buffers.map(({ type }) => {
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return Math.ceil(bytes / alignment) * alignment;
  });
  const temporaries = buffers
    .map((_, buffer) => buffer)
    .filter((buffer) => buffers[buffer]!.role.kind === "temporary")
    .sort((a, b) => bytesOf[b]! - bytesOf[a]! || a - b);
  const offsets: (number | undefined)[] = buffers.map(() => undefined);
  const placed: number[] = [];
  let bytes = 0;
  for (const buffer of temporaries) {
    const life = lives[buffer]!;
    const taken = placed
      .filter((other) => lives[other]!.from <= life.to && life.from <= lives[other]!.to)
      .map((other): Range => ({ start: offsets[other]!, end: offsets[other]! + bytesOf[other]! }))
      .sort((a, b) => a.start - b.start);
    let offset = 0;
    for (const { start, end } of taken) {
      if (offset + bytesOf[buffer]! <= start) break;
      offset = Math.max(offset, end);
    }
    offsets[buffer] = offset;
    placed.push(buffer);
    bytes = Math.max(bytes, offset + bytesOf[buffer]!);
  }
  return { offsets, bytes };
}

import { bytesPerElement } from "../../dtype.ts";
import { sizeOf } from "../../shape.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import type { Schedule } from "../schedule.ts";

/** A memory plan as text: the bytes of the arena that each temporary of the schedule takes. */
export function printMemoryPlan({ offsets, bytes }: MemoryPlan, { buffers }: Schedule): string {
  const lines = buffers.flatMap(({ type }, buffer) => {
    const offset = offsets[buffer];
    if (offset === undefined) return [];
    const end = offset + sizeOf(type.shape) * bytesPerElement(type.dtype);
    return [`  b${buffer}: ${offset}..${end}`];
  });
  return [`${bytes} bytes for ${lines.length} temporaries`, ...lines].join("\n");
}

import { bytesPerElement } from "../../dtype.ts";
import { sizeOf } from "../../shape.ts";
import type { MemoryPlan } from "../memory-plan.ts";
import type { Schedule } from "../schedule.ts";

/** A memory plan as text: the bytes of the arena that each temporary of the schedule takes. */
export function printMemoryPlan({ offsets, shares, bytes }: MemoryPlan, { buffers }: Schedule): string {
  const places = buffers.flatMap(({ type }, buffer) => {
    const offset = offsets[buffer];
    if (offset === undefined) return [];
    const end = offset + sizeOf(type.shape) * bytesPerElement(type.dtype);
    return [`  b${buffer}: ${offset}..${end}`];
  });
  const shared = shares.flatMap((other, buffer) =>
    other === undefined ? [] : [`  b${buffer}: in place of b${other}`],
  );
  return [`${bytes} bytes for ${places.length} temporaries`, ...places, ...shared].join("\n");
}

import type { Turns } from "../device/turns.ts";
import { mapForReading, usage } from "../device/usage.ts";

/** How many dispatches may be handed over before those before them have run. */
const mostAhead = 4096;

/**
 * Holds synchronous code back where it hands over more than the device does: what waits for its turn takes memory. At each
 * mark it waits for the mark before, so that the device always has something to do.
 */
export class Backpressure {
  private readonly device: GPUDevice;
  private readonly turns: Turns;
  private ahead = 0;
  private mark: GPUBuffer | null = null;

  constructor(device: GPUDevice, turns: Turns) {
    this.device = device;
    this.turns = turns;
  }

  /** Told how many dispatches were handed over. */
  note(dispatches: number): void {
    this.ahead += dispatches;
    if (this.ahead < mostAhead) return;
    this.ahead = 0;
    const { mark: before } = this;
    if (before !== null) {
      this.turns.blockUntil(() => before.mapState !== "pending");
      before.destroy();
    }
    this.mark = this.setMark();
  }

  /** A buffer that can be mapped once what was handed over has run. */
  private setMark(): GPUBuffer {
    const { device, turns } = this;
    const mark = device.createBuffer({ size: 4, usage: usage.mapRead | usage.copyTarget });
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(mark);
    device.queue.submit([encoder.finish()]);
    // Rejected where the device is lost, of which everybody hears.
    turns.ask(() => mark.mapAsync(mapForReading)).catch(() => {});
    return mark;
  }
}

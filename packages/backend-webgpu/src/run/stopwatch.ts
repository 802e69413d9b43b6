import { mapForReading, usage } from "../device/usage.ts";

/** WebGPU's limit on the queries of one set. */
const mostQueries = 4096;

/** Stops the time of passes on the device, by its own clock. */
export class Stopwatch {
  private readonly device: GPUDevice;
  private readonly queries: GPUQuerySet;
  private readonly started = new Set<number>();

  /** @param passes - how many passes may be timed; those beyond {@link Stopwatch.most} cannot */
  constructor(device: GPUDevice, passes: number) {
    this.device = device;
    this.queries = device.createQuerySet({ type: "timestamp", count: 2 * Math.min(passes, Stopwatch.most) });
  }

  /** How many passes one stopwatch has room for. */
  static readonly most: number = mostQueries / 2;

  static isAvailable(device: GPUDevice): boolean {
    return device.features.has("timestamp-query");
  }

  /** What makes a pass note when it begins and ends. */
  writesOf(pass: number): GPUComputePassTimestampWrites {
    this.started.add(pass);
    return {
      querySet: this.queries,
      beginningOfPassWriteIndex: 2 * pass,
      endOfPassWriteIndex: 2 * pass + 1,
    };
  }

  /** Milliseconds by pass, once all that was submitted has run. */
  async read(): Promise<ReadonlyMap<number, number>> {
    const { device, queries } = this;
    const size = 8 * queries.count;
    const resolved = device.createBuffer({ size, usage: usage.queryResolve | usage.copySource });
    const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(queries, 0, queries.count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(mapForReading);
      const nanoseconds = new BigUint64Array(staging.getMappedRange());
      return new Map(
        [...this.started].map((pass) => {
          const [begin, end] = [nanoseconds[2 * pass]!, nanoseconds[2 * pass + 1]!];
          // Clocks of devices have been seen to run backwards.
          return [pass, end > begin ? Number(end - begin) / 1e6 : 0];
        }),
      );
    } finally {
      staging.destroy();
      resolved.destroy();
    }
  }

  destroy(): void {
    this.queries.destroy();
  }
}

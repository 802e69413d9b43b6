/** What {@link watchBuffers} counts. */
export interface BufferWatch {
  /** How many buffers have been made since, and not destroyed. */
  readonly live: number;
  /** The bytes of them. */
  readonly bytes: number;
  /** Ends the watch: the device is as it was. */
  stop(): void;
}

/**
 * Counts the buffers that a WebGPU device makes and that nobody destroys: neither the engine's collector nor its figures
 * of memory know of what they weigh.
 *
 * @example
 * const watch = watchBuffers(backend.device);
 * for (let i = 0; i < 1000; i++) await (await step()).item();
 * console.log(watch.live);
 */
export function watchBuffers(device: GPUDevice): BufferWatch {
  const live = new Set<GPUBuffer>();
  const make = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = make.call(device, descriptor);
    const { destroy } = buffer;
    live.add(buffer);
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy.call(buffer);
    };
    return buffer;
  };
  return {
    get live() {
      return live.size;
    },
    get bytes() {
      return [...live].reduce((sum, { size }) => sum + size, 0);
    },
    stop: () => {
      device.createBuffer = make;
    },
  };
}

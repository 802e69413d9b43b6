import type { Turns } from "./device/turns.ts";
import { usage } from "./device/usage.ts";
import { copyHalvesShader, copyHalvesWhereShader, copyShader, copyWhereShader } from "./emit/copy.ts";
import type { Float16Traits } from "./emit/shader-function.ts";
import type { GpuBlock, Heap } from "./heap.ts";
import { type Arrival, arrivalOf } from "./run/arrival.ts";
import type { Pipelines } from "./run/pipelines.ts";
import type { ProductChooser } from "./run/products.ts";
import type { Recorder } from "./run/recorder.ts";

/** Whether an address or a size is that of whole words: a slice of float16 may begin or end within one. */
const isWords = (bytes: number): boolean => bytes % 4 === 0;

const nothing: Arrival<Uint8Array> = {
  promise: Promise.resolve(new Uint8Array(0)),
  force: () => new Uint8Array(0),
};

/** What the programs of a backend share. Memory is named by its address in the heap. */
export class Runtime {
  readonly device: GPUDevice;
  readonly heap: Heap;
  readonly pipelines: Pipelines;
  readonly recorder: Recorder;
  /** Chooses how products of matrices are computed. */
  readonly products: ProductChooser;
  /** How many invocations of a workgroup, by their numbers, exchange values without memory; 1: none. */
  readonly subgroup: number;
  /** How many invocations share a long fold at most. */
  readonly lanes: number;
  /** Whether the device rounds a product and its sum once. */
  readonly fusesProducts: boolean;
  readonly float16: Float16Traits;
  /** How synchronous code waits for the device, where it can. */
  readonly turns: Turns | null;
  /** Frees what programs held that have been collected. */
  readonly collected: FinalizationRegistry<readonly GpuBlock[]>;

  constructor(
    device: GPUDevice,
    heap: Heap,
    pipelines: Pipelines,
    recorder: Recorder,
    products: ProductChooser,
    {
      subgroup,
      lanes,
      fusesProducts,
      float16,
      turns,
    }: Pick<Runtime, "subgroup" | "lanes" | "fusesProducts" | "float16" | "turns">,
    free: (block: GpuBlock) => void,
  ) {
    this.device = device;
    this.heap = heap;
    this.pipelines = pipelines;
    this.recorder = recorder;
    this.products = products;
    this.subgroup = subgroup;
    this.lanes = lanes;
    this.fusesProducts = fusesProducts;
    this.float16 = float16;
    this.turns = turns;
    this.collected = new FinalizationRegistry((blocks) => blocks.forEach(free));
  }

  /** The bytes at an address, after all that has been submitted. */
  read(address: number, bytes: number): Arrival<Uint8Array> {
    if (bytes === 0) return nothing;
    const { device, heap } = this;
    const before = address % 4;
    const size = Math.ceil((before + bytes) / 4) * 4;
    const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(heap.buffer, address - before, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    const { promise, force } = arrivalOf(staging, this.turns);
    const part = (words: Uint8Array): Uint8Array => words.subarray(before, before + bytes);
    return { promise: promise.then(part), force: force && (() => part(force())) };
  }

  /** Writes bytes from the beginning of a word on, after all that has been submitted; the rest of the last word is zeroed. */
  write(address: number, bytes: Uint8Array): void {
    const { queue } = this.device;
    const whole = Math.floor(bytes.byteLength / 4) * 4;
    const source = bytes as Uint8Array<ArrayBuffer>;
    if (whole > 0) queue.writeBuffer(this.heap.buffer, address, source, 0, whole);
    if (whole === bytes.byteLength) return;
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    queue.writeBuffer(this.heap.buffer, address + whole, rest);
  }

  /** Records a copy; the places do not overlap. */
  copy(from: number, to: number, bytes: number): void {
    if ([from, to, bytes].every(isWords)) this.record(copyShader, [from / 4, to / 4, bytes / 4]);
    else this.record(copyHalvesShader, [from / 2, to / 2, bytes / 2]);
  }

  /** Records a copy that is made only where the bool at `flag` is `wanted`. */
  copyWhere(flag: number, wanted: boolean, from: number, to: number, bytes: number): void {
    const condition = [flag / 4, Number(wanted)];
    if ([from, to, bytes].every(isWords))
      this.record(copyWhereShader, [from / 4, to / 4, bytes / 4, ...condition]);
    else this.record(copyHalvesWhereShader, [from / 2, to / 2, bytes / 2, ...condition]);
  }

  private record(
    shader: typeof copyShader,
    entries: readonly [from: number, to: number, count: number, ...number[]],
  ): void {
    const count = entries[2];
    if (count === 0) return;
    const { text, groups } = shader(count);
    const pipeline = this.pipelines.of(text);
    // It is small, and the same for all.
    pipeline.force();
    this.recorder.add([{ pipeline, groups }], 8, (table) => {
      table.set(entries);
    });
  }
}

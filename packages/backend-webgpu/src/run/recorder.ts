import { usage } from "../device/usage.ts";
import type { Heap } from "../heap.ts";
import type { Backpressure } from "./backpressure.ts";
import type { Pipeline, Pipelines } from "./pipelines.ts";

/** How a kernel is started: over so many workgroups. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly groups: readonly [x: number, y: number];
}

interface Recorded extends Dispatch {
  readonly offset: number;
  readonly bytes: number;
}

/** The device's limit on the place of a table, at most. */
const slotBytes = 256;

const smallestTable = 2 ** 16;

/**
 * Collects what a program does on the device and hands it over as one command buffer. Each kernel has a table: the
 * addresses of its arrays and the caller's numbers. All tables go into one buffer with one write.
 */
export class Recorder {
  private readonly device: GPUDevice;
  private readonly heap: Heap;
  private readonly pipelines: Pipelines;
  private readonly backpressure: Backpressure | null;
  private words: Uint32Array<ArrayBuffer> = new Uint32Array(smallestTable / 4);
  private used = 0;
  private recorded: Recorded[] = [];
  private table: GPUBuffer;
  /** What the table holds on the device, as far as it has been written. */
  private written: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** By the size that a table may have. */
  private readonly groups = new Map<number, GPUBindGroup>();
  /** What the groups are made on. */
  private bound: GPUBuffer;

  constructor(device: GPUDevice, heap: Heap, pipelines: Pipelines, backpressure: Backpressure | null) {
    this.device = device;
    this.heap = heap;
    this.pipelines = pipelines;
    this.backpressure = backpressure;
    this.table = this.createTable(smallestTable);
    this.bound = heap.buffer;
  }

  /** Adds kernels that share a table; `fill` writes it. */
  add(dispatches: readonly Dispatch[], words: number, fill: (table: Uint32Array) => void): void {
    const bytes = slotBytes * 2 ** Math.ceil(Math.log2(Math.max(1, (4 * words) / slotBytes)));
    const offset = this.used;
    this.used += bytes;
    if (4 * this.words.length < this.used) {
      const larger = new Uint32Array(2 * Math.max(this.words.length, this.used / 4));
      larger.set(this.words);
      this.words = larger;
    }
    fill(this.words.subarray(offset / 4, (offset + bytes) / 4));
    for (const { pipeline, groups } of dispatches) this.recorded.push({ pipeline, groups, offset, bytes });
  }

  /** Hands over what has been recorded, as one pass. */
  submit(timestampWrites?: GPUComputePassTimestampWrites): void {
    if (this.recorded.length === 0) return;
    const { device, recorded } = this;
    const room = Math.max(...recorded.map(({ offset, bytes }) => offset + bytes));
    if (this.table.size < room) {
      this.table.destroy();
      this.table = this.createTable(2 ** Math.ceil(Math.log2(room)));
      this.groups.clear();
      this.written = new Uint32Array(0);
    }
    if (this.bound !== this.heap.buffer) {
      this.bound = this.heap.buffer;
      this.groups.clear();
    }
    this.writeTable();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
    let last: Pipeline | null = null;
    for (const { pipeline, groups, offset, bytes } of recorded) {
      if (pipeline !== last) pass.setPipeline(pipeline.compiled!);
      last = pipeline;
      pass.setBindGroup(0, this.groupFor(bytes), [offset]);
      pass.dispatchWorkgroups(groups[0], groups[1]);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    this.backpressure?.note(recorded.length);
    this.discard();
  }

  /**
   * Writes the part of the table that is not there already: where nothing is awaited, Dawn keeps a copy of all that was
   * ever written. The queue keeps the order: earlier programs have read their tables when this is written.
   */
  private writeTable(): void {
    const { words, written } = this;
    const used = this.used / 4;
    const common = Math.min(used, written.length);
    let from = 0;
    while (from < common && words[from] === written[from]) from++;
    let to = used;
    if (used <= written.length) while (to > from && words[to - 1] === written[to - 1]) to--;
    if (from === to) return;
    this.device.queue.writeBuffer(this.table, 4 * from, words, from, to - from);
    if (used <= written.length) written.set(words.subarray(from, to), from);
    else this.written = words.slice(0, used);
  }

  get isEmpty(): boolean {
    return this.recorded.length === 0;
  }

  /** Forgets what has been recorded. */
  discard(): void {
    this.used = 0;
    this.recorded = [];
  }

  destroy(): void {
    this.table.destroy();
  }

  private groupFor(bytes: number): GPUBindGroup {
    let group = this.groups.get(bytes);
    if (group === undefined) {
      group = this.device.createBindGroup({
        layout: this.pipelines.bindGroupLayout,
        entries: [
          { binding: 0, resource: { buffer: this.heap.buffer } },
          { binding: 1, resource: { buffer: this.table, size: bytes } },
        ],
      });
      this.groups.set(bytes, group);
    }
    return group;
  }

  private createTable(size: number): GPUBuffer {
    return this.device.createBuffer({ size, usage: usage.uniform | usage.copyTarget, label: "tables" });
  }
}

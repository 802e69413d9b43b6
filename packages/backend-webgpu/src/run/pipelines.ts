import type { Turns } from "../device/turns.ts";
import { computeStage } from "../device/usage.ts";

/** A compute pipeline, which may still be being compiled. */
export class Pipeline {
  readonly text: string;
  compiled: GPUComputePipeline | null = null;
  readonly ready: Promise<void>;
  private readonly owner: Pipelines;

  constructor(text: string, owner: Pipelines) {
    this.text = text;
    this.owner = owner;
    this.ready = owner.compile(text).then((pipeline) => {
      this.compiled ??= pipeline;
    });
    // Whoever runs it learns of a failure; a program that is never run does not disturb.
    this.ready.catch(() => {});
  }

  /** Compiles it now, for who cannot wait. */
  force(): void {
    this.compiled ??= this.owner.device.createComputePipeline(this.owner.descriptor(this.text));
  }
}

/** How many kernels are remembered; the least recently wanted goes first, and lives on in the programs that have it. */
const mostKnown = 1_000;

/** The compiled kernels of a device. Equal texts are compiled once, all at the same time and in the background. */
export class Pipelines {
  readonly device: GPUDevice;
  readonly bindGroupLayout: GPUBindGroupLayout;
  private readonly turns: Turns | null;
  private readonly layout: GPUPipelineLayout;
  private readonly known = new Map<string, Pipeline>();
  private compiled = 0;

  constructor(device: GPUDevice, turns: Turns | null) {
    this.device = device;
    this.turns = turns;
    this.bindGroupLayout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: computeStage, buffer: { type: "storage" } },
        { binding: 1, visibility: computeStage, buffer: { type: "uniform", hasDynamicOffset: true } },
      ],
    });
    this.layout = device.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout] });
  }

  /** How many kernels have been compiled. */
  get size(): number {
    return this.compiled;
  }

  of(text: string): Pipeline {
    let pipeline = this.known.get(text);
    if (pipeline === undefined) {
      pipeline = new Pipeline(text, this);
      this.compiled++;
      if (this.known.size >= mostKnown) this.known.delete(this.known.keys().next().value!);
    } else this.known.delete(text);
    this.known.set(text, pipeline);
    return pipeline;
  }

  /** Compiles in the background. */
  compile(text: string): Promise<GPUComputePipeline> {
    const ask = () => this.device.createComputePipelineAsync(this.descriptor(text));
    return this.turns === null ? ask() : this.turns.ask(ask);
  }

  descriptor(code: string): GPUComputePipelineDescriptor {
    const module = this.device.createShaderModule({ code });
    return { layout: this.layout, compute: { module, entryPoint: "main" } };
  }
}

import { AmariError, BackendError, collectGarbage, OutOfMemoryError } from "@amari/core";
import {
  type Backend,
  type Block,
  type Capabilities,
  describeLive,
  type Executable,
  operationsOf,
  type Program,
  type TimedExecutable,
} from "@amari/core/backend";
import type { Turns } from "./device/turns.ts";
import type { ProductVariantName } from "./emit/dot/variants.ts";
import type { Float16Traits } from "./emit/shader-function.ts";
import { DeviceLostError } from "./errors.ts";
import { elementBytes, WebgpuExecutable } from "./executable.ts";
import { type GpuBlock, Heap } from "./heap.ts";
import { Backpressure } from "./run/backpressure.ts";
import { Pipelines } from "./run/pipelines.ts";
import { ProductChooser } from "./run/products.ts";
import { Recorder } from "./run/recorder.ts";
import { doing, type Task, TaskQueue } from "./run/task-queue.ts";
import { Runtime } from "./runtime.ts";

/** What is known of the device that a backend computes on. */
export interface DeviceDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Whether it is a program on the processor instead of a GPU; then `cpuBackend()` is faster. */
  readonly isSoftware: boolean;
}

/** What was found out about a device, and what the user has chosen. */
export interface DeviceTraits {
  /** Whether it computes with denormal numbers. */
  readonly denormals: boolean;
  /** Whether it rounds a product and its sum once. */
  readonly fusesProducts: boolean;
  /** Which of its conversions from and to float16 are those of IEEE 754. */
  readonly float16: Float16Traits;
  /** How synchronous code waits for the device, where it can. */
  readonly turns: Turns | null;
  /** How many invocations of a workgroup, by their numbers, exchange values without memory; 1: none. */
  readonly subgroup: number;
  /** How many invocations share a long fold at most. */
  readonly lanes: number;
  /** How it multiplies matrices; null: whichever way is measured to be the fastest. */
  readonly product: ProductVariantName | null;
}

/** So many milliseconds after an error of the engine its cause has been reported, if there is one. */
const lossDelay = 500;

/** The WebGPU backend: programs compiled to WGSL, on one buffer of the device. Made by `webgpu()`. */
export class WebgpuBackend implements Backend {
  readonly name: string = "webgpu";
  readonly capabilities: Capabilities;
  readonly description: DeviceDescription;
  /** For a program's own shaders beside this backend; `close()` destroys it. */
  readonly device: GPUDevice;
  /** In Node only: engines of browsers do not let synchronous code wait. */
  readonly readSync?: (block: Block) => Uint8Array;
  private readonly runtime: Runtime;
  private readonly queue = new TaskQueue();
  /** Memory for temporaries, shared by all programs, since one runs at a time. */
  private scratch: GpuBlock | null = null;
  /** What was submitted last, which an error that comes later names. */
  private latest: Program | null = null;
  private failure: AmariError | null = null;
  private closed = false;

  /** @param memoryBytes - how much memory it may use, within what the device binds at once */
  constructor(
    device: GPUDevice,
    description: DeviceDescription,
    traits: DeviceTraits,
    memoryBytes: number = Number.POSITIVE_INFINITY,
  ) {
    this.device = device;
    this.description = description;
    this.capabilities = {
      dtypes: ["float32", "float16", "int32", "uint32", "bool"],
      synchronousReads: traits.turns !== null,
      elementBytes,
      denormals: traits.denormals,
    };
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize, memoryBytes);
    const heap = new Heap(device, most, collectGarbage);
    const pipelines = new Pipelines(device, traits.turns);
    const backpressure = traits.turns && new Backpressure(device, traits.turns);
    const recorder = new Recorder(device, heap, pipelines, backpressure);
    if (traits.turns !== null) this.readSync = (block) => this.readNow(block as GpuBlock);
    const products = new ProductChooser(pipelines, traits.product);
    this.runtime = new Runtime(device, heap, pipelines, recorder, products, traits, (block) =>
      this.free(block),
    );
    void device.lost.then(({ message, reason }) => {
      this.failure ??= new DeviceLostError(
        this.closed
          ? "the WebGPU backend was closed; make another one with await webgpu()"
          : `the WebGPU device was lost (${message || reason}): make another backend with await webgpu(), or take the CPU, ` +
              `and run the program there again from what is on the host.\n${this.situation("Lost are")}`,
      );
    });
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.failure ??=
        error.constructor.name === "GPUOutOfMemoryError"
          ? new OutOfMemoryError(
              `the WebGPU device has no memory left (${error.message}), of which this backend has taken ` +
                `${this.memoryBytes} bytes; what it computed since is lost. Make another backend with ` +
                `await webgpu({ memoryBytes }).\n${this.situation("In use are")}`,
            )
          : new BackendError(`WebGPU reported an error: ${error.message}\n${this.situation("In use are")}`);
    });
  }

  /** What it was doing, and what lives on it. */
  private situation(introduction: string): string {
    const latest = this.latest === null ? "" : `Submitted last was ${operationsOf(this.latest)}. `;
    return `${latest}${introduction}\n${describeLive(this) || "  no tensors"}`;
  }

  /** @throws OutOfMemoryError beyond `memoryBytes`, or what the device binds at once */
  alloc(bytes: number): Block {
    this.checkUsable();
    return this.allocate(bytes);
  }

  private allocate(bytes: number): GpuBlock {
    const { heap } = this.runtime;
    try {
      return heap.alloc(bytes);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      // What waits may hold what is to be freed.
      this.queue.hurry();
      return heap.alloc(bytes);
    }
  }

  /** The memory is free once what was submitted before has run: tasks may still wait that use it. */
  free(block: Block): void {
    const { heap } = this.runtime;
    this.queue.add(doing(() => heap.release(block as GpuBlock)));
  }

  write(block: Block, bytes: Uint8Array): void {
    this.checkUsable();
    // Nothing that waits uses a block that is being written for the first time.
    this.runtime.write((block as GpuBlock).address, bytes);
  }

  read(block: Block): Promise<Uint8Array> {
    const { address, bytes } = block as GpuBlock;
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.checkUsable();
        const { failure } = block as GpuBlock;
        if (failure !== undefined) throw failure;
        // Who awaits the value does not hold up what was submitted after it.
        this.runtime.read(address, bytes).promise.then(
          (result) => {
            if (this.failure === null) resolve(result);
            else reject(this.failure);
          },
          async (error: unknown) => reject(await this.causeOf(error)),
        );
      };
      this.queue.add(
        doing(() => {
          try {
            begin();
          } catch (error) {
            void this.causeOf(error).then(reject);
          }
        }),
      );
    });
  }

  private readNow(block: GpuBlock): Uint8Array {
    this.checkUsable();
    this.queue.hurry();
    if (!this.queue.isEmpty)
      throw new BackendError("no value can be read synchronously while a profile is taken; await it first");
    if (block.failure !== undefined) throw block.failure;
    const bytes = this.runtime.read(block.address, block.bytes).force!();
    this.checkUsable();
    return bytes;
  }

  compile(program: Program): Executable {
    return new WebgpuExecutable(program, this.runtime);
  }

  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    this.checkUsable();
    const compiled = executable as WebgpuExecutable;
    this.latest = compiled.program;
    this.queue.add(
      this.run(
        compiled,
        this.scratchOf(compiled.scratchBytes),
        inputs as readonly GpuBlock[],
        scalars,
        outputs as readonly GpuBlock[],
      ),
    );
  }

  compileTimed(program: Program): TimedExecutable {
    return new WebgpuExecutable(program, this.runtime);
  }

  time(
    executable: TimedExecutable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): Promise<readonly number[]> {
    this.checkUsable();
    return new Promise((resolve, reject) => {
      this.queue.add(
        this.timed(
          executable as WebgpuExecutable,
          this.scratchOf((executable as WebgpuExecutable).scratchBytes),
          [inputs, outputs].map((blocks) => blocks.map((block) => (block as GpuBlock).address)),
          scalars,
          resolve,
          reject,
        ),
      );
    });
  }

  private *timed(
    executable: WebgpuExecutable,
    scratch: number,
    [inputs, outputs]: readonly (readonly number[])[],
    scalars: readonly number[],
    resolve: (milliseconds: readonly number[]) => void,
    reject: (error: unknown) => void,
  ): Task {
    const { recorder } = this.runtime;
    try {
      yield* executable.ready();
      yield* executable.time(inputs!, scalars, outputs!, scratch, resolve);
    } catch (error) {
      recorder.discard();
      void this.causeOf(error).then(reject);
    }
  }

  /** A program whose inputs never came has no results; whoever reads one is told why. */
  private *run(
    executable: WebgpuExecutable,
    scratch: number,
    inputs: readonly GpuBlock[],
    scalars: readonly number[],
    outputs: readonly GpuBlock[],
  ): Task {
    const { recorder } = this.runtime;
    try {
      const failed = inputs.find(({ failure }) => failure !== undefined);
      if (failed !== undefined) throw failed.failure;
      yield* executable.ready();
      const addressOf = ({ address }: GpuBlock) => address;
      yield* executable.run(inputs.map(addressOf), scalars, outputs.map(addressOf), scratch);
      recorder.submit();
    } catch (error) {
      recorder.discard();
      for (const block of outputs) block.failure = error;
    }
  }

  /** The address of memory for temporaries, which what has been submitted before may still use. */
  private scratchOf(bytes: number): number {
    if (this.scratch === null || this.scratch.bytes < bytes) {
      if (this.scratch !== null) this.free(this.scratch);
      this.scratch = null;
      this.scratch = this.allocate(Math.max(bytes, 4));
    }
    return this.scratch.address;
  }

  /** The WGSL of a program. */
  explain(executable: Executable): string {
    return (executable as WebgpuExecutable).text;
  }

  /** Which ways to multiply matrices, or to convolve, were measured to be the fastest, by the class of the products. */
  get productChoices(): ReadonlyMap<string, ProductVariantName> {
    return this.runtime.products.choices;
  }

  /** How many different shaders have been compiled. */
  get shaders(): number {
    return this.runtime.pipelines.size;
  }

  /** How much memory the backend holds on the device, in use or kept for reuse. */
  get memoryBytes(): number {
    return this.runtime.heap.buffer.size;
  }

  /** How much of that memory holds something: tensors, and what programs need while they run. */
  get bytesInUse(): number {
    return this.runtime.heap.bytesInUse;
  }

  async flush(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.queue.add(doing(resolve));
    });
    await this.device.queue.onSubmittedWorkDone();
    this.checkUsable();
  }

  /** Gives the device back. What lives on it is lost. */
  async close(): Promise<void> {
    this.closed = true;
    this.runtime.recorder.destroy();
    this.runtime.heap.destroy();
    this.device.destroy();
    await this.device.lost;
  }

  /** What an error came from: of a loss an engine may report the consequences first. */
  private async causeOf(error: unknown): Promise<unknown> {
    if (this.failure === null && !(error instanceof AmariError)) {
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, lossDelay))]);
    }
    return this.failure ?? error;
  }

  private checkUsable(): void {
    if (this.failure !== null) throw this.failure;
  }
}

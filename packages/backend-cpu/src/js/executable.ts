import {
  type Buffer,
  bytesPerElement,
  type DenseArray,
  donationsOf,
  fuse,
  homeOf,
  kernelsOf,
  type LoopKernel,
  type MemoryPlan,
  type Program,
  planMemory,
  type Schedule,
  type Stage,
  sizeOf,
  viewBytes,
} from "@amari/core/backend";
import { prepareControl } from "../control.ts";
import { millisecondsOf, type Runnable } from "../engine.ts";
import type { CpuBlock, Heap } from "../heap.ts";
import { runOnHost } from "../host-stages.ts";
import type { PlainMemory } from "./memory.ts";
import { kernelText } from "./source.ts";
import type { JsKernel, Views } from "./views.ts";

/** What programs share. */
export interface JsRuntime {
  readonly heap: Heap<PlainMemory>;
  readonly views: () => Views;
  readonly compile: (kernel: LoopKernel) => JsKernel;
  /** Frees the memory of programs that have been collected. */
  readonly collected: FinalizationRegistry<readonly CpuBlock[]>;
}

/** Does a stage, for numbers that the caller hands over. */
type Action = (numbers: readonly number[]) => void;

type StageOf<K extends Stage["kind"]> = Extract<Stage, { kind: K }>;

/** A program as JavaScript functions, one for each stage of its schedule. */
export class JsExecutable implements Runnable {
  readonly program: Program;
  readonly schedule: Schedule;
  readonly plan: MemoryPlan;
  readonly donations: ReadonlyMap<number, number>;
  private readonly runtime: JsRuntime;
  private readonly actions: readonly Action[];
  /** The buffer in whose memory each buffer stands. */
  private readonly homes: readonly number[];
  /** Where each buffer stands in this run, in bytes. */
  private readonly addresses: Uint32Array;
  /** The memory that lives as long as the program. */
  private readonly owned: CpuBlock[] = [];

  constructor(program: Program, runtime: JsRuntime) {
    this.program = program;
    this.runtime = runtime;
    this.schedule = fuse(program);
    this.plan = planMemory(this.schedule, program.donated);
    this.donations = donationsOf(this.plan, this.schedule);
    this.homes = this.schedule.buffers.map((_, buffer) => homeOf(buffer, this.plan.shares));
    this.addresses = new Uint32Array(this.schedule.buffers.length);
    this.actions = this.schedule.stages.map((stage) => this.prepare(stage));
    runtime.collected.register(this, this.owned);
  }

  run(
    inputs: readonly number[],
    numbers: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): void {
    this.place(inputs, outputs, scratch);
    for (const action of this.actions) action(numbers);
  }

  time(
    inputs: readonly number[],
    numbers: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): readonly number[] {
    this.place(inputs, outputs, scratch);
    return this.actions.map((action) => millisecondsOf(() => action(numbers)));
  }

  private place(inputs: readonly number[], outputs: readonly number[], scratch: number): void {
    this.homes.forEach((home, buffer) => {
      const { role } = this.schedule.buffers[home]!;
      if (role.kind === "input") this.addresses[buffer] = inputs[role.index]!;
      else if (role.kind === "output") this.addresses[buffer] = outputs[role.index]!;
      else this.addresses[buffer] = scratch + this.plan.offsets[home]!;
    });
  }

  get text(): string {
    const kernels = this.schedule.stages.flatMap(kernelsOf);
    return kernels.map((kernel, i) => `// kernel ${i}\n${kernelText(kernel)}`).join("\n\n");
  }

  private prepare(stage: Stage): Action {
    switch (stage.kind) {
      case "loops":
      case "assembly": {
        const kernels = kernelsOf(stage).map(this.runtime.compile);
        return (numbers) => {
          for (const run of kernels) run(this.runtime.views(), this.addresses, numbers);
        };
      }
      case "control":
        return this.prepareControl(stage);
      case "dot":
      case "convolution":
      case "routine":
        return () => runOnHost(stage, (buffer) => this.arrayOf(buffer));
    }
  }

  private prepareControl({ step, inputs, outputs }: StageOf<"control">): Action {
    const { heap } = this.runtime;
    const run = prepareControl(step, {
      compile: ({ program, scalars }) => {
        const body = new JsExecutable(program, this.runtime);
        const scratch = this.own(body.plan.bytes);
        return (from, to) => body.run(from, scalars, to, scratch);
      },
      alloc: (bytes) => this.own(bytes),
      copy: (from, to, bytes) => heap.bytesAt(to, bytes).set(heap.bytesAt(from, bytes)),
      holds: (address) => heap.bytesAt(address, 1)[0] !== 0,
    });
    const addressesOf = (buffers: readonly number[]) => buffers.map((buffer) => this.addresses[buffer]!);
    return () => run(addressesOf(inputs), addressesOf(outputs));
  }

  private own(bytes: number): number {
    const block = this.runtime.heap.alloc(Math.max(1, bytes));
    this.owned.push(block);
    return block.address;
  }

  private arrayOf(buffer: number): DenseArray {
    const { type }: Buffer = this.schedule.buffers[buffer]!;
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return {
      ...type,
      data: viewBytes(type.dtype, this.runtime.heap.bytesAt(this.addresses[buffer]!, bytes)),
    };
  }
}

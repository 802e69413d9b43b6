import {
  bytesPerElement,
  type DenseArray,
  donationsOf,
  fuse,
  type MemoryPlan,
  type Program,
  planMemory,
  type ScalarFunction,
  type Schedule,
  type Stage,
  sizeOf,
  viewBytes,
} from "@amari/core/backend";
import { prepareControl } from "./control.ts";
import { millisecondsOf, type Runnable } from "./engine.ts";
import type { CpuBlock, Heap } from "./heap.ts";
import { type HostStage, runOnHost } from "./host-stages.ts";
import { hasGeneratedMatmul } from "./matmul/library.ts";
import type { CpuRuntime } from "./runtime.ts";
import { dtypeOf, functionOf, isCompiled, partsOf, StageKernels } from "./stage-kernels.ts";
import { Table } from "./table.ts";
import { costOfShared } from "./threads/cost.ts";
import { worthWaking } from "./threads/pool.ts";
import { isWorthSharing, kernelName, SharedKernels } from "./threads/shared-kernels.ts";
import { compileModule } from "./wasm/compile.ts";
import { FunctionBuilder, type Signature } from "./wasm/function.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import { moduleText } from "./wasm/text.ts";

/** The host's function that runs the shared kernel of a number on all threads. */
const shareSignature: Signature = { parameters: ["i32"], results: [] };

type RoutineStage = Extract<Stage, { kind: "routine" }>;
type ControlStage = Extract<Stage, { kind: "control" }>;

/** What a run does next: a function of the module, which runs several kernels, or something on the host. */
type Action = () => void;

/** A program compiled to one WebAssembly module, and the order in which its functions and the host's take turns. */
export class CpuExecutable implements Runnable {
  readonly program: Program;
  readonly schedule: Schedule;
  readonly plan: MemoryPlan;
  readonly donations: ReadonlyMap<number, number>;
  /** The module; null where there are no kernels. */
  private binary: Uint8Array<ArrayBuffer> | null = null;
  private readonly runtime: CpuRuntime;
  private readonly heap: Heap;
  private readonly table: Table;
  private readonly actions: readonly Action[];
  /** Whether each stage is an action of its own. */
  private readonly timed: boolean;
  /** The memory that lives as long as the program. */
  private readonly owned: CpuBlock[] = [];
  /** The kernels that threads share, if there is enough work in the program. */
  private readonly shared: SharedKernels | null;

  /**
   * @param turns - how often the program runs in a row, if it is the body of a loop
   * @param timed - whether each stage is called by itself, so that its time can be stopped
   */
  constructor(
    program: Program,
    runtime: CpuRuntime,
    { turns = 1, timed = false }: { readonly turns?: number | undefined; readonly timed?: boolean } = {},
  ) {
    const { heap } = runtime;
    this.program = program;
    this.runtime = runtime;
    this.timed = timed;
    this.heap = heap;
    this.schedule = fuse(program);
    this.plan = planMemory(this.schedule, program.donated);
    this.donations = donationsOf(this.plan, this.schedule);
    const { buffers } = this.schedule;
    const block = this.own(Table.bytes(buffers.length, program.scalars.length));
    this.table = new Table(heap, block, buffers, this.plan);
    this.shared = this.isWorthThreads(turns) ? new SharedKernels(runtime.pool!, turns) : null;
    const { actions, forget } = this.prepare();
    this.actions = actions;
    runtime.collected.register(this, { blocks: this.owned, forget });
  }

  /** Whether there is enough work in the program to wake other threads for it. */
  private isWorthThreads(turns: number): boolean {
    if (this.runtime.pool === null) return false;
    const costs = this.schedule.stages
      .flatMap(partsOf)
      .map((stage) => costOfShared(stage, this.schedule.buffers));
    return turns * costs.filter(isWorthSharing).reduce((a, b) => a + b, 0) >= worthWaking;
  }

  /** Memory that is freed when the program is collected. */
  private own(bytes: number): CpuBlock {
    const block = this.heap.alloc(Math.max(1, bytes));
    this.owned.push(block);
    return block;
  }

  run(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): void {
    this.table.fill(inputs, scalars, outputs, scratch);
    this.shared?.begin();
    for (const action of this.actions) action();
  }

  time(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): readonly number[] {
    this.table.fill(inputs, scalars, outputs, scratch);
    this.shared?.begin();
    return this.actions.map(millisecondsOf);
  }

  get text(): string {
    return this.binary === null ? "(no kernels)" : moduleText(this.binary);
  }

  private prepare(): { readonly actions: readonly Action[]; readonly forget: () => void } {
    const { schedule, table, runtime } = this;
    const module = new ModuleBuilder(this.heap.declared);
    // Imports shift the numbers of functions, so all are declared first.
    if (this.shared !== null) module.import("share", shareSignature);
    const kernels = new StageKernels(module, { schedule, table, runtime, own: (bytes) => this.own(bytes) });
    /** What the host does, and the numbers of segments, in order. */
    const turns: (Action | number)[] = [];
    const segments: Stage[][] = [];
    let open: Stage[] | null = null;
    for (const stage of schedule.stages) {
      if (isCompiled(stage, schedule)) {
        if (open === null || this.timed) {
          open = [];
          turns.push(segments.push(open) - 1);
        }
        open.push(stage);
      } else if (stage.kind === "routine" && this.isConstant(stage)) {
        this.fillConstants(stage);
        if (this.timed) turns.push(() => {});
      } else {
        open = null;
        turns.push(this.hostAction(stage as HostStage | ControlStage));
      }
    }
    segments.forEach((segment, i) => {
      this.addSegment(module, kernels, segment, segmentName(i));
    });
    if (segments.length === 0) return { actions: turns as Action[], forget: () => {} };
    this.binary = module.encode();
    const compiled = compileModule(this.binary, runtime.target);
    const { exports } = new WebAssembly.Instance(compiled, { env: this.environment(kernels.calls) });
    const actions = turns.map((turn) =>
      typeof turn === "number" ? (exports[segmentName(turn)] as Action) : turn,
    );
    return { actions, forget: this.shared?.link(compiled, exports) ?? (() => {}) };
  }

  /** What the module imports. */
  private environment(calls: ReadonlyMap<string, ScalarFunction>): WebAssembly.ModuleImports {
    const libraries = this.schedule.stages.flatMap((stage) => {
      if (stage.kind !== "dot" && stage.kind !== "convolution") return [];
      const dtype = dtypeOf(stage, this.schedule);
      return hasGeneratedMatmul(dtype) ? [this.runtime.library(stage.kind, dtype)] : [];
    });
    return {
      memory: this.heap.memory,
      thread: 0,
      ...Object.assign({}, ...libraries),
      ...(this.shared !== null && { share: this.shared.run }),
      ...Object.fromEntries(calls),
    };
  }

  /** What the host does for a stage that is no function of the module. */
  private hostAction(stage: HostStage | ControlStage): Action {
    if (stage.kind === "control") return this.prepareControl(stage);
    return () => runOnHost(stage, (buffer) => this.arrayOf(buffer));
  }

  private prepareControl({ step, inputs, outputs }: ControlStage): Action {
    const { heap } = this;
    const run = prepareControl(step, {
      compile: ({ program, scalars }, turns) => {
        const body = new CpuExecutable(program, this.runtime, { turns });
        const scratch = this.own(body.plan.bytes).address;
        return (from, to) => body.run(from, scalars, to, scratch);
      },
      alloc: (bytes) => this.own(bytes).address,
      copy: (from, to, bytes) => heap.bytesAt(to, bytes).set(heap.bytesAt(from, bytes)),
      holds: (address) => heap.bytesAt(address, 1)[0] !== 0,
    });
    const addressesOf = (buffers: readonly number[]) => buffers.map((buffer) => this.table.addressOf(buffer));
    return () => run(addressesOf(inputs), addressesOf(outputs));
  }

  /** One exported function that runs a list of kernels from beginning to end. */
  private addSegment(
    module: ModuleBuilder,
    kernels: StageKernels,
    segment: readonly Stage[],
    name: string,
  ): void {
    const main = new FunctionBuilder({ parameters: [], results: [] });
    for (const stage of segment.flatMap(partsOf)) {
      const kernel = kernels.write(stage);
      const { call, extent, granule, least } = kernel;
      const cost = this.shared === null ? 0 : costOfShared(stage, this.schedule.buffers);
      if (this.shared !== null && extent > 1 && isWorthSharing(cost)) {
        const number = this.shared.add({ extent, cost, granule, least });
        module.add(functionOf(kernel), kernelName(number));
        main.i32(number).call(module.import("share", shareSignature));
      } else call(main.i32(0).i32(extent));
    }
    module.add(main, name);
  }

  /** Whether a routine has no operands and its results stay inside the program. */
  private isConstant({ inputs, outputs }: RoutineStage): boolean {
    return (
      inputs.length === 0 &&
      outputs.every((buffer) => this.schedule.buffers[buffer]!.role.kind === "temporary")
    );
  }

  private fillConstants(stage: RoutineStage): void {
    for (const buffer of stage.outputs) {
      const { type } = this.schedule.buffers[buffer]!;
      this.table.fix(buffer, this.own(sizeOf(type.shape) * bytesPerElement(type.dtype)).address);
    }
    runOnHost(stage, (buffer) => this.arrayOf(buffer));
  }

  private arrayOf(buffer: number): DenseArray {
    const { type } = this.schedule.buffers[buffer]!;
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return { ...type, data: viewBytes(type.dtype, this.heap.bytesAt(this.table.addressOf(buffer), bytes)) };
  }
}

const segmentName = (segment: number): string => `segment${segment}`;

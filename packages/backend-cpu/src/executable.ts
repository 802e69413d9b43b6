import {
  type Buffer,
  buffersOf,
  bytesPerElement,
  type DenseArray,
  type DType,
  donationsOf,
  fuse,
  type Geometry,
  kernelExpressions,
  kernelsOf,
  type LoopKernel,
  type Matrix,
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
import { convolutionExtent, emitConvolution, tablesOf, workspaceBytes } from "./convolution/emit.ts";
import {
  type ConvolutionFunction,
  convolutionFunctions,
  convolutionImport,
  convolutionSignature,
} from "./convolution/library.ts";
import { convolvePlainly } from "./convolution/plain.ts";
import { planConvolution } from "./convolution/plan.ts";
import type { DotFrame } from "./emit/dot.ts";
import { type KernelCall, KernelFunctions } from "./emit/kernel-functions.ts";
import { stripBytes } from "./emit/strips.ts";
import { millisecondsOf, type Runnable } from "./engine.ts";
import type { CpuBlock, Heap } from "./heap.ts";
import { gemmSignature, hasGeneratedMatmul, largestWorkspace } from "./matmul/library.ts";
import { multiplyPlainly } from "./matmul/plain.ts";
import type { MatmulDType } from "./matmul/vector-type.ts";
import { Table } from "./table.ts";
import { costOfShared } from "./threads/cost.ts";
import { type ThreadPool, worthWaking } from "./threads/pool.ts";
import { isWorthSharing, kernelName, SharedKernels } from "./threads/shared-kernels.ts";
import { compileModule } from "./wasm/compile.ts";
import { FunctionBuilder, type Signature } from "./wasm/function.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import type { Target } from "./wasm/target.ts";
import { moduleText } from "./wasm/text.ts";

/** What programs share: the memory, and the functions that contractions call. */
export interface CpuRuntime {
  readonly heap: Heap;
  readonly target: Target;
  /** The workers; null where the backend runs on one thread. */
  readonly pool: ThreadPool | null;
  readonly threads: number;
  /** Frees what programs held that have been collected. */
  readonly collected: FinalizationRegistry<Held>;
  /** What contractions of a kind and dtype call, compiled for the first program that has one. */
  library(kind: LibraryKind, dtype: MatmulDType): WebAssembly.ModuleImports;
  /** Memory that matrix products may use meanwhile, each thread {@link largestWorkspace} of it. */
  workspace(): CpuBlock;
  /** Memory for the results of strips of columns, for each thread; made for the first kernel that has such. */
  strips(): CpuBlock;
}

/** The contractions that are calls of functions which programs share. */
export type LibraryKind = "dot" | "convolution";

/** What outlives a program until it is collected: its memory, and that the workers know it. */
export interface Held {
  readonly blocks: readonly CpuBlock[];
  forget(): void;
}

/** The host's function that runs the shared kernel of a number on all threads. */
const shareSignature: Signature = { parameters: ["i32"], results: [] };

/** A kernel that runs on any part of a range that begins at 0. */
interface RangedKernel {
  /** Calls it with the ends of a part that are on the stack. */
  readonly call: (f: FunctionBuilder) => void;
  readonly extent: number;
  /** What parts of the range had better be multiples of. */
  readonly granule: number;
  /** What parts had better not be shorter than. */
  readonly least: number;
}

type DotStage = Extract<Stage, { kind: "dot" }>;
type ConvolutionStage = Extract<Stage, { kind: "convolution" }>;
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
    const module = new ModuleBuilder(this.heap.declared);
    const calls = new Map<string, ScalarFunction>();
    const { stages } = this.schedule;
    // Imports shift the numbers of functions, so all calls are found first.
    if (this.shared !== null) module.import("share", shareSignature);
    for (const stage of stages) {
      for (const kernel of kernelsOf(stage)) this.importCalls(kernel, module, calls);
      if (stage.kind === "dot" && this.isGenerated(stage)) module.import(this.dtypeOf(stage), gemmSignature);
      else if (stage.kind === "convolution" && this.isGenerated(stage)) {
        for (const name of convolutionFunctions)
          module.import(
            convolutionImport(name, this.dtypeOf(stage) as MatmulDType),
            convolutionSignature(name),
          );
      }
    }
    /** What the host does, and the numbers of segments, in order. */
    const turns: (Action | number)[] = [];
    const segments: number[][] = [];
    let open: number[] | null = null;
    stages.forEach((stage, at) => {
      const isProduct = stage.kind === "dot" || stage.kind === "convolution";
      const isLoops = stage.kind === "loops" || stage.kind === "assembly";
      if (isLoops || (isProduct && this.isGenerated(stage))) {
        if (open === null || this.timed) {
          open = [];
          turns.push(segments.push(open) - 1);
        }
        open.push(at);
        return;
      }
      if (stage.kind === "routine" && this.isConstant(stage)) {
        this.fillConstants(stage);
        if (this.timed) turns.push(() => {});
        return;
      }
      open = null;
      turns.push(this.hostAction(stage));
    });
    const kernels = this.kernelFunctions(module);
    segments.forEach((segment, i) => {
      this.addSegment(module, kernels, segment, segmentName(i));
    });
    if (segments.length === 0) return { actions: turns as Action[], forget: () => {} };
    this.binary = module.encode();
    const compiled = compileModule(this.binary, this.runtime.target);
    const { exports } = new WebAssembly.Instance(compiled, { env: this.environment(calls) });
    const actions = turns.map((turn) =>
      typeof turn === "number" ? (exports[segmentName(turn)] as Action) : turn,
    );
    return { actions, forget: this.shared?.link(compiled, exports) ?? (() => {}) };
  }

  /** What the module imports. */
  private environment(calls: ReadonlyMap<string, ScalarFunction>): WebAssembly.ModuleImports {
    const libraries = this.schedule.stages.flatMap((stage) => {
      if (stage.kind !== "dot" && stage.kind !== "convolution") return [];
      const dtype = this.dtypeOf(stage);
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
  private hostAction(stage: DotStage | ConvolutionStage | RoutineStage | ControlStage): Action {
    switch (stage.kind) {
      case "dot":
        return () => this.runDot(stage);
      case "convolution":
        return () => this.runConvolution(stage);
      case "routine":
        return () => this.runRoutine(stage);
      case "control":
        return this.prepareControl(stage);
    }
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

  private importCalls(kernel: LoopKernel, module: ModuleBuilder, calls: Map<string, ScalarFunction>): void {
    for (const expression of kernelExpressions(kernel)) {
      if (expression.kind !== "call") continue;
      const key = callKey(expression);
      calls.set(key, expression.call);
      module.import(key, { parameters: expression.operands.map(() => "f64" as const), results: ["f64"] });
    }
  }

  /** One exported function that runs a list of kernels from beginning to end. */
  private addSegment(
    module: ModuleBuilder,
    kernels: KernelFunctions,
    segment: readonly number[],
    name: string,
  ): void {
    const main = new FunctionBuilder({ parameters: [], results: [] });
    for (const stage of segment.flatMap((at) => partsOf(this.schedule.stages[at]!))) {
      const kernel = this.emitStage(stage, module, kernels);
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

  private kernelFunctions(module: ModuleBuilder): KernelFunctions {
    return new KernelFunctions(module, {
      buffers: this.table.address,
      scalars: this.table.scalars,
      target: this.runtime.target,
      callee: (call) =>
        module.import(callKey(call), {
          parameters: call.operands.map(() => "f64" as const),
          results: ["f64"],
        }),
      pushStrip: (f) => this.ownAddress(module, this.runtime.strips(), stripBytes)(f),
      place: (addresses) => {
        const { address } = this.own(4 * addresses.length);
        this.heap.words.set(addresses, address / 4);
        return address;
      },
    });
  }

  /** Whether a routine has no operands and its results stay inside the program. */
  private isConstant({ inputs, outputs }: RoutineStage): boolean {
    return (
      inputs.length === 0 &&
      outputs.every((buffer) => this.schedule.buffers[buffer]!.role.kind === "temporary")
    );
  }

  private dtypeOf(stage: DotStage | ConvolutionStage): DType {
    return this.schedule.buffers[buffersOf(stage).writes[0]!]!.type.dtype;
  }

  /** Whether a product has generated code; integers have none. */
  private isGenerated(stage: DotStage | ConvolutionStage): boolean {
    return hasGeneratedMatmul(this.dtypeOf(stage));
  }

  /** The kernel of a stage that {@link isCompiled}. */
  private emitStage(stage: Stage, module: ModuleBuilder, kernels: KernelFunctions): RangedKernel {
    switch (stage.kind) {
      case "loops":
        return ranged(kernels.loops(stage.kernel));
      case "dot":
        return ranged(kernels.dot(stage, this.dotFrame(stage, module)));
      case "convolution":
        return this.emitConvolution(stage, module);
      default:
        throw new Error(`no kernel is written for a stage of the kind ${stage.kind}`);
    }
  }

  private dotFrame(stage: DotStage, module: ModuleBuilder): DotFrame {
    const dtype = this.dtypeOf(stage);
    return {
      gemm: module.import(dtype, gemmSignature),
      bytes: bytesPerElement(dtype),
      pushWorkspace: this.ownAddress(module, this.runtime.workspace(), largestWorkspace(this.runtime.target)),
    };
  }

  private emitConvolution(stage: ConvolutionStage, module: ModuleBuilder): RangedKernel {
    const dtype = this.dtypeOf(stage) as MatmulDType;
    const plan = planConvolution({
      geometry: stage.step.attributes as Geometry,
      input: stage.input,
      window: stage.window,
      result: this.schedule.buffers[stage.result]!.type.shape,
      dtype,
      target: this.runtime.target,
    });
    const tables = tablesOf(plan);
    const { address } = this.own(tables.byteLength);
    new Int32Array(this.heap.memory.buffer, address, tables.length).set(tables);
    const buffers = { input: stage.input.buffer, window: stage.window.buffer, result: stage.result };
    const functions = Object.fromEntries(
      convolutionFunctions.map((name) => [
        name,
        module.import(convolutionImport(name, dtype), convolutionSignature(name)),
      ]),
    ) as Record<ConvolutionFunction, number>;
    const bytes = Math.ceil(workspaceBytes(plan) / 64) * 64;
    const f = emitConvolution(plan, {
      pushAddress: (builder, operand) => {
        builder.i32(this.table.address + 4 * buffers[operand]).memory("i32.load");
      },
      functions,
      tables: address,
      pushWorkspace: this.ownAddress(module, this.own(bytes * this.runtime.threads), bytes),
    });
    const index = module.add(f);
    return { call: (caller) => caller.call(index), extent: convolutionExtent(plan), granule: 1, least: 1 };
  }

  /** Pushes the address of the part of a block that the thread which runs the module has for itself. */
  private ownAddress(
    module: ModuleBuilder,
    { address }: CpuBlock,
    bytes: number,
  ): (f: FunctionBuilder) => void {
    return (f) =>
      f.getGlobal(module.importGlobal("thread", "i32")).i32(bytes).op("i32.mul").i32(address).op("i32.add");
  }

  private runConvolution({ step, input, window, result }: ConvolutionStage): void {
    const array = (buffer: number) =>
      this.arrayAt(this.schedule.buffers[buffer]!, this.table.addressOf(buffer));
    const operands = [input, window].map((operand) => ({ ...array(operand.buffer), ...operand }));
    convolvePlainly(step, operands, array(result));
  }

  private fillConstants(stage: RoutineStage): void {
    for (const buffer of stage.outputs) {
      const { type } = this.schedule.buffers[buffer]!;
      this.table.fix(buffer, this.own(sizeOf(type.shape) * bytesPerElement(type.dtype)).address);
    }
    this.runRoutine(stage);
  }

  private runRoutine(stage: RoutineStage): void {
    const array = (buffer: number) =>
      this.arrayAt(this.schedule.buffers[buffer]!, this.table.addressOf(buffer));
    const outputs = stage.outputs.map(array);
    // Routines may rely on zeroed outputs, as fresh memory has.
    for (const { data } of outputs) data.fill(0);
    runRoutine(stage, stage.inputs.map(array), outputs);
  }

  private runDot({ left, right, result, batch, m, n, k }: DotStage): void {
    const operand = ({ buffer, ...strides }: Matrix) => ({
      ...strides,
      data: this.arrayAt(this.schedule.buffers[buffer]!, this.table.addressOf(buffer)).data,
    });
    multiplyPlainly(operand(left), operand(right), operand(result), batch, m, n, k);
  }

  private arrayAt({ type }: Buffer, address: number): DenseArray {
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return { ...type, data: viewBytes(type.dtype, this.heap.bytesAt(address, bytes)) };
  }
}

/** The kernels that threads take their turns at: those of an assembly one after the other. */
const partsOf = (stage: Stage): readonly Stage[] =>
  stage.kind === "assembly" ? stage.kernels.map((kernel): Stage => ({ kind: "loops", kernel })) : [stage];

function runRoutine(
  { step }: RoutineStage,
  inputs: readonly DenseArray[],
  outputs: readonly DenseArray[],
): void {
  const { kernel } = step.operation;
  if (kernel.kind !== "routine") throw new Error(`${step.operation.name} is no routine`);
  kernel.run(inputs, step.attributes as never, outputs);
}

const ranged = ({ index, memory, ...range }: KernelCall): RangedKernel => ({
  call: (f) => f.i32(memory).call(index),
  ...range,
});

/** A kernel as a function `(from, to)`. */
function functionOf({ call }: RangedKernel): FunctionBuilder {
  const f = new FunctionBuilder({ parameters: ["i32", "i32"], results: [] });
  for (const parameter of f.parameters) f.get(parameter);
  call(f);
  return f;
}

const segmentName = (segment: number): string => `segment${segment}`;

const callKey = ({
  name,
  operands,
}: {
  readonly name: string;
  readonly operands: readonly unknown[];
}): string => `${name}/${operands.length}`;

import { DTypeError } from "@amari/core";
import {
  allocate,
  type Body,
  buffersOf,
  bytesOfElements,
  bytesPerElement,
  costOf,
  type DenseArray,
  type DType,
  donationsOf,
  elementsOfBytes,
  expandFloat16,
  fuse,
  homeOf,
  kernelsOf,
  type LoopKernel,
  type MemoryPlan,
  type Program,
  phaseExpressions,
  planMemory,
  type Schedule,
  type Stage,
  scalarTypeOf,
  sizeOf,
  type TensorType,
  type TimedExecutable,
  type TypedArray,
  viewBytes,
} from "@amari/core/backend";
import { type IsAligned, type Machine, prepareControl } from "./control.ts";
import { asMatrices } from "./emit/convolution/as-matrices.ts";
import { emitConvolution } from "./emit/convolution/convolution.ts";
import { type ConvolutionStage, partsOf } from "./emit/convolution/convolution-product.ts";
import { smallVariant } from "./emit/convolution/sizes.ts";
import { dotForm, emitDot } from "./emit/dot/dot.ts";
import { type DotStage, matricesOf } from "./emit/dot/dot-stage.ts";
import { emitMatrixProduct, hasQuads } from "./emit/dot/matrix-product.ts";
import type { ProductType } from "./emit/dot/target.ts";
import type { ProductVariant } from "./emit/dot/variants.ts";
import { withIntegerDivision } from "./emit/idioms.ts";
import type { ShaderType } from "./emit/literal.ts";
import { emitLoops, isForDevice } from "./emit/loops.ts";
import { emitRoutine } from "./emit/routines.ts";
import type { DeviceKernel, KernelContext } from "./emit/shader.ts";
import { runKernel } from "./host/run-kernel.ts";
import { settle, together } from "./run/arrival.ts";
import { convolutionClass, matrixProductClass, type ProductClass } from "./run/product-class.ts";
import type { Dispatch } from "./run/recorder.ts";
import { Stopwatch } from "./run/stopwatch.ts";
import { doing, type Task } from "./run/task-queue.ts";
import type { Runtime } from "./runtime.ts";

/** Bytes of an element on the device: a bool takes a whole word, since shaders have no bytes. */
export const elementBytes = (dtype: DType): number => (dtype === "bool" ? 4 : bytesPerElement(dtype));

export const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * elementBytes(dtype);

/** Where the buffers of a running program stand. */
interface Frame {
  readonly addressOf: (buffer: number) => number;
  readonly scalars: readonly number[];
  /** The address of memory that a kernel's shaders share. */
  readonly memory: number;
}

/** What a program does next: kernels that are recorded, or something that the host takes part in. */
type Action = (frame: Frame) => Task;

/** A kernel and what starts it. */
interface Compiled {
  kernel: DeviceKernel;
  /** None yet where how to compute it is still to be chosen. */
  dispatches: readonly Dispatch[];
}

/** A product whose fastest variant is not known yet. */
interface Choice {
  readonly measured: () => Promise<void>;
  /** Takes what is known by then. */
  readonly decide: () => void;
}

type RoutineStage = Extract<Stage, { kind: "routine" }>;
type ControlStage = Extract<Stage, { kind: "control" }>;

/** A program as shaders, recorded into one command buffer wherever the host has no part in it. */
export class WebgpuExecutable implements TimedExecutable {
  readonly program: Program;
  readonly schedule: Schedule;
  readonly plan: MemoryPlan;
  readonly donations: ReadonlyMap<number, number>;
  /** Bytes of memory that a run needs for temporaries. */
  readonly scratchBytes: number;
  /** What the host computes, since no shader can. */
  readonly onHost: string[] = [];
  private readonly runtime: Runtime;
  private readonly homes: readonly number[];
  private readonly actions: readonly Action[];
  /** Which stages the device does by itself. */
  private readonly isOneRecording: boolean[] = [];
  private readonly compiled: Compiled[] = [];
  private choices: Choice[] = [];
  private readonly context: KernelContext;
  private readonly bodies: WebgpuExecutable[] = [];
  private readonly owned: { readonly address: number; readonly reserved: number; readonly bytes: number }[] =
    [];

  /** @param isAligned - what is known of the memory that it will run on; blocks of the heap are aligned */
  constructor(program: Program, runtime: Runtime, isAligned: IsAligned = () => true) {
    this.program = program;
    this.runtime = runtime;
    checkDTypes(program);
    // Before anything is owned: where there is no room for all, the rest is freed.
    runtime.collected.register(this, this.owned);
    this.schedule = fuse(program, { dotsLoadFloat16: true });
    this.plan = planMemory(this.schedule, program.donated, elementBytes);
    this.donations = donationsOf(this.plan, this.schedule);
    this.homes = this.schedule.buffers.map((_, buffer) => homeOf(buffer, this.plan.shares));
    const readers = readersOf(this.schedule);
    this.context = {
      subgroup: runtime.subgroup,
      lanes: runtime.lanes,
      isAligned: (buffer) => {
        const { role } = this.schedule.buffers[this.homes[buffer]!]!;
        return role.kind === "temporary" || isAligned(role.kind, role.index);
      },
      isHalf: (buffer) => this.schedule.buffers[buffer]!.type.dtype === "float16",
      sizeOf: (buffer) => sizeOf(this.schedule.buffers[buffer]!.type.shape),
      float16: runtime.float16,
      hasOneReader: (buffer) =>
        this.schedule.buffers[buffer]!.role.kind === "temporary" && readers.get(buffer) === 1,
    };
    this.actions = this.schedule.stages.map((stage) => {
      const before = this.onHost.length;
      const action = this.prepare(stage);
      this.isOneRecording.push(this.onHost.length === before);
      return action;
    });
    const own = Math.max(0, ...this.compiled.map(({ kernel }) => 4 * kernel.memory));
    this.scratchBytes = this.plan.bytes + own;
  }

  /** Whether the host takes part in a run. */
  get needsHost(): boolean {
    return this.onHost.length > 0;
  }

  /** The shaders as text. */
  get text(): string {
    const shaders = this.compiled.flatMap(({ kernel }) => kernel.shaders);
    const own = shaders.map(
      ({ text, groups }, i) => `// shader ${i}: ${groups.join(" x ")} workgroups\n${text}`,
    );
    const host = this.onHost.map((what) => `// on the host: ${what}\n`);
    return [...own, ...host, ...this.bodies.map(({ text }) => text)].join("\n");
  }

  /** Waits until it is known which shaders are wanted, and until they are compiled. */
  *ready(): Task {
    for (const { measured, decide } of this.openChoices()) {
      // Who cannot wait gets a variant that was not measured: the bits are the same.
      yield { promise: measured(), force: () => {} };
      decide();
    }
    const waiting = this.pipelines().filter(({ compiled }) => compiled === null);
    if (waiting.length === 0) return;
    let failure: unknown;
    const promise = Promise.all(waiting.map(({ ready }) => ready)).catch((error: unknown) => {
      failure = error;
    });
    yield {
      promise,
      force: () => {
        for (const pipeline of waiting) pipeline.force();
      },
    };
    if (failure !== undefined) throw failure;
  }

  /** The choices that are left to make, here and in the bodies. */
  private openChoices(): Choice[] {
    const own = this.choices;
    this.choices = [];
    return [...own, ...this.bodies.flatMap((body) => body.openChoices())];
  }

  private pipelines(): Dispatch["pipeline"][] {
    return [
      ...this.compiled.flatMap(({ dispatches }) => dispatches.map(({ pipeline }) => pipeline)),
      ...this.bodies.flatMap((body) => body.pipelines()),
    ];
  }

  /** Runs the program on memory at the given addresses, recording what the device does. */
  *run(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): Task {
    const frame = this.frameFor(inputs, scalars, outputs, scratch);
    for (const action of this.actions) yield* action(frame);
  }

  /** Runs it likewise, one stage after the other, and hands over the milliseconds of each. */
  *time(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
    then: (milliseconds: readonly number[]) => void,
  ): Task {
    const { device, recorder } = this.runtime;
    const frame = this.frameFor(inputs, scalars, outputs, scratch);
    const stopwatch = Stopwatch.isAvailable(device) ? new Stopwatch(device, this.actions.length) : null;
    const times = this.actions.map(() => 0);
    for (const [stage, action] of this.actions.entries()) {
      if (stopwatch !== null && stage < Stopwatch.most && this.isOneRecording[stage]) {
        yield* action(frame);
        if (!recorder.isEmpty) recorder.submit(stopwatch.writesOf(stage));
        continue;
      }
      // By the host's clock, from an idle device to an idle device.
      yield* settle({ promise: device.queue.onSubmittedWorkDone() }, () => {});
      const begin = performance.now();
      yield* action(frame);
      recorder.submit();
      yield* settle({ promise: device.queue.onSubmittedWorkDone() }, () => {});
      times[stage] = performance.now() - begin;
    }
    if (stopwatch !== null) {
      yield* settle({ promise: stopwatch.read() }, (measured) => {
        for (const [stage, time] of measured) times[stage] = time;
      });
      stopwatch.destroy();
    }
    then(times);
  }

  private frameFor(
    inputs: readonly number[],
    scalars: readonly number[],
    outputs: readonly number[],
    scratch: number,
  ): Frame {
    const { buffers } = this.schedule;
    const { offsets } = this.plan;
    const addresses = this.homes.map((home) => {
      const { role } = buffers[home]!;
      if (role.kind === "input") return inputs[role.index]!;
      return role.kind === "output" ? outputs[role.index]! : scratch + (offsets[home] ?? 0);
    });
    return {
      addressOf: (buffer) => addresses[buffer]!,
      scalars,
      memory: scratch + this.plan.bytes,
    };
  }

  private prepare(stage: Stage): Action {
    switch (stage.kind) {
      case "loops":
        return this.prepareLoops(stage.kernel);
      case "assembly": {
        const actions = stage.kernels.map((kernel) => this.prepareLoops(kernel));
        return function* (frame) {
          for (const action of actions) yield* action(frame);
        };
      }
      case "dot":
        return this.prepareDot(stage);
      case "convolution":
        return this.prepareConvolution(stage);
      case "routine":
        return this.prepareRoutine(stage);
      case "control":
        return this.prepareControl(stage);
    }
  }

  private typeOf(buffer: number): ShaderType {
    return scalarTypeOf(this.schedule.buffers[buffer]!.type.dtype) as ShaderType;
  }

  private prepareDot(stage: DotStage): Action {
    const type = this.typeOf(stage.result.buffer);
    const emit = (variant: ProductVariant) => emitDot(stage, type, variant, this.context);
    const hasChoice = dotForm(stage, type) === "matrices";
    return this.prepareProduct(
      hasChoice ? matrixProductClass(stage, hasQuads(stage, this.context.isAligned)) : null,
      emit,
    );
  }

  private prepareConvolution(stage: ConvolutionStage): Action {
    const { shape } = this.schedule.buffers[stage.result]!.type;
    const parts = partsOf(stage, shape, this.typeOf(stage.result) as ProductType);
    const matrices = asMatrices(parts);
    if (matrices === null) {
      return this.prepareProduct(
        smallVariant(parts, parts.matrices) === null ? convolutionClass(parts) : null,
        (variant) => emitConvolution(parts, variant),
      );
    }
    const { dot, split } = matrices;
    const quads = hasQuads(dot, this.context.isAligned);
    const small = smallVariant(dot, matricesOf(dot));
    if (small !== null) return this.record(emitMatrixProduct(dot, small, false, this.context, split));
    return this.prepareProduct(matrixProductClass(dot, quads), (variant) =>
      emitMatrixProduct(dot, variant, quads, this.context, split),
    );
  }

  /**
   * A product is computed in the way that is the fastest, once that is known.
   *
   * @param alike - the products like it; null where there is only one way
   */
  private prepareProduct(
    alike: ProductClass | null,
    emit: (variant: ProductVariant) => DeviceKernel,
  ): Action {
    const { products } = this.runtime;
    const known = alike === null ? products.standard : products.known(alike);
    if (alike === null || known !== null) return this.record(emit(known ?? products.standard));
    const compiled: Compiled = { kernel: emit(products.standard), dispatches: [] };
    this.choices.push({
      measured: () => products.measure(alike),
      decide: () => {
        compiled.kernel = emit(products.known(alike) ?? products.standard);
        compiled.dispatches = this.dispatchesOf(compiled.kernel);
      },
    });
    return this.recordCompiled(compiled);
  }

  /** An action that records a kernel. */
  private record(kernel: DeviceKernel): Action {
    return this.recordCompiled({ kernel, dispatches: this.dispatchesOf(kernel) });
  }

  private dispatchesOf({ shaders }: DeviceKernel): readonly Dispatch[] {
    return shaders.map(({ text, groups }) => ({ pipeline: this.runtime.pipelines.of(text), groups }));
  }

  private recordCompiled(compiled: Compiled): Action {
    const { recorder } = this.runtime;
    this.compiled.push(compiled);
    return ({ addressOf, scalars, memory }) =>
      doing(() => {
        const { dispatches, kernel } = compiled;
        const { table } = kernel;
        if (dispatches.length === 0) return;
        recorder.add(dispatches, table.words, (words) => table.fill(words, addressOf, scalars, memory));
      });
  }

  private prepareLoops(original: LoopKernel): Action {
    const kernel = expandFloat16(withIntegerDivision(original), "converted");
    if (isForDevice(kernel)) return this.record(emitLoops(kernel, this.context));
    const reads = [...new Set(loadedBy(kernel))];
    const writes = kernel.phases.flatMap(({ stores }) => stores.map(({ buffer }) => buffer));
    this.onHost.push(`the kernel that writes ${writes.map((b) => `b${b}`).join(", ")}`);
    // What a kernel stores in part must be there before.
    return this.hostAction([...new Set([...reads, ...writes])], writes, (data, scalars) => {
      runKernel(kernel, data, scalars, this.runtime.fusesProducts);
    });
  }

  private prepareRoutine(stage: RoutineStage): Action {
    const { step, inputs, outputs } = stage;
    const { kernel } = step.operation;
    const onDevice = emitRoutine(
      stage,
      this.schedule.buffers.map(({ type }) => type),
      this.context,
    );
    if (onDevice !== null) return this.record(onDevice);
    if (kernel.kind !== "routine") throw new Error(`${step.operation.name} is no routine`);
    this.onHost.push(step.operation.name);
    const arrayOf = (buffer: number, data: ReadonlyMap<number, TypedArray>): DenseArray => ({
      ...this.schedule.buffers[buffer]!.type,
      data: data.get(buffer)!,
    });
    return this.hostAction(inputs, outputs, (data) => {
      kernel.run(
        inputs.map((buffer) => arrayOf(buffer, data)),
        step.attributes as never,
        outputs.map((buffer) => arrayOf(buffer, data)),
      );
    });
  }

  /** Reads buffers, lets the host compute, and writes others, which are zeroed arrays unless they were read. */
  private hostAction(
    reads: readonly number[],
    writes: readonly number[],
    compute: (data: Map<number, TypedArray>, scalars: readonly number[]) => void,
  ): Action {
    const { runtime } = this;
    const types = this.schedule.buffers.map(({ type }) => type);
    // A slice may share its first and last words with its neighbours: what is written there comes by way of a copy.
    const staging = new Map(
      writes
        .filter((buffer) => types[buffer]!.dtype === "float16" && !this.context.isAligned(buffer))
        .map((buffer) => [buffer, this.own(bytesOf(types[buffer]!))]),
    );
    return function* ({ addressOf, scalars }) {
      const data = new Map<number, TypedArray>();
      const wanted = reads.filter((buffer) => sizeOf(types[buffer]!.shape) > 0);
      if (wanted.length > 0) {
        runtime.recorder.submit();
        const arrived = wanted.map((buffer) => runtime.read(addressOf(buffer), bytesOf(types[buffer]!)));
        yield* settle(together(arrived), (bytes) => {
          wanted.forEach((buffer, i) => {
            data.set(buffer, fromWords(bytes[i]!, types[buffer]!));
          });
        });
      }
      for (const buffer of [...reads, ...writes])
        if (!data.has(buffer)) data.set(buffer, allocate(types[buffer]!.dtype, sizeOf(types[buffer]!.shape)));
      compute(data, scalars);
      runtime.recorder.submit();
      for (const buffer of new Set(writes)) {
        const bytes = toWords(data.get(buffer)!, types[buffer]!);
        const to = addressOf(buffer);
        const place = staging.get(buffer) ?? to;
        runtime.write(place, bytes);
        if (place !== to) runtime.copy(place, to, bytes.byteLength);
      }
    };
  }

  private prepareControl({ step, inputs, outputs }: ControlStage): Action {
    const { runtime } = this;
    const isWholeAligned = [...inputs, ...outputs].every(this.context.isAligned);
    const machine: Machine = {
      compile: ({ program, scalars }: Body, isAligned) => {
        const body = new WebgpuExecutable(
          program,
          runtime,
          (role, index) => isWholeAligned && isAligned(role, index),
        );
        this.bodies.push(body);
        const scratch = this.own(body.scratchBytes);
        return {
          run: (from, to) => body.run(from, scalars, to, scratch),
          work: body.needsHost ? Number.POSITIVE_INFINITY : workOf(body.schedule),
        };
      },
      alloc: (bytes) => this.own(bytes),
      bytesOf,
      copy: (from, to, bytes) => runtime.copy(from, to, bytes),
      copyWhere: (...copy) => runtime.copyWhere(...copy),
      *holds(address, then) {
        runtime.recorder.submit();
        yield* settle(runtime.read(address, 4), (bytes) => then(bytes[0] !== 0));
      },
    };
    const { run, needsHost } = prepareControl(step, machine);
    if (needsHost) this.onHost.push(`what ${step.operation.name} does next`);
    return ({ addressOf }) => run(inputs.map(addressOf), outputs.map(addressOf));
  }

  /** Memory that is freed when the program is collected. */
  private own(bytes: number): number {
    const block = this.runtime.heap.alloc(Math.max(4, bytes));
    this.owned.push(block);
    return block.address;
  }
}

/** How many kernels and other stages read each buffer. */
function readersOf({ stages }: Schedule): ReadonlyMap<number, number> {
  const readers = new Map<number, number>();
  for (const stage of stages) {
    const kernels = kernelsOf(stage);
    const each = kernels.length > 0 ? kernels.map(loadedBy) : [buffersOf(stage).reads];
    for (const reads of each)
      for (const buffer of new Set(reads)) readers.set(buffer, (readers.get(buffer) ?? 0) + 1);
  }
  return readers;
}

/** About how many bytes and operations a run takes. */
function workOf(schedule: Schedule): number {
  const { bytes, operations } = costOf(schedule);
  return bytes + operations;
}

function loadedBy(kernel: LoopKernel): number[] {
  return kernel.phases.flatMap((phase) =>
    phaseExpressions(phase).flatMap((e) => (e.kind === "load" ? [e.buffer] : [])),
  );
}

/** A bool is a word on the device and a byte on the host. */
const fromWords = (bytes: Uint8Array, { dtype }: TensorType): TypedArray =>
  dtype === "bool" ? Uint8Array.from(viewBytes("uint32", bytes)) : elementsOfBytes(dtype, bytes);

const toWords = (data: TypedArray, { dtype }: TensorType): Uint8Array =>
  dtype === "bool" ? bytesOfElements("uint32", Uint32Array.from(data)) : bytesOfElements(dtype, data);

function checkDTypes(program: Program): void {
  if (program.slots.every(({ dtype }) => dtype !== "float64")) return;
  throw new DTypeError(
    "WebGPU has no float64, which a loop's or a condition's body uses: convert to float32, or move to another backend " +
      "with x.to(backend)",
  );
}

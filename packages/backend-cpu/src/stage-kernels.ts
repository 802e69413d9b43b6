import {
  buffersOf,
  bytesPerElement,
  type DType,
  type Expression,
  type Geometry,
  kernelExpressions,
  kernelsOf,
  type ScalarFunction,
  type Schedule,
  type Stage,
} from "@amari/core/backend";
import { convolutionExtent, emitConvolution, tablesOf, workspaceBytes } from "./convolution/emit.ts";
import {
  type ConvolutionFunction,
  convolutionFunctions,
  convolutionImport,
  convolutionSignature,
} from "./convolution/library.ts";
import { planConvolution } from "./convolution/plan.ts";
import type { DotFrame } from "./emit/dot.ts";
import { type KernelCall, KernelFunctions } from "./emit/kernel-functions.ts";
import { stripBytes } from "./emit/strips.ts";
import type { CpuBlock } from "./heap.ts";
import { gemmSignature, hasGeneratedMatmul, largestWorkspace } from "./matmul/library.ts";
import type { MatmulDType } from "./matmul/vector-type.ts";
import type { CpuRuntime } from "./runtime.ts";
import type { Table } from "./table.ts";
import { FunctionBuilder, type Signature } from "./wasm/function.ts";
import type { ModuleBuilder } from "./wasm/module.ts";

type DotStage = Extract<Stage, { kind: "dot" }>;
type ConvolutionStage = Extract<Stage, { kind: "convolution" }>;

/** A kernel that runs on any part of a range that begins at 0. */
export interface RangedKernel {
  /** Calls it with the ends of a part that are on the stack. */
  readonly call: (f: FunctionBuilder) => void;
  readonly extent: number;
  /** What parts of the range had better be multiples of. */
  readonly granule: number;
  /** What parts had better not be shorter than. */
  readonly least: number;
}

/** The program that kernels are written for. */
export interface KernelOwner {
  readonly schedule: Schedule;
  readonly runtime: CpuRuntime;
  readonly table: Table;
  /** Memory that is freed with the program. */
  own(bytes: number): CpuBlock;
}

/** The dtype of a contraction's result. */
export const dtypeOf = (stage: DotStage | ConvolutionStage, { buffers }: Schedule): DType =>
  buffers[buffersOf(stage).writes[0]!]!.type.dtype;

/** Whether a stage becomes a function of the module: products of integers have no generated code. */
export function isCompiled(stage: Stage, schedule: Schedule): boolean {
  switch (stage.kind) {
    case "loops":
    case "assembly":
      return true;
    case "dot":
    case "convolution":
      return hasGeneratedMatmul(dtypeOf(stage, schedule));
    case "routine":
    case "control":
      return false;
  }
}

/** The kernels that threads take their turns at: those of an assembly one after the other. */
export const partsOf = (stage: Stage): readonly Stage[] =>
  stage.kind === "assembly" ? stage.kernels.map((kernel): Stage => ({ kind: "loops", kernel })) : [stage];

/**
 * Writes the kernels of a program's stages into its module. What they import is declared as this is made, since imports
 * shift the numbers of functions.
 */
export class StageKernels {
  /** The functions of the host that kernels call, by the names of their imports. */
  readonly calls: ReadonlyMap<string, ScalarFunction>;
  private readonly module: ModuleBuilder;
  private readonly owner: KernelOwner;
  private readonly functions: KernelFunctions;

  constructor(module: ModuleBuilder, owner: KernelOwner) {
    this.module = module;
    this.owner = owner;
    this.calls = this.declareImports();
    const { table, runtime } = owner;
    this.functions = new KernelFunctions(module, {
      buffers: table.address,
      scalars: table.scalars,
      target: runtime.target,
      callee: (call) => module.import(callKey(call), callSignature(call)),
      pushStrip: (f) => this.ownAddress(runtime.strips(), stripBytes)(f),
      place: (addresses) => {
        const { address } = owner.own(4 * addresses.length);
        runtime.heap.words.set(addresses, address / 4);
        return address;
      },
    });
  }

  /** The kernel of a part of a stage that {@link isCompiled}. */
  write(part: Stage): RangedKernel {
    switch (part.kind) {
      case "loops":
        return ranged(this.functions.loops(part.kernel));
      case "dot":
        return ranged(this.functions.dot(part, this.dotFrame(part)));
      case "convolution":
        return this.writeConvolution(part);
      default:
        throw new Error(`no kernel is written for a stage of the kind ${part.kind}`);
    }
  }

  private declareImports(): ReadonlyMap<string, ScalarFunction> {
    const { module } = this;
    const { schedule } = this.owner;
    const calls = new Map<string, ScalarFunction>();
    for (const stage of schedule.stages) {
      for (const kernel of kernelsOf(stage)) {
        for (const expression of kernelExpressions(kernel)) {
          if (expression.kind !== "call") continue;
          calls.set(callKey(expression), expression.call);
          module.import(callKey(expression), callSignature(expression));
        }
      }
      if (!isCompiled(stage, schedule)) continue;
      if (stage.kind === "dot") module.import(dtypeOf(stage, schedule), gemmSignature);
      else if (stage.kind === "convolution") this.convolutionImports(stage);
    }
    return calls;
  }

  private convolutionImports(stage: ConvolutionStage): Record<ConvolutionFunction, number> {
    const dtype = dtypeOf(stage, this.owner.schedule) as MatmulDType;
    return Object.fromEntries(
      convolutionFunctions.map((name) => [
        name,
        this.module.import(convolutionImport(name, dtype), convolutionSignature(name)),
      ]),
    ) as Record<ConvolutionFunction, number>;
  }

  private dotFrame(stage: DotStage): DotFrame {
    const { schedule, runtime } = this.owner;
    const dtype = dtypeOf(stage, schedule);
    return {
      gemm: this.module.import(dtype, gemmSignature),
      bytes: bytesPerElement(dtype),
      pushWorkspace: this.ownAddress(runtime.workspace(), largestWorkspace(runtime.target)),
    };
  }

  private writeConvolution(stage: ConvolutionStage): RangedKernel {
    const { schedule, runtime, table, own } = this.owner;
    const plan = planConvolution({
      geometry: stage.step.attributes as Geometry,
      input: stage.input,
      window: stage.window,
      result: schedule.buffers[stage.result]!.type.shape,
      dtype: dtypeOf(stage, schedule) as MatmulDType,
      target: runtime.target,
    });
    const tables = tablesOf(plan);
    const { address } = own(tables.byteLength);
    new Int32Array(runtime.heap.memory.buffer, address, tables.length).set(tables);
    const buffers = { input: stage.input.buffer, window: stage.window.buffer, result: stage.result };
    const bytes = Math.ceil(workspaceBytes(plan) / 64) * 64;
    const f = emitConvolution(plan, {
      pushAddress: (builder, operand) => {
        builder.i32(table.address + 4 * buffers[operand]).memory("i32.load");
      },
      functions: this.convolutionImports(stage),
      tables: address,
      pushWorkspace: this.ownAddress(own(bytes * runtime.threads), bytes),
    });
    const index = this.module.add(f);
    return { call: (caller) => caller.call(index), extent: convolutionExtent(plan), granule: 1, least: 1 };
  }

  /** Pushes the address of the part of a block that the thread which runs the module has for itself. */
  private ownAddress({ address }: CpuBlock, bytes: number): (f: FunctionBuilder) => void {
    return (f) =>
      f
        .getGlobal(this.module.importGlobal("thread", "i32"))
        .i32(bytes)
        .op("i32.mul")
        .i32(address)
        .op("i32.add");
  }
}

const ranged = ({ index, memory, ...range }: KernelCall): RangedKernel => ({
  call: (f) => f.i32(memory).call(index),
  ...range,
});

/** A kernel as a function `(from, to)`. */
export function functionOf({ call }: RangedKernel): FunctionBuilder {
  const f = new FunctionBuilder({ parameters: ["i32", "i32"], results: [] });
  for (const parameter of f.parameters) f.get(parameter);
  call(f);
  return f;
}

/** A call of the host's function for an operation. */
type HostCall = Pick<Extract<Expression, { kind: "call" }>, "name" | "operands">;

const callKey = ({ name, operands }: HostCall): string => `${name}/${operands.length}`;

const callSignature = ({ operands }: HostCall): Signature => ({
  parameters: operands.map(() => "f64"),
  results: ["f64"],
});

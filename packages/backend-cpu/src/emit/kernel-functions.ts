import { collapseLoops, expandFloat16, type LoopKernel, type Stage } from "@amari/core/backend";
import type { FunctionBuilder } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { type DotFrame, emitDot, rangeOf } from "./dot.ts";
import { formOf } from "./kernel-form.ts";
import type { Frame } from "./kernel-writer.ts";
import { emitLoops } from "./loops.ts";

/** What kernels need to know of the program that they are part of. */
export interface KernelFrame extends Pick<Frame, "callee" | "target" | "pushStrip"> {
  /** The address of the table that holds the address of every buffer, four bytes each. */
  readonly buffers: number;
  /** The address of the numbers that the caller handed over, as float64. */
  readonly scalars: number;
  /** Puts addresses into memory that lives as long as the program; returns where. */
  readonly place: (addresses: readonly number[]) => number;
}

/** A kernel as a function of the module and the memory that the function works on. */
export interface KernelCall {
  /** The number of a function `(from, to, memory)`. */
  readonly index: number;
  readonly memory: number;
  /** The end of the whole range. */
  readonly extent: number;
  /** What parts of the range had better be multiples of. */
  readonly granule: number;
  /** What parts had better not be shorter than. */
  readonly least: number;
}

/** Parts of loops are multiples of this: a cache line of the smallest elements. */
const loopGranule = 64;

type DotStage = Extract<Stage, { kind: "dot" }>;

/**
 * The functions of a module's loops and matrix products. Those that do the same on other memory share one: a network has
 * many equal layers, and an optimizer treats all parameters alike.
 */
export class KernelFunctions {
  private readonly module: ModuleBuilder;
  private readonly frame: KernelFrame;
  private readonly known = new Map<string, number>();

  constructor(module: ModuleBuilder, frame: KernelFrame) {
    this.module = module;
    this.frame = frame;
  }

  /** Adds a loop kernel, after collapsing its loops. */
  loops(original: LoopKernel): KernelCall {
    const kernel = expandFloat16(collapseLoops(original));
    const form = formOf(kernel);
    const index = this.shared(form.key, () => emitLoops(kernel, form, this.frame));
    const memory = this.memoryOf(form.buffers, form.scalars);
    return { index, memory, extent: kernel.loops[0] ?? 1, granule: loopGranule, least: 1 };
  }

  /** Adds a matrix product. */
  dot(stage: DotStage, frame: DotFrame): KernelCall {
    const { left, right, result, ...sizes } = stage;
    const views = [left, right, result].map((operand) => ({ ...operand, buffer: null }));
    const key = `dot ${frame.gemm} ${JSON.stringify([sizes, views])}`;
    const index = this.shared(key, () => emitDot(stage, frame));
    const { extent, granule, least } = rangeOf(stage);
    return {
      index,
      memory: this.memoryOf([left.buffer, right.buffer, result.buffer]),
      extent,
      granule,
      least,
    };
  }

  /** The function of a form, which the first kernel of it writes. */
  private shared(form: string, write: () => FunctionBuilder): number {
    let index = this.known.get(form);
    if (index === undefined) {
      index = this.module.add(write());
      this.known.set(form, index);
    }
    return index;
  }

  /** Where a function finds the places of the addresses and numbers that a kernel works on. */
  private memoryOf(buffers: readonly number[], scalars: readonly number[] = []): number {
    const { frame } = this;
    return frame.place([
      ...buffers.map((buffer) => frame.buffers + 4 * buffer),
      ...scalars.map((scalar) => frame.scalars + 8 * scalar),
    ]);
  }
}

import { collapseLoops, type LoopKernel } from "@amari/core/backend";
import { FunctionBuilder } from "../wasm/function.ts";
import { lanesAcross, writeColumns } from "./columns.ts";
import { type Frame, KernelWriter } from "./kernel-writer.ts";
import { writeRows } from "./rows.ts";
import { isWorthStrips, writeStrips } from "./strips.ts";

/** A kernel as a function `(from, to)` over its outermost loop, so that a range of it can be run by itself. */
export interface EmittedLoops {
  readonly f: FunctionBuilder;
  /** The end of the whole range. */
  readonly extent: number;
}

/** Writes a loop kernel, after collapsing its loops, in the way that suits how it runs through memory. */
export function emitLoops(original: LoopKernel, frame: Frame): EmittedLoops {
  const kernel = collapseLoops(original);
  const { loops, phases } = kernel;
  const f = new FunctionBuilder({ parameters: ["i32", "i32"], results: [] });
  const extent = loops[0] ?? 1;
  if (loops.includes(0)) return { f, extent };
  const writer = new KernelWriter(f, kernel, frame);
  // A fold over axes of size 1 has no loops left, but its result still is not known before its phase.
  const isFlat = phases.every((phase) => phase.loops.length === 0 && phase.accumulators.length === 0);
  const lanes = lanesAcross(kernel);
  if (lanes > 1 && isWorthStrips(kernel)) writeStrips(writer, lanes);
  else if (loops.length > 0 && (isFlat || lanes > 1)) writeColumns(writer, lanes, isFlat);
  else writeRows(writer);
  return { f, extent };
}

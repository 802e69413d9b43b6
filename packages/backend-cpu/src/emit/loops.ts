import type { LoopKernel } from "@amari/core/backend";
import { FunctionBuilder } from "../wasm/function.ts";
import type { ValueType } from "../wasm/opcodes.ts";
import { lanesAcross, writeColumns } from "./columns.ts";
import type { KernelForm } from "./kernel-form.ts";
import { type Frame, KernelWriter } from "./kernel-writer.ts";
import { longLoopLast } from "./loop-order.ts";
import { lanesAlongRows, writeRows } from "./rows.ts";
import { isWorthStrips, writeStrips } from "./strips.ts";

/** The ends of the range, and where addresses stand. */
export const kernelParameters: readonly ValueType[] = ["i32", "i32", "i32"];

/**
 * Writes a loop kernel, in the way that suits how it runs through memory, as a function `(from, to, memory)`. The range is
 * one of its outermost loop, so that a part of it can be run by itself. At `memory` it finds where the addresses of its
 * buffers stand and then where its numbers stand, in the order of its form.
 */
export function emitLoops(
  given: LoopKernel,
  { buffers, scalars }: KernelForm,
  frame: Pick<Frame, "callee" | "target" | "pushStrip">,
): FunctionBuilder {
  const kernel = lanesAlongRows(given) > 1 ? given : longLoopLast(given);
  const { loops, phases } = kernel;
  const f = new FunctionBuilder({ parameters: kernelParameters, results: [] });
  if (loops.includes(0)) return f;
  const memory = f.parameters[2]!;
  const places = new Map(buffers.map((buffer, i) => [buffer, 4 * i]));
  const numbers = new Map(scalars.map((scalar, i) => [scalar, 4 * (buffers.length + i)]));
  const writer = new KernelWriter(f, kernel, {
    callee: frame.callee,
    target: frame.target,
    pushStrip: frame.pushStrip,
    pushAddress: (buffer) => f.get(memory).memory("i32.load", places.get(buffer)!).memory("i32.load"),
    pushNumber: (scalar) => f.get(memory).memory("i32.load", numbers.get(scalar)!).memory("f64.load"),
  });
  // A fold over axes of size 1 has no loops left, but its result still is not known before its phase.
  const isFlat = phases.every((phase) => phase.loops.length === 0 && phase.accumulators.length === 0);
  const lanes = lanesAcross(kernel);
  if (lanes > 1 && isWorthStrips(kernel)) writeStrips(writer, lanes);
  else if (loops.length > 0 && (isFlat || lanes > 1)) writeColumns(writer, lanes, isFlat);
  else writeRows(writer);
  return f;
}

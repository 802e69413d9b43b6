import { collapseLoops, kernelExpressions, type LoopKernel } from "@amari/core/backend";
import { widthOf } from "./float-reader.ts";
import { hasShaderFunction } from "./functions.ts";
import { isShaderType, type ShaderType } from "./literal.ts";
import { type PartialResults, PassWriter } from "./pass-writer.ts";
import { combiningPhase, type Pass, passesOf, product } from "./passes.ts";
import { QuadWriter } from "./quad-writer.ts";
import { hasWholeQuads } from "./quads.ts";
import type { DeviceKernel, KernelContext, Shader } from "./shader.ts";
import { shareExpressions } from "./share.ts";
import { ownBuffer, TableLayout } from "./table.ts";

/** Whether shaders can compute a kernel: they have no 64-bit types, and call no functions of the host. */
export const isForDevice = (kernel: LoopKernel): boolean =>
  kernelExpressions(kernel).every(
    (e) => isShaderType(e.type) && (e.kind !== "call" || hasShaderFunction(e.name, e.type)),
  );

/** Writes a loop kernel. */
export function emitLoops(original: LoopKernel, context: KernelContext): DeviceKernel {
  const kernel = shareExpressions(collapseLoops(original));
  const table = new TableLayout(widthOf(context));
  if (kernel.loops.includes(0)) return { shaders: [], table, memory: 0 };
  // Shaders of one kernel share its table, so that the buffers are numbered first.
  for (const e of kernelExpressions(kernel)) {
    if (e.kind === "load") table.buffer(e.buffer);
    else if (e.kind === "scalar") table.scalar(e.index, e.type as ShaderType);
  }
  for (const { stores } of kernel.phases) for (const { buffer } of stores) table.buffer(buffer);
  const passes = passesOf(kernel);
  const isCut = passes.some(({ accumulators, chunks }) => accumulators.length > 0 && chunks > 1);
  if (!isCut) {
    const shader = hasWholeQuads(kernel, context.isAligned)
      ? new QuadWriter(kernel, table, context).write()
      : new PassWriter(kernel, table, context).write(passes);
    return { shaders: [shader], table, memory: 0 };
  }
  return { ...emitCut(kernel, passes, table, context), table };
}

/** The shaders of a kernel whose folds are cut: one for each pass, and those between that combine the pieces of a fold. */
function emitCut(
  kernel: LoopKernel,
  passes: readonly Pass[],
  table: TableLayout,
  context: KernelContext,
): Omit<DeviceKernel, "table"> {
  const memory = new Map<number, PartialResults>();
  const points = product(kernel.loops);
  const shaders: Shader[] = [];
  let words = 0;
  const write = (of: LoopKernel, parts: readonly Pass[], chunks: number, keeps: boolean): void => {
    const writer = new PassWriter(of, table, context, memory);
    shaders.push(writer.write(parts, { chunks, memory: keeps ? words : null }));
  };
  /** Notes where the results of a pass are, of which there are so many for each point. */
  const note = ({ accumulators }: Pass, chunks: number): void => {
    for (const accumulator of accumulators) {
      memory.set(accumulator.index, { accumulator, at: words, chunks });
      words += points * chunks;
    }
  };
  for (const [i, pass] of passes.entries()) {
    const isFold = pass.accumulators.length > 0;
    write(kernel, [pass], pass.chunks, isFold);
    note(pass, pass.chunks);
    if (!isFold || pass.strands === 1 || pass.chunks === 1) continue;
    const phase = combiningPhase(pass, ({ index, type }) => ({
      kind: "load",
      type,
      buffer: ownBuffer,
      access: { offset: memory.get(index)!.at, strides: [...placesOf(kernel.loops), points] },
    }));
    const rest = passes.slice(i + 1);
    const isLast = rest.every((other) => other.phase.loops.length === 0);
    const combining = {
      loops: kernel.loops,
      phases: [phase, ...(isLast ? rest.map((other) => other.phase) : [])],
    };
    for (const { index } of pass.accumulators) memory.delete(index);
    write(combining, passesOf(combining), 1, !isLast);
    if (isLast) break;
    note(pass, 1);
  }
  return { shaders, memory: words };
}

/** The strides of the flat number of a point. */
const placesOf = (loops: readonly number[]): number[] => loops.map((_, i) => product(loops.slice(i + 1)));

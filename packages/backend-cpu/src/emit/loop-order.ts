import { type Affine, type LoopKernel, mapAccesses } from "@amari/core/backend";

/** Vectors need as many points of the innermost parallel loop; shorter ones are computed one by one. */
const long = 4;

/**
 * The same kernel with a long parallel loop innermost, where it ends in short ones, as the windows of a pooling do: vectors
 * run along it, at whatever stride. The outermost loop, of which threads compute parts, keeps its place.
 */
export function longLoopLast(kernel: LoopKernel): LoopKernel {
  const { loops, phases } = kernel;
  const at = loops.findLastIndex((extent) => extent >= long);
  if (at < 1 || at === loops.length - 1) return kernel;
  const order = [...loops.keys()].filter((loop) => loop !== at);
  order.push(at);
  const reordered = ({ offset, strides }: Affine): Affine => ({
    offset,
    strides: [...order.map((loop) => strides[loop] ?? 0), ...strides.slice(loops.length)],
  });
  return {
    loops: order.map((loop) => loops[loop]!),
    phases: phases.map((phase) => mapAccesses(phase, reordered)),
  };
}

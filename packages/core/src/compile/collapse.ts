import { type Affine, type LoopKernel, type Phase, phaseExpressions } from "./kernel.ts";
import { mapAccesses } from "./map-accesses.ts";

/** Neighbouring loops that become one. */
interface Group {
  /** The innermost of them, whose strides are those of the whole. */
  last: number;
  extent: number;
}

/**
 * The same kernel with fewer, longer loops: neighbouring loops become one where every access runs through both
 * without a jump, and loops of extent 1 go. Elementwise work on dense arrays becomes one loop.
 */
export function collapseLoops(kernel: LoopKernel): LoopKernel {
  const { loops, phases } = kernel;
  const parallel = collapse(loops, 0, phases.flatMap(accessesOf));
  return {
    loops: parallel.map(({ extent }) => extent),
    phases: phases.map((phase) => collapsePhase(phase, loops.length, parallel)),
  };
}

function collapsePhase(phase: Phase, outer: number, parallel: readonly Group[]): Phase {
  const runs = new Set(phase.accumulators.flatMap(({ partials, run }) => (partials > 1 ? [run] : [])));
  const borders = [...runs].map((run) => outer + phase.loops.length - run);
  const own = collapse(phase.loops, outer, accessesOf(phase), borders);
  const map = ({ offset, strides }: Affine): Affine => ({
    offset,
    strides: [...parallel, ...own].map(({ last }) => strides[last] ?? 0),
  });
  return { ...mapAccesses(phase, map), loops: own.map(({ extent }) => extent) };
}

/** Groups of loops, numbered from `first`, that are as good as one; none reaches across a border. */
function collapse(
  extents: readonly number[],
  first: number,
  accesses: readonly Affine[],
  borders: readonly number[] = [],
): Group[] {
  const groups: Group[] = [];
  extents.forEach((extent, i) => {
    const loop = first + i;
    if (extent === 1) return;
    const previous = groups.at(-1);
    const joins =
      previous !== undefined &&
      !borders.includes(loop) &&
      accesses.every(({ strides }) => (strides[previous.last] ?? 0) === (strides[loop] ?? 0) * extent);
    if (joins) {
      previous.last = loop;
      previous.extent *= extent;
    } else groups.push({ last: loop, extent });
  });
  return groups;
}

function accessesOf(phase: Phase): Affine[] {
  const read = phaseExpressions(phase).flatMap((e) =>
    e.kind === "load" || e.kind === "index" ? [e.access] : [],
  );
  return [...read, ...phase.stores.map(({ access }) => access)];
}

import { sameShape } from "../shape.ts";
import { Draft, type DraftPhase } from "./draft.ts";
import { type Expression, type LoopKernel, type Phase, phaseExpressions } from "./kernel.ts";
import { alignLoops, extendAccess, reachOf, sameAccess } from "./loop-shapes.ts";
import { buffersOf, type Schedule, type Stage } from "./schedule.ts";

/** Rows of at most so many elements are swept several times by one kernel: they stay in the nearest cache. */
const longestRow = 65_536;

/** Work of at most so many points in all is merged whatever its form. */
const smallWork = 16_384;

/** Kernels that have nothing to do with each other share one only if there are at most this many points. */
const smallSibling = 4_096;

/** How many earlier kernels without a common buffer are tried. */
const mostSiblings = 4;

/** Limits that keep the values of a kernel in registers and its compilation short. */
const mostStores = 12;
const mostExpressions = 1_500;

type Load = Extract<Expression, { kind: "load" }>;

/** A phase that is to become part of another kernel, and what it reads. */
interface Part {
  readonly phase: Phase;
  readonly loads: readonly Load[];
  readonly readsAccumulators: boolean;
}

function partOf(phase: Phase): Part {
  const expressions = phaseExpressions(phase);
  const loads = expressions.filter((e): e is Load => e.kind === "load");
  return { phase, loads, readsAccumulators: expressions.some(({ kind }) => kind === "accumulated") };
}

const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/**
 * Joins kernels: what reads a value at the place where another kernel has just computed it becomes part of that kernel.
 * Where a row is needed as a whole first, such as the maximum, the sum and the quotients of a softmax, the parts become
 * phases of one kernel that sweep the row one after the other.
 */
export function mergeKernels(schedule: Schedule): Schedule {
  return new Merger(schedule).run();
}

class Merger {
  private readonly schedule: Schedule;
  /** Null where a kernel was moved to a later place. */
  private readonly stages: (Stage | Draft | null)[] = [];
  private readonly reads: ReadonlySet<number>[] = [];
  /** The stage that writes a buffer. */
  private readonly writtenAt = new Map<number, number>();

  constructor(schedule: Schedule) {
    this.schedule = schedule;
  }

  run(): Schedule {
    const { buffers, stages } = this.schedule;
    for (const stage of stages) {
      if (stage.kind === "loops") this.addKernel(stage.kernel);
      else this.push(stage, buffersOf(stage));
    }
    const needed = new Set<number>(this.stages.flatMap((stage, at) => (stage ? [...this.reads[at]!] : [])));
    buffers.forEach(({ role }, buffer) => {
      if (role.kind === "output") needed.add(buffer);
    });
    return {
      buffers,
      stages: this.stages.flatMap((stage): Stage[] => {
        if (stage === null) return [];
        if (!(stage instanceof Draft)) return [stage];
        const kernel = stage.finish((buffer) => needed.has(buffer));
        return kernel.phases.length === 0 ? [] : [{ kind: "loops", kernel }];
      }),
    };
  }

  private push(
    stage: Stage | Draft,
    { reads, writes }: { readonly reads: Iterable<number>; readonly writes: Iterable<number> },
  ): void {
    for (const buffer of writes) this.writtenAt.set(buffer, this.stages.length);
    this.stages.push(stage);
    this.reads.push(reads instanceof Set ? reads : new Set(reads));
  }

  private addKernel(kernel: LoopKernel): void {
    const parts = kernel.phases.map(partOf);
    const loads = parts.flatMap((part) => part.loads);
    for (const at of this.candidates(loads)) {
      const draft = this.stages[at];
      if (!(draft instanceof Draft)) continue;
      const waitsFor = Math.max(
        -1,
        ...loads.map(({ buffer }) => (draft.stored.has(buffer) ? -1 : (this.writtenAt.get(buffer) ?? -1))),
      );
      const isReady = waitsFor < at;
      if (!isReady && this.isReadAfter(at, draft)) continue;
      const merged = merge(draft, kernel, parts);
      if (merged === null) continue;
      if (isReady) {
        this.stages[at] = merged;
        this.reads[at] = merged.reads;
        for (const buffer of merged.stored.keys()) this.writtenAt.set(buffer, at);
      } else {
        this.stages[at] = null;
        this.push(merged, { reads: merged.reads, writes: merged.stored.keys() });
      }
      return;
    }
    const draft = Draft.of(kernel);
    this.push(draft, { reads: draft.reads, writes: draft.stored.keys() });
  }

  /** The kernels that wrote what is loaded, the latest first, then the latest of the others. */
  private candidates(loads: readonly Load[]): Set<number> {
    const writers = loads.flatMap(({ buffer }) => this.writtenAt.get(buffer) ?? []);
    const found = new Set<number>(writers.sort((a, b) => b - a));
    let others = 0;
    for (let at = this.stages.length - 1; at >= 0 && others < mostSiblings; at--) {
      if (!(this.stages[at] instanceof Draft) || found.has(at)) continue;
      found.add(at);
      others++;
    }
    return found;
  }

  private isReadAfter(at: number, draft: Draft): boolean {
    for (let later = at + 1; later < this.stages.length; later++) {
      if (this.stages[later] === null) continue;
      for (const buffer of draft.stored.keys()) if (this.reads[later]!.has(buffer)) return true;
    }
    return false;
  }
}

/** The kernel that does the work of both, or null where there is none worth having. The draft may be written to. */
function merge(first: Draft, kernel: LoopKernel, parts: readonly Part[]): Draft | null {
  const aligned = alignLoops(first.loops, kernel.loops);
  if (aligned === null || [...first.loops, ...kernel.loops].includes(0)) return null;
  const [left, right] = aligned;
  const parallel = Math.min(left.length, right.length);
  if (left.length > parallel && !isFlat(first)) return null;
  if (right.length > parallel && !isFlat(kernel)) return null;
  const points = product(left.length > parallel ? left : right);
  const isDemoted = left.length !== right.length;
  if (isDemoted && !isWorthRows(parallel, left, right, points)) return null;
  if (first.builder.size > mostExpressions || first.stored.size >= mostStores) return null;

  const second = restate(kernel, parts, right, parallel);
  const draft =
    left.length === parallel && sameShape(left, first.loops)
      ? first
      : Draft.of({ loops: first.loops, phases: first.phases }, left, parallel);
  if (!fitTogether(draft, second)) return null;
  const places = placePhases(draft, second, left.slice(0, parallel));
  if (places === null) return null;
  const isConnected = second.some(({ loads }) => loads.some(({ buffer }) => draft.stored.has(buffer)));
  if (!isConnected && (isDemoted || !areSiblings(draft, second, points))) return null;

  let numbers: readonly number[] = [];
  second.forEach(({ phase }, i) => {
    const at = places[i]!;
    if (at === draft.phases.length) draft.phases.push({ loops: phase.loops, accumulators: [], stores: [] });
    const own = numbers;
    numbers = draft.write(at, phase, {
      access: (access) => access,
      accumulated: (index) => own[index]!,
      load: (load) => storedValue(draft, load, at, parallel + phase.loops.length),
    });
  });
  return draft;
}

/** A kernel's phases under finer parallel loops, of which only so many stay parallel. */
function restate(
  kernel: LoopKernel,
  parts: readonly Part[],
  finer: readonly number[],
  parallel: number,
): readonly Part[] {
  if (finer.length === kernel.loops.length && parallel === finer.length) return parts;
  return Draft.of(kernel, finer, parallel).phases.map(partOf);
}

/** Whether a kernel is elementwise: one phase without loops, so that its points may be visited in any order. */
const isFlat = ({ phases }: { readonly phases: readonly Phase[] }): boolean =>
  phases.length === 1 && phases[0]!.loops.length === 0 && phases[0]!.accumulators.length === 0;

/** Whether sweeping row by row is as good as sweeping once over everything. */
function isWorthRows(
  parallel: number,
  left: readonly number[],
  right: readonly number[],
  points: number,
): boolean {
  if (points <= smallWork) return true;
  const longer = left.length > right.length ? left : right;
  return (
    parallel > 0 && product(longer.slice(parallel)) <= longestRow && product(longer.slice(0, parallel)) >= 8
  );
}

/** Rows are swept along their elements, columns side by side: a kernel does one or the other. */
function fitTogether(draft: Draft, parts: readonly Part[]): boolean {
  const styles = new Set<boolean>();
  for (const { loops, accumulators } of [...draft.phases, ...parts.map(({ phase }) => phase)]) {
    for (const { partials } of accumulators) if (partials > 1 || product(loops) > 8) styles.add(partials > 1);
  }
  return styles.size < 2;
}

/** Whether kernels that do not read each other are better off as one: they read the same memory, or are small. */
function areSiblings(draft: Draft, parts: readonly Part[], points: number): boolean {
  const [mine, theirs] = [draft.phases, parts.map(({ phase }) => phase)].map(
    (list) => list.find(({ loops }) => loops.length > 0)?.loops,
  );
  if (!sameShape(mine ?? [], theirs ?? [])) return false;
  if (points * product(mine ?? []) <= smallSibling) return true;
  return parts.some(({ loads }) => loads.some(({ buffer }) => draft.reads.has(buffer)));
}

/**
 * The phase that each phase of a second kernel becomes part of, or the number of phases for a new one; null where it
 * reads what other points of the first kernel store.
 */
function placePhases(
  draft: Draft,
  parts: readonly Part[],
  loops: readonly number[],
): readonly number[] | null {
  const places: number[] = [];
  let count = draft.phases.length;
  for (const { phase, loads, readsAccumulators } of parts) {
    let earliest = places.length === 0 ? 0 : places.at(-1)! + Number(readsAccumulators);
    for (const load of loads) {
      const source = draft.stored.get(load.buffer);
      if (source === undefined) continue;
      const writer = draft.phases[source.phase]!;
      if (!staysInRow(load, source.store.access.strides, writer.loops, loops, phase.loops)) return null;
      const isSame = sameShape(writer.loops, phase.loops) && sameAccess(load.access, source.store.access);
      earliest = Math.max(earliest, source.phase + Number(!isSame));
    }
    const joins = (other: DraftPhase): boolean =>
      sameShape(other.loops, phase.loops) && keepsRounds([other, phase], loops.length);
    let at = earliest;
    while (at < draft.phases.length && !joins(draft.phases[at]!)) at++;
    places.push(at >= draft.phases.length ? count++ : at);
  }
  return places;
}

/**
 * Whether phases can share their loops without a change to the order of a fold: where its run is one of several loops,
 * all accesses must go through these as through one, or rounds would end with each of them.
 */
function keepsRounds(phases: readonly (Phase | DraftPhase)[], parallel: number): boolean {
  const extents = phases[0]!.loops;
  const longer = extents.flatMap((extent, i) => (extent === 1 ? [] : [i]));
  const accesses = () =>
    phases.flatMap((phase) => [...partOf(phase).loads, ...phase.stores].map(({ access }) => access));
  return phases
    .flatMap(({ accumulators }) => accumulators)
    .every(({ partials, run }) => {
      const loops = longer.slice(longer.length - run);
      if (partials === 1 || run < 2 || extents[loops.at(-1)!]! % partials === 0) return true;
      return accesses().every(({ strides }) => {
        const stride = (loop: number): number => strides[parallel + loop] ?? 0;
        return loops.every((loop, i) => i === 0 || stride(loops[i - 1]!) === stride(loop) * extents[loop]!);
      });
    });
}

/** Whether a load reads only what the same point of the parallel loops has stored. */
function staysInRow(
  load: Load,
  stored: readonly number[],
  storedLoops: readonly number[],
  loops: readonly number[],
  phaseLoops: readonly number[],
): boolean {
  const { offset, strides } = load.access;
  if (load.shift !== undefined) return false;
  if (!loops.every((_, loop) => strides[loop] === stored[loop])) return false;
  const [first, last] = reachOf({ offset, strides: strides.slice(loops.length) }, phaseLoops);
  return first >= 0 && last < product(storedLoops);
}

/** What a load reads, where the draft has it at hand: the same place of the same phase, or one value for the row. */
function storedValue(draft: Draft, load: Load, at: number, loops: number): Expression | null {
  const source = draft.stored.get(load.buffer);
  if (source === undefined) return null;
  const { phase, store } = source;
  if (phase === at) return store.value;
  if (draft.phases[phase]!.loops.length > 0) return null;
  return draft.restate(store.value, (access) => extendAccess(access, loops));
}

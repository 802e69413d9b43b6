import type { Accumulator, LoopKernel, Phase, Store } from "@amari/core/backend";

/**
 * A part of a phase that is swept in one way. The order in which a fold takes its elements depends only on how many there
 * are, on how many results there are and on whether they stand side by side in the operand's shape: so its bits are the
 * same however it was fused.
 */
export interface Pass {
  readonly phase: Phase;
  readonly accumulators: readonly Accumulator[];
  readonly stores: readonly Store[];
  /** How many invocations share the elements of a point: element i is taken by number i modulo this. */
  readonly lanes: number;
  /** Into how many pieces, swept by workgroups of their own, the elements of a point are cut. */
  readonly chunks: number;
}

const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** Whether the order of combining shows in the result. */
const dependsOnOrder = ({ combine, type }: Accumulator): boolean =>
  (combine === "add" || combine === "mul") && type === "f32";

/** Long folds of neighbours are shared by a workgroup; in others, neighbouring invocations take neighbouring columns. */
function lanesOf({ partials }: Accumulator, elements: number): number {
  if (partials === 1 || elements < 64) return 1;
  return elements < 1024 ? 64 : 256;
}

/** So many invocations keep a device busy; the folds of fewer are cut. */
export const enoughInvocations = 65_536;

const mostChunks = 64;

/**
 * Into how many pieces each fold is cut. A fold that an invocation makes alone waits for each of its elements, so that it
 * is cut already where it is rather short; a workgroup has many elements under way.
 */
function chunksOf(points: number, elements: number, lanes: number): number {
  const [fewest, shortest] = lanes > 1 ? [8192, 4096] : [256, 32];
  if (points * lanes >= enoughInvocations || elements < fewest) return 1;
  return Math.min(
    mostChunks,
    Math.ceil(enoughInvocations / (points * lanes)),
    Math.ceil(elements / shortest),
  );
}

/** Cuts the phases of a kernel into passes. */
export function passesOf({ loops, phases }: LoopKernel): Pass[] {
  const points = product(loops);
  const isShared = phases.some(
    (phase) =>
      phase.accumulators.some((a) => lanesOf(a, product(phase.loops)) > 1) ||
      (product(phase.loops) >= 256 && points < 8192),
  );
  return phases.flatMap((phase) => passesOfPhase(phase, points, isShared));
}

function passesOfPhase(phase: Phase, points: number, isShared: boolean): Pass[] {
  const elements = product(phase.loops);
  const groups = new Map<number, Accumulator[]>();
  const place = (accumulator: Accumulator, lanes: number) =>
    groups.set(lanes, [...(groups.get(lanes) ?? []), accumulator]);
  for (const a of phase.accumulators) if (dependsOnOrder(a)) place(a, lanesOf(a, elements));
  // The others go along with the widest.
  for (const a of phase.accumulators)
    if (!dependsOnOrder(a)) place(a, groups.size > 0 ? Math.max(...groups.keys()) : lanesOf(a, elements));
  const passes = [...groups].map(
    ([lanes, accumulators]): Pass => ({
      phase,
      accumulators,
      stores: [],
      lanes,
      chunks: chunksOf(points, elements, lanes),
    }),
  );
  if (phase.stores.length === 0) return passes;
  const widest = passes.findIndex(({ lanes }) => lanes === Math.max(...groups.keys()));
  const joins = widest >= 0 && (passes[widest]!.lanes > 1 || !isShared || elements === 1);
  if (joins) return passes.map((pass, i) => (i === widest ? { ...pass, stores: phase.stores } : pass));
  const lanes = isShared && elements > 1 ? 64 : 1;
  const chunks = lanes === 1 ? 1 : Math.min(256, Math.ceil(elements / 4096));
  return [...passes, { phase, accumulators: [], stores: phase.stores, lanes, chunks }];
}

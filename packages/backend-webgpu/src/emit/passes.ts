import type { Accumulator, Expression, LoopKernel, Phase, Store } from "@amari/core/backend";
import { quad } from "./quads.ts";

/**
 * A part of a phase that is swept in one way. The order in which a fold takes its elements depends only on how many there
 * are, on how many results there are and on whether they stand side by side in the operand's shape: so its bits are the
 * same however it was fused.
 */
export interface Pass {
  readonly phase: Phase;
  readonly accumulators: readonly Accumulator[];
  readonly stores: readonly Store[];
  /**
   * Into how many strands the elements of a point are dealt out, a power of two: element i goes to strand i modulo this,
   * after those of the strand that come before it. Then the strands are combined, neighbours first.
   */
  readonly strands: number;
  /** Into how many pieces, swept by workgroups of their own, the elements of a point are cut. */
  readonly chunks: number;
}

/** How many elements loops run through. */
export const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** Whether the order of combining shows in the result. */
const dependsOnOrder = ({ combine, type }: Accumulator): boolean =>
  (combine === "add" || combine === "mul") && type === "f32";

/** The widest that a fold is dealt out: a workgroup of 256, four strands each. */
const mostStrands = 1024;

/** Shorter folds are not worth dealing out. */
const shortestDealt = 16;

/** Strands of so many elements: about four each, which makes four quads of neighbours for an invocation with four strands. */
export const strandsOf = (elements: number): number =>
  elements < shortestDealt ? 1 : Math.min(mostStrands, 2 ** Math.ceil(Math.log2(elements)) / quad);

/** Folds of neighbours are dealt out; in others, neighbouring invocations take neighbouring columns. */
const strandsOfFold = ({ partials }: Accumulator, elements: number): number =>
  partials === 1 ? 1 : strandsOf(elements);

/** So many invocations keep a device busy; the folds of fewer are cut. */
export const enoughInvocations = 65_536;

/**
 * How folds are cut: which are too short for it, how short a piece may be, into how many pieces at most, and how many
 * invocations there should be then. A fold that an invocation makes alone waits for each of its elements, so that it is cut
 * already where it is rather short; a workgroup has many elements under way. Its pieces are combined by a tree, and may be many.
 */
const cuts = {
  alone: { fewest: 256, shortest: 32, most: 64, wanted: enoughInvocations },
  dealt: { fewest: 8192, shortest: 4096, most: 1024, wanted: 4 * enoughInvocations },
} as const;

/** Into how many pieces each fold is cut. */
function chunksOf(points: number, elements: number, strands: number): number {
  const { fewest, shortest, most, wanted } = strands > 1 ? cuts.dealt : cuts.alone;
  const invocations = points * Math.max(1, strands / quad);
  if (invocations >= enoughInvocations || elements < fewest) return 1;
  return Math.min(most, Math.ceil(wanted / invocations), Math.ceil(elements / shortest));
}

/** The phase that folds what the pieces of a dealt out pass have left, which a load hands over. */
export const combiningPhase = (
  { accumulators, chunks }: Pass,
  load: (accumulator: Accumulator) => Expression,
): Phase => ({
  loops: [chunks],
  accumulators: accumulators.map((a) => ({
    ...a,
    value: load(a),
    partials: Math.max(2, a.partials),
    run: 1,
  })),
  stores: [],
});

/** Cuts the phases of a kernel into passes. */
export function passesOf({ loops, phases }: LoopKernel): Pass[] {
  const points = product(loops);
  const isShared = phases.some(
    (phase) =>
      phase.accumulators.some((a) => strandsOfFold(a, product(phase.loops)) > 1) ||
      (product(phase.loops) >= 256 && points < 8192),
  );
  return phases.flatMap((phase) => passesOfPhase(phase, points, isShared));
}

function passesOfPhase(phase: Phase, points: number, isShared: boolean): Pass[] {
  const elements = product(phase.loops);
  const groups = new Map<number, Accumulator[]>();
  const place = (accumulator: Accumulator, strands: number) =>
    groups.set(strands, [...(groups.get(strands) ?? []), accumulator]);
  for (const a of phase.accumulators) if (dependsOnOrder(a)) place(a, strandsOfFold(a, elements));
  // The others go along with the widest.
  for (const a of phase.accumulators)
    if (!dependsOnOrder(a))
      place(a, groups.size > 0 ? Math.max(...groups.keys()) : strandsOfFold(a, elements));
  const passes = [...groups].map(
    ([strands, accumulators]): Pass => ({
      phase,
      accumulators,
      stores: [],
      strands,
      chunks: chunksOf(points, elements, strands),
    }),
  );
  if (phase.stores.length === 0) return passes;
  const widest = passes.findIndex(({ strands }) => strands === Math.max(...groups.keys()));
  const joins = widest >= 0 && (passes[widest]!.strands > 1 || !isShared || elements === 1);
  if (joins) return passes.map((pass, i) => (i === widest ? { ...pass, stores: phase.stores } : pass));
  const strands = isShared ? strandsOf(elements) : 1;
  const chunks = strands === 1 ? 1 : Math.min(256, Math.ceil(elements / 4096));
  return [...passes, { phase, accumulators: [], stores: phase.stores, strands, chunks }];
}

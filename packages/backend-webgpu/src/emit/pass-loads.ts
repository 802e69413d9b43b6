import {
  type Affine,
  type Expression,
  expressionsOf,
  operandsOf,
  type Phase,
  phaseExpressions,
  type Store,
} from "@amari/core/backend";
import type { Pass } from "./passes.ts";
import { hasQuads, type IsAligned, isByQuads } from "./quads.ts";
import type { Load } from "./scope.ts";
import { ownBuffer } from "./table.ts";

/** What is computed in any case: all but what only the rare side of a `rarely` needs. */
export function eagerly(
  roots: readonly Expression[],
  known: ReadonlyMap<Expression, string> = new Map(),
): Set<Expression> {
  const found = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (found.has(e) || known.has(e)) return;
    found.add(e);
    const operands = operandsOf(e);
    const isRare = e.kind === "instruction" && e.instruction === "rarely";
    (isRare ? [operands[0]!, operands[2]!] : operands).forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

export const loadsIn = (phase: Phase): Load[] => phaseExpressions(phase).filter((e) => e.kind === "load");

export const loadsOf = ({ accumulators, stores }: Pass): Load[] =>
  expressionsOf([...accumulators, ...stores].map(({ value }) => value)).filter((e) => e.kind === "load");

/** Whether what a pass loads or stores can go by quads. */
export const goesByQuads = ({ phase, strands }: Pass, access: Load | Store, isAligned: IsAligned): boolean =>
  strands > 1 &&
  access.buffer !== ownBuffer &&
  hasQuads(phase) &&
  !("shift" in access && access.shift !== undefined) &&
  isByQuads(access, isAligned);

export const isSamePlace = ({ access, shift }: Load, { offset, strides }: Affine): boolean =>
  shift === undefined && access.offset === offset && access.strides.join() === strides.join();

/** Whether what a pass loads is what the same invocation has stored in an earlier one. */
export const isOwn = (before: Pass, { access, value }: Store, pass: Pass, load: Load): boolean =>
  before.strands > 1 &&
  before.strands === pass.strands &&
  before.phase.loops.join() === pass.phase.loops.join() &&
  isSamePlace(load, access) &&
  load.type === value.type;

/** The loads at fixed places that are made in any case for what is not known yet. */
export function wantedLoads(roots: readonly Expression[], known: ReadonlyMap<Expression, string>): Load[] {
  return [...eagerly(roots, known)].filter((e) => e.kind === "load" && e.shift === undefined) as Load[];
}

import { type Accumulator, type LoopKernel, type Phase, phaseExpressions } from "@amari/core/backend";
import type { Local } from "../wasm/function.ts";
import { foldPartials, lanesOfFold, startFold } from "./folds.ts";
import { isSideBySide, type KernelWriter, range, referencesOf } from "./kernel-writer.ts";
import { type Lanes, widestLanes } from "./lanes.ts";
import type { Pointers } from "./pointers.ts";
import type { Values } from "./values.ts";

/** Vectors run along the innermost loop of each phase. */
export function writeRows(w: KernelWriter): void {
  const { kernel } = w;
  const outer = w.pointers(range(0, kernel.loops.length));
  const inner = kernel.loops.length;
  const lanes = lanesAlongRows(kernel);
  const constants = w.hoistConstants(lanes, inner, outer);
  w.forParallel(kernel.loops.length, () => {
    outer.set(kernel.phases.flatMap(referencesOf));
    const results = new Map<Accumulator, Local>();
    for (const phase of kernel.phases) {
      if (phase.loops.length === 0) writeOnce(w, phase, outer, results);
      else writeRow(w, phase, outer, results, constants);
    }
    for (const local of results.values()) w.f.release(local);
  });
}

/** A phase without loops. */
function writeOnce(w: KernelWriter, phase: Phase, outer: Pointers, results: Map<Accumulator, Local>): void {
  const { f } = w;
  const inner = w.kernel.loops.length;
  const values = scalarsWith(w, results, inner, outer);
  for (const accumulator of phase.accumulators) {
    const fold = startFold(f, accumulator, 1);
    fold.add(() => values.push(accumulator.value));
    results.set(accumulator, fold.finish());
  }
  w.emitStores(phase, [values, w.placeAt(inner, outer, 0)]);
}

/** One sweep over the loops of a phase: vectors, then what is left over one by one. */
function writeRow(
  w: KernelWriter,
  phase: Phase,
  outer: Pointers,
  results: Map<Accumulator, Local>,
  constants: Values,
): void {
  const { f, kernel } = w;
  const inner = kernel.loops.length + phase.loops.length - 1;
  const extent = phase.loops.at(-1)!;
  const lanes = lanesAlong(kernel, phase);
  const partials = Math.max(1, ...phase.accumulators.map((a) => a.partials));
  const copies = phase.accumulators.length === 0 ? w.copiesOf(lanes, extent, phase) : partials / lanes;
  const between = range(kernel.loops.length, phase.loops.length - 1);
  const pointers = between.length === 0 ? outer : w.pointers(between, outer);
  const folds = phase.accumulators.map((a) => ({
    accumulator: a,
    partials: range(0, a.partials > 1 ? copies : 0).map(() => startFold(f, a, lanes)),
    tail: startFold(f, a, 1),
  }));
  const splats: Local[] = [];
  w.forPhase(phase.loops.length - 1, phase, () => {
    if (between.length > 0) pointers.set(referencesOf(phase));
    const block = lanes * copies;
    const middle = block > 1 ? extent - (extent % block) : 0;
    if (middle > 0) {
      const vector = valuesOfRow(w, lanes, inner, pointers, results, constants, splats);
      w.hoistInvariants(vector, inner, phaseExpressions(phase));
      f.forRange(w.counters[inner]!, 0, middle, block, () => {
        const near = w.pointersOfBody(inner, pointers, phase, copies);
        const bodies = range(0, copies).map((copy) => {
          const place = w.placeAt(inner, near, copy * lanes);
          return [vector.child({ place }), place] as const;
        });
        bodies.forEach(([body, place], copy) => {
          for (const { accumulator, partials, tail } of folds)
            (partials[copy] ?? tail).add(() => body.push(accumulator.value));
          if (near === pointers) w.emitStores(phase, [body, place]);
        });
        if (near !== pointers) w.emitStores(phase, ...bodies);
      });
    }
    if (middle === extent) return;
    const scalar = scalarsWith(w, results, inner, pointers);
    w.hoistInvariants(scalar, inner, phaseExpressions(phase));
    f.forRange(w.counters[inner]!, middle, extent, 1, () => {
      const body = scalar.child();
      for (const { accumulator, tail } of folds) tail.add(() => body.push(accumulator.value));
      w.emitStores(phase, [body, w.placeAt(inner, pointers, 0)]);
    });
  });
  for (const { accumulator, ...fold } of folds) {
    const [partials, tail] = [fold.partials.map((partial) => partial.finish()), fold.tail.finish()];
    if (partials.length > 0) foldPartials(f, accumulator, partials, tail, lanes);
    for (const local of partials) f.release(local);
    results.set(accumulator, tail);
  }
  for (const local of splats) f.release(local);
}

/** A scope of vectors in which earlier results stand in every lane; the locals for these are added to `splats`. */
function valuesOfRow(
  w: KernelWriter,
  lanes: Lanes,
  inner: number,
  pointers: Pointers,
  results: ReadonlyMap<Accumulator, Local>,
  constants: Values,
  splats: Local[],
): Values {
  const { f } = w;
  if (lanes === 1) return scalarsWith(w, results, inner, pointers);
  const values = constants.child({ inner, place: w.placeAt(inner, pointers, 0) });
  for (const [accumulator, local] of results) {
    const splat = f.local("v128");
    splats.push(splat);
    f.get(local);
    values.splat(accumulator.type);
    f.set(splat);
    w.define(values, accumulator, splat);
  }
  return values;
}

function scalarsWith(
  w: KernelWriter,
  results: ReadonlyMap<Accumulator, Local>,
  inner: number,
  pointers: Pointers,
): Values {
  const values = w.values(1, inner, pointers);
  for (const [accumulator, local] of results) w.define(values, accumulator, local);
  return values;
}

/** The lanes of a kernel's vectors where they run along the innermost loops of its phases. */
export const lanesAlongRows = (kernel: LoopKernel): Lanes =>
  kernel.phases.some((phase) => lanesAlong(kernel, phase) > 1) ? widestLanes(kernel) : 1;

/** The lanes along the innermost loop of a phase. */
function lanesAlong(kernel: LoopKernel, phase: Phase): Lanes {
  if (phase.loops.length === 0) return 1;
  const lanes = widestLanes(kernel);
  const fits =
    phase.loops.at(-1)! >= lanes &&
    phase.accumulators.every((a) => a.partials > 1 && lanesOfFold(a) === lanes) &&
    isSideBySide(phase, kernel.loops.length + phase.loops.length - 1, true);
  return fits ? lanes : 1;
}

import { type Accumulator, type LoopKernel, phaseExpressions } from "@amari/core/backend";
import type { Local } from "../wasm/function.ts";
import { type Fold, startFold } from "./folds.ts";
import { type Bound, invariantsOf, type KernelWriter, range, referencesOf } from "./kernel-writer.ts";
import { type Lanes, widestLanes } from "./lanes.ts";
import type { Pointers } from "./pointers.ts";
import type { Values } from "./values.ts";

/** How many vectors of columns are folded at a time, to hide the latency of an addition. */
const columnsInFlight = 4;

/** The lanes along the last parallel loop, if every fold is one sequence and every store runs. */
export function lanesAcross(kernel: LoopKernel): Lanes {
  const { loops, phases } = kernel;
  const inner = loops.length - 1;
  const lanes = widestLanes(kernel);
  const fits =
    inner >= 0 &&
    loops[inner]! >= lanes &&
    phases.every(
      (phase) =>
        phase.accumulators.every(({ partials }) => partials === 1) &&
        phase.stores.every(({ access }) => (access.strides[inner] ?? 0) !== 0),
    );
  return fits ? lanes : 1;
}

/** Vectors run along the last parallel loop; each goes through all phases. */
export function writeColumns(w: KernelWriter, lanes: Lanes, isFlat: boolean): void {
  const { f } = w;
  const inner = w.kernel.loops.length - 1;
  const outer = w.pointers(range(0, inner));
  const hoisted = w.hoistConstants(lanes, inner, outer);
  const setPointers = () => outer.set(w.kernel.phases.flatMap(referencesOf));
  const along = (from: Bound, to: Bound, step: number, body: () => void) =>
    f.forRange(w.counters[inner]!, from, to, step, body);
  const scalar = () => writeColumn(w, 1, 1, () => w.values(1, inner, outer), outer);
  if (lanes > 1 && isFlat && runsAcross(w.kernel)) {
    w.forTiles(inner - 1, tileRows, (eachRow) => {
      const [begin, end] = w.boundsOf(inner);
      const middle = w.vectorEnd(begin, end, lanes);
      const inRows = (body: () => void) => () =>
        eachRow(() => {
          setPointers();
          body();
        });
      along(
        begin,
        middle,
        lanes,
        inRows(() => writeColumn(w, lanes, 1, () => hoisted.child(), outer)),
      );
      along(middle, end, 1, inRows(scalar));
    });
    return;
  }
  w.forParallel(inner, () => {
    setPointers();
    const [begin, end] = w.boundsOf(inner);
    if (lanes === 1) {
      along(begin, end, 1, scalar);
      return;
    }
    const vector = isFlat ? w.hoistInvariants(hoisted.child(), inner, w.uses.keys()) : hoisted;
    const extent = w.kernel.loops.at(-1)!;
    const most = extent >= lanes * columnsInFlight ? columnsInFlight : 1;
    const wide = isFlat ? w.copiesOf(lanes, extent, w.kernel.phases[0]!) : most;
    let from = begin;
    for (const copies of new Set([wide, 1])) {
      const to = w.vectorEnd(from, end, lanes * copies);
      along(from, to, lanes * copies, () => writeColumn(w, lanes, copies, () => vector.child(), outer));
      from = to;
    }
    along(from, end, 1, scalar);
  });
}

/** Rows of a tile: as many elements of 32 bits as a cache line has. */
const tileRows = 16;

/**
 * Whether a kernel reads along its last loop but one where it writes along the last: a transposition. Going down one column
 * of what is read touches as many cache lines as it has rows, each for one element; tiles of a few columns use whole lines.
 */
function runsAcross({ loops, phases }: LoopKernel): boolean {
  const [row, column] = [loops.length - 2, loops.length - 1];
  return (
    row >= 0 &&
    Math.min(loops[row]!, loops[column]!) >= tileRows &&
    phases.some((phase) =>
      phaseExpressions(phase).some(
        (e) =>
          e.kind === "load" &&
          e.access.strides[row] === 1 &&
          Math.abs(e.access.strides[column] ?? 0) >= tileRows,
      ),
    )
  );
}

/** All phases for a few neighbouring points of the last parallel loop. */
function writeColumn(
  w: KernelWriter,
  lanes: Lanes,
  copies: number,
  values: () => Values,
  outer: Pointers,
): void {
  const { f, kernel } = w;
  const inner = kernel.loops.length - 1;
  const results: [Accumulator, Local[]][] = [];
  for (const phase of kernel.phases) {
    const loops = range(kernel.loops.length, phase.loops.length);
    const pointers = loops.length === 0 ? outer : w.pointers(loops, outer);
    const scopes = range(0, copies).map((copy) => {
      const scope = values().child({ place: w.placeAt(inner, pointers, copy * lanes) });
      for (const [accumulator, locals] of results) w.define(scope, accumulator, locals[copy]!);
      return scope;
    });
    const folds = phase.accumulators.map((a): [Accumulator, Fold[]] => [
      a,
      scopes.map(() => startFold(f, a, lanes)),
    ]);
    const constant = loops.length === 0 ? [] : invariantsOf(phaseExpressions(phase), loops);
    if (constant.length > 0) pointers.set(referencesOf(phase));
    for (const scope of scopes) for (const expression of constant) scope.hoist(expression);
    w.forPhase(phase.loops.length, phase, () => {
      if (loops.length > 0) pointers.set(referencesOf(phase));
      const near = w.pointersOfBody(inner, pointers, phase, copies);
      const places = scopes.map((_, copy) => w.placeAt(inner, near, copy * lanes));
      const body = scopes.map((scope, copy) => scope.child({ place: places[copy]! }));
      for (const [{ value }, copies] of folds) {
        body.forEach((scope, copy) => {
          copies[copy]!.add(() => scope.push(value));
        });
      }
      w.emitStores(phase, ...body.map((scope, copy) => [scope, places[copy]!] as const));
    });
    for (const [accumulator, copies] of folds)
      results.push([accumulator, copies.map((fold) => fold.finish())]);
  }
  for (const [, locals] of results) for (const local of locals) f.release(local);
}

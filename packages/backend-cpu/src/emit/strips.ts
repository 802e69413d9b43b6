import {
  type Accumulator,
  type Expression,
  type LoopKernel,
  type Phase,
  phaseExpressions,
} from "@amari/core/backend";
import type { Local } from "../wasm/function.ts";
import { combine, pushInitial } from "./folds.ts";
import { isSideBySide, type KernelWriter, range, referencesOf } from "./kernel-writer.ts";
import { bytesOf, type Lanes, registerOf } from "./lanes.ts";
import type { Pointers } from "./pointers.ts";
import type { Values } from "./values.ts";

/**
 * Folds down long columns of a wide array. Vectors of columns that each ran all the way down would open another page of
 * memory with every row; so strips of columns go down together, row after row as memory stands, and their results so far
 * lie in a piece of memory that stays in the first cache. Every column is folded in the same order either way.
 */

/** The results of one accumulator for a strip. */
const resultBytes = 4096;

/** The most accumulators that strips are used for. */
const mostAccumulators = 4;

/** The memory that a strip needs. */
export const stripBytes: number = mostAccumulators * resultBytes;

/** How many rows are folded for one loading and storing of the results. */
const rowsAtOnce = 4;

/** Rows at least so many bytes apart do not help each other into the cache. */
const farApart = 1024;

/** Whether a kernel folds down enough rows that stand far apart. */
export function isWorthStrips({ loops, phases }: LoopKernel): boolean {
  const accumulators = phases.flatMap((phase) => phase.accumulators);
  if (accumulators.length === 0 || accumulators.length > mostAccumulators) return false;
  return phases.every((phase) => {
    if (!isSideBySide(phase, loops.length - 1, true)) return false;
    if (phase.loops.length === 0) return phase.accumulators.length === 0;
    const row = loops.length + phase.loops.length - 1;
    const expressions = phaseExpressions(phase);
    return (
      phase.loops.at(-1)! >= 2 * rowsAtOnce &&
      expressions.every((e) => isFixedBySteps(e, row)) &&
      expressions.some(
        (e) => e.kind === "load" && Math.abs(e.access.strides[row] ?? 0) * bytesOf[e.type] >= farApart,
      )
    );
  });
}

/** Whether some steps further along a loop an expression differs by the addresses of its loads alone. */
const isFixedBySteps = (expression: Expression, loop: number): boolean =>
  expression.kind === "load"
    ? expression.shift === undefined
    : expression.kind !== "index" || (expression.access.strides[loop] ?? 0) === 0;

/** Vectors run along strips of the last parallel loop. */
export function writeStrips(w: KernelWriter, lanes: Lanes): void {
  const { f, kernel } = w;
  const inner = kernel.loops.length - 1;
  const outer = w.pointers(range(0, inner));
  const constants = w.hoistConstants(lanes, inner, outer);
  const [begin, end] = [f.local("i32"), f.local("i32")];
  w.forParallel(inner, () => {
    outer.set(kernel.phases.flatMap(referencesOf));
    const [from, to] = w.boundsOf(inner);
    const step = resultBytes / slotBytes(lanes);
    f.forRange(begin, from, to, step, () => {
      w.pushBound(to);
      f.get(begin).i32(step).op("i32.add");
      w.pushBound(to);
      f.get(begin).i32(step).op("i32.add").op("i32.lt_s").op("select").set(end);
      new Strip(w, lanes, outer, constants, begin, end).write();
    });
  });
}

/** Where results stand: four 32-bit or two 64-bit lanes make a vector. */
const slotBytes = (lanes: Lanes): number => 16 / lanes;

/** All phases for the columns from `begin` to `end`. */
class Strip {
  private readonly w: KernelWriter;
  private readonly lanes: Lanes;
  private readonly outer: Pointers;
  private readonly constants: Values;
  private readonly begin: Local;
  private readonly middle: Local;
  private readonly end: Local;
  /** Where the result of column 0 would stand. */
  private readonly results: Local;
  private readonly inner: number;
  private readonly column: Local;
  private readonly accumulators: readonly Accumulator[];

  constructor(w: KernelWriter, lanes: Lanes, outer: Pointers, constants: Values, begin: Local, end: Local) {
    const { f, kernel } = w;
    this.w = w;
    this.lanes = lanes;
    this.outer = outer;
    this.constants = constants;
    this.begin = begin;
    this.middle = w.vectorEnd(begin, end, lanes);
    this.end = end;
    this.inner = kernel.loops.length - 1;
    this.column = w.counters[this.inner]!;
    this.accumulators = kernel.phases.flatMap((phase) => phase.accumulators);
    this.results = f.local("i32");
    w.frame.pushStrip(f);
    f.get(begin).i32(slotBytes(lanes)).op("i32.mul").op("i32.sub").set(this.results);
  }

  write(): void {
    for (const phase of this.w.kernel.phases) {
      if (phase.loops.length === 0) this.writeOnce(phase);
      else this.writeFold(phase);
    }
  }

  /** A phase without loops: what is done with the results. */
  private writeOnce(phase: Phase): void {
    const { w, inner, outer } = this;
    this.alongColumns((lanes, values) => {
      const place = w.placeAt(inner, outer, 0);
      w.emitStores(phase, [this.withResults(values, phase, lanes), place]);
    });
  }

  private writeFold(phase: Phase): void {
    const { w, outer } = this;
    const { f, kernel } = w;
    this.alongColumns((lanes) => {
      for (const accumulator of phase.accumulators)
        this.store(accumulator, lanes, () => pushInitial(f, accumulator, lanes));
    });
    const loops = range(kernel.loops.length, phase.loops.length);
    const pointers = w.pointers(loops, outer);
    const row = loops.at(-1)!;
    const rows = phase.loops.at(-1)!;
    const whole = rows - (rows % rowsAtOnce);
    w.forPhase(loops.length - 1, phase, () => {
      for (const [from, to, count] of [
        [0, whole, rowsAtOnce],
        [whole, rows, 1],
      ] as const) {
        if (from === to) continue;
        f.forRange(w.counters[row]!, from, to, count, () => {
          pointers.set(referencesOf(phase));
          this.alongColumns((lanes, values) => {
            this.foldRows(phase, this.withResults(values, phase, lanes), pointers, row, count);
          });
        });
      }
    });
  }

  /** A few rows, one after the other. */
  private foldRows(phase: Phase, values: Values, pointers: Pointers, row: number, count: number): void {
    const { w, inner } = this;
    const { f } = w;
    const { lanes } = values;
    const locals = phase.accumulators.map((accumulator) => this.load(accumulator, lanes));
    for (let step = 0; step < count; step++) {
      const place = w.placeAt(inner, pointers, 0, { loop: row, count: step });
      const body = values.child({ place });
      phase.accumulators.forEach((accumulator, i) => {
        combine(f, accumulator, locals[i]!, () => body.push(accumulator.value), lanes);
      });
      w.emitStores(phase, [body, place]);
    }
    phase.accumulators.forEach((accumulator, i) => {
      this.store(accumulator, lanes, () => f.get(locals[i]!));
      f.release(locals[i]!);
    });
  }

  /** Vectors of columns, then what is left one by one. */
  private alongColumns(body: (lanes: Lanes, values: Values) => void): void {
    const { w, column, begin, middle, end, lanes, inner, outer } = this;
    w.f.forRange(column, begin, middle, lanes, () =>
      body(lanes, this.constants.child({ place: w.placeAt(inner, outer, 0) })),
    );
    w.f.forRange(column, middle, end, 1, () => body(1, w.values(1, inner, outer)));
  }

  /** A scope that knows the results of earlier phases. */
  private withResults(values: Values, phase: Phase, lanes: Lanes): Values {
    const used = phaseExpressions(phase).filter((e) => e.kind === "accumulated");
    for (const { index } of used) {
      const accumulator = this.accumulators.find((a) => a.index === index)!;
      this.w.define(values, accumulator, this.load(accumulator, lanes));
    }
    return values;
  }

  private load(accumulator: Accumulator, lanes: Lanes): Local {
    const { f } = this.w;
    const local = f.local(lanes > 1 ? "v128" : registerOf(accumulator.type));
    this.pushAddress();
    f.memory(lanes > 1 ? "v128.load" : `${registerOf(accumulator.type)}.load`, this.offsetOf(accumulator));
    f.set(local);
    return local;
  }

  private store(accumulator: Accumulator, lanes: Lanes, push: () => void): void {
    this.pushAddress();
    push();
    const register = registerOf(accumulator.type);
    this.w.f.memory(lanes > 1 ? "v128.store" : `${register}.store`, this.offsetOf(accumulator));
  }

  private pushAddress(): void {
    this.w.f.get(this.results).get(this.column).i32(slotBytes(this.lanes)).op("i32.mul").op("i32.add");
  }

  private offsetOf(accumulator: Accumulator): number {
    return this.accumulators.indexOf(accumulator) * resultBytes;
  }
}

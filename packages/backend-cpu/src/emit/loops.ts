import {
  type Accumulator,
  type Affine,
  collapseLoops,
  type Expression,
  expressionsOf,
  kernelExpressions,
  type LoopKernel,
  operandsOf,
  type Phase,
  phaseRoots,
  type ScalarType,
  type Store,
} from "@amari/core/backend";
import { FunctionBuilder, type Local } from "../wasm/function.ts";
import type { Target } from "../wasm/target.ts";
import { combine, foldPartials, lanesOfFold, startFold } from "./folds.ts";
import { bytesOf, type Lanes, widestLanes } from "./lanes.ts";
import { Pointers, type Reference } from "./pointers.ts";
import { emitStore, type Place, type Surroundings, Values } from "./values.ts";

/** Where a program's buffers and numbers are found while it runs. */
export interface Frame {
  /** The address of the table that holds the address of every buffer, four bytes each. */
  readonly buffers: number;
  /** The address of the numbers that the caller handed over, as float64. */
  readonly scalars: number;
  readonly target: Target;
  readonly callee: Surroundings["callee"];
}

/** How many vectors of columns are folded at a time, to hide the latency of an addition. */
const columnsInFlight = 4;

/** A kernel as a function `(from, to)` over its outermost loop, so that a range of it can be run by itself. */
export interface EmittedLoops {
  readonly f: FunctionBuilder;
  /** The end of the whole range. */
  readonly extent: number;
}

/** Writes a loop kernel, after collapsing its loops. */
export function emitLoops(original: LoopKernel, frame: Frame): EmittedLoops {
  const kernel = collapseLoops(original);
  const f = new FunctionBuilder({ parameters: ["i32", "i32"], results: [] });
  new LoopEmitter(f, kernel, frame).emit();
  return { f, extent: kernel.loops[0] ?? 1 };
}

/** A range of a counter. */
type Bound = Local | number;

class LoopEmitter {
  private readonly f: FunctionBuilder;
  private readonly kernel: LoopKernel;
  private readonly frame: Frame;
  private readonly counters: Local[];
  private readonly uses: ReadonlyMap<Expression, number>;

  constructor(f: FunctionBuilder, kernel: LoopKernel, frame: Frame) {
    this.f = f;
    this.kernel = kernel;
    this.frame = frame;
    const deepest = Math.max(0, ...kernel.phases.map(({ loops }) => loops.length));
    this.counters = Array.from({ length: kernel.loops.length + deepest }, () => f.local("i32"));
    this.uses = countUses(kernel);
  }

  emit(): void {
    const { loops, phases } = this.kernel;
    if (loops.includes(0)) return;
    // A fold over axes of size 1 has no loops left, but its result still is not known before its phase.
    const isFlat = phases.every((phase) => phase.loops.length === 0 && phase.accumulators.length === 0);
    const lanes = this.lanesAcross();
    if (loops.length > 0 && (isFlat || lanes > 1)) this.emitColumns(lanes, isFlat);
    else this.emitRows();
  }

  // ---- Columns: vectors run along the last parallel loop ----

  private emitColumns(lanes: Lanes, isFlat: boolean): void {
    const { f } = this;
    const inner = this.kernel.loops.length - 1;
    const outer = this.pointers(range(0, inner));
    const hoisted = this.hoistConstants(lanes, inner, outer);
    this.forParallel(inner, () => {
      outer.set(this.kernel.phases.flatMap(referencesOf));
      const [begin, end] = this.boundsOf(inner);
      const along = (from: Bound, to: Bound, step: number, body: () => void) =>
        f.forRange(this.counters[inner]!, from, to, step, body);
      const scalar = () => this.emitColumn(1, 1, () => this.values(1, inner, outer), outer);
      if (lanes === 1) {
        along(begin, end, 1, scalar);
        return;
      }
      const vector = isFlat ? this.hoistInvariants(hoisted.child(), inner, this.uses.keys()) : hoisted;
      const inFlight = isFlat ? (this.frame.target.revectorised ? 2 : 1) : columnsInFlight;
      const wide = this.kernel.loops.at(-1)! >= lanes * inFlight ? inFlight : 1;
      let from = begin;
      for (const copies of new Set([wide, 1])) {
        const to = this.vectorEnd(from, end, lanes * copies);
        along(from, to, lanes * copies, () => this.emitColumn(lanes, copies, () => vector.child(), outer));
        from = to;
      }
      along(from, end, 1, scalar);
    });
  }

  /** All phases for a few neighbouring points of the last parallel loop. */
  private emitColumn(lanes: Lanes, copies: number, values: () => Values, outer: Pointers): void {
    const { f, kernel } = this;
    const inner = kernel.loops.length - 1;
    const results: [Accumulator, Local[]][] = [];
    for (const phase of kernel.phases) {
      const loops = range(kernel.loops.length, phase.loops.length);
      const pointers = loops.length === 0 ? outer : this.pointers(loops, outer);
      const scopes = range(0, copies).map((copy) => {
        const scope = values().child({ place: this.placeAt(inner, pointers, copy * lanes) });
        for (const [accumulator, locals] of results) this.define(scope, accumulator, locals[copy]!);
        return scope;
      });
      const folds = phase.accumulators.map((a): [Accumulator, Local[]] => [
        a,
        scopes.map(() => startFold(f, a, lanes)),
      ]);
      const constant = loops.length === 0 ? [] : this.withoutLoops(phase, loops);
      if (constant.length > 0) pointers.set(referencesOf(phase));
      for (const scope of scopes) for (const expression of constant) scope.hoist(expression);
      this.forPhase(phase.loops.length, phase, () => {
        if (loops.length > 0) pointers.set(referencesOf(phase));
        const body = scopes.map((scope) => scope.child());
        for (const [accumulator, locals] of folds) {
          body.forEach((scope, copy) => {
            combine(f, accumulator, locals[copy]!, () => scope.push(accumulator.value), lanes);
          });
        }
        body.forEach((scope, copy) => {
          this.emitStores(phase, scope, inner, pointers, copy * lanes);
        });
      });
      results.push(...folds);
    }
    for (const [, locals] of results) for (const local of locals) f.release(local);
  }

  // ---- Rows: vectors run along the innermost loop of each phase ----

  private emitRows(): void {
    const { kernel } = this;
    const outer = this.pointers(range(0, kernel.loops.length));
    const inner = kernel.loops.length;
    const lanes = kernel.phases.some((phase) => this.lanesAlong(phase) > 1) ? widestLanes(kernel) : 1;
    const constants = this.hoistConstants(lanes, inner, outer);
    this.forParallel(kernel.loops.length, () => {
      outer.set(kernel.phases.flatMap(referencesOf));
      const results = new Map<Accumulator, Local>();
      for (const phase of kernel.phases) {
        if (phase.loops.length === 0) this.emitOnce(phase, outer, results);
        else this.emitRow(phase, outer, results, constants);
      }
      for (const local of results.values()) this.f.release(local);
    });
  }

  /** A phase without loops. */
  private emitOnce(phase: Phase, outer: Pointers, results: Map<Accumulator, Local>): void {
    const { f } = this;
    const inner = this.kernel.loops.length;
    const values = this.scalarsWith(results, inner, outer);
    for (const accumulator of phase.accumulators) {
      const local = startFold(f, accumulator, 1);
      combine(f, accumulator, local, () => values.push(accumulator.value), 1);
      results.set(accumulator, local);
    }
    this.emitStores(phase, values, inner, outer, 0);
  }

  /** One sweep over the loops of a phase: vectors, then what is left over one by one. */
  private emitRow(phase: Phase, outer: Pointers, results: Map<Accumulator, Local>, constants: Values): void {
    const { f, kernel } = this;
    const inner = kernel.loops.length + phase.loops.length - 1;
    const extent = phase.loops.at(-1)!;
    const lanes = this.lanesAlong(phase);
    const partials = Math.max(1, ...phase.accumulators.map((a) => a.partials));
    const copies = phase.accumulators.length === 0 ? 1 : partials / lanes;
    const between = range(kernel.loops.length, phase.loops.length - 1);
    const pointers = between.length === 0 ? outer : this.pointers(between, outer);
    const folds = phase.accumulators.map((a) => ({
      accumulator: a,
      partials: range(0, a.partials > 1 ? copies : 0).map(() => startFold(f, a, lanes)),
      tail: startFold(f, a, 1),
    }));
    const splats: Local[] = [];
    this.forPhase(phase.loops.length - 1, phase, () => {
      if (between.length > 0) pointers.set(referencesOf(phase));
      const block = lanes * copies;
      const middle = block > 1 ? extent - (extent % block) : 0;
      if (middle > 0) {
        const vector = this.rowValues(lanes, inner, pointers, results, constants, splats);
        this.hoistInvariants(vector, inner, expressionsOf(phaseRoots(phase)));
        f.forRange(this.counters[inner]!, 0, middle, block, () => {
          for (let copy = 0; copy < copies; copy++) {
            const body = vector.child({ place: this.placeAt(inner, pointers, copy * lanes) });
            for (const fold of folds)
              combine(
                f,
                fold.accumulator,
                fold.partials[copy] ?? fold.tail,
                () => body.push(fold.accumulator.value),
                lanes,
              );
            this.emitStores(phase, body, inner, pointers, copy * lanes);
          }
        });
      }
      if (middle === extent) return;
      const scalar = this.scalarsWith(results, inner, pointers);
      this.hoistInvariants(scalar, inner, expressionsOf(phaseRoots(phase)));
      f.forRange(this.counters[inner]!, middle, extent, 1, () => {
        const body = scalar.child();
        for (const { accumulator, tail } of folds)
          combine(f, accumulator, tail, () => body.push(accumulator.value), 1);
        this.emitStores(phase, body, inner, pointers, 0);
      });
    });
    for (const { accumulator, partials, tail } of folds) {
      if (partials.length > 0) foldPartials(f, accumulator, partials, tail, lanes);
      for (const local of partials) f.release(local);
      results.set(accumulator, tail);
    }
    for (const local of splats) f.release(local);
  }

  /** A scope of vectors in which earlier results stand in every lane; the locals for these are added to `splats`. */
  private rowValues(
    lanes: Lanes,
    inner: number,
    pointers: Pointers,
    results: ReadonlyMap<Accumulator, Local>,
    constants: Values,
    splats: Local[],
  ): Values {
    const { f } = this;
    if (lanes === 1) return this.scalarsWith(results, inner, pointers);
    const values = constants.child({ inner, place: this.placeAt(inner, pointers, 0) });
    for (const [accumulator, local] of results) {
      const splat = f.local("v128");
      splats.push(splat);
      f.get(local);
      values.splat(accumulator.type);
      f.set(splat);
      this.define(values, accumulator, splat);
    }
    return values;
  }

  private scalarsWith(results: ReadonlyMap<Accumulator, Local>, inner: number, pointers: Pointers): Values {
    const values = this.values(1, inner, pointers);
    for (const [accumulator, local] of results) this.define(values, accumulator, local);
    return values;
  }

  // ---- Loops ----

  /** Loops over the first `count` parallel loops; the outermost runs from `from` to `to`. */
  private forParallel(count: number, body: () => void, loop = 0): void {
    if (loop === count) {
      body();
      return;
    }
    const [begin, end] = this.boundsOf(loop);
    this.f.forRange(this.counters[loop]!, begin, end, 1, () => this.forParallel(count, body, loop + 1));
  }

  /** Loops over the first `count` loops of a phase. */
  private forPhase(count: number, phase: Phase, body: () => void, loop = 0): void {
    if (loop === count) {
      body();
      return;
    }
    const counter = this.counters[this.kernel.loops.length + loop]!;
    this.f.forRange(counter, 0, phase.loops[loop]!, 1, () => this.forPhase(count, phase, body, loop + 1));
  }

  private boundsOf(loop: number): [Bound, Bound] {
    const [from, to] = this.f.parameters as [Local, Local];
    return loop === 0 ? [from, to] : [0, this.kernel.loops[loop]!];
  }

  /** `begin + floor((end - begin) / block) * block`, in a fresh local. */
  private vectorEnd(begin: Bound, end: Bound, block: number): Local {
    const { f } = this;
    const local = f.local("i32");
    const push = (value: Bound) => (typeof value === "number" ? f.i32(value) : f.get(value));
    push(end);
    push(begin);
    f.op("i32.sub").i32(-block).op("i32.and");
    push(begin);
    f.op("i32.add").set(local);
    return local;
  }

  // ---- Lanes ----

  /** The lanes along the last parallel loop: every access stands still or runs through neighbours, every store runs. */
  private lanesAcross(): Lanes {
    const { loops, phases } = this.kernel;
    const inner = loops.length - 1;
    const lanes = widestLanes(this.kernel);
    const fits =
      inner >= 0 &&
      loops[inner]! >= lanes &&
      phases.every(
        (phase) =>
          phase.accumulators.every(({ partials }) => partials === 1) && isSideBySide(phase, inner, true),
      );
    return fits ? lanes : 1;
  }

  /** The lanes along the innermost loop of a phase. */
  private lanesAlong(phase: Phase): Lanes {
    const { loops } = this.kernel;
    if (phase.loops.length === 0) return 1;
    const lanes = widestLanes(this.kernel);
    const fits =
      phase.loops.at(-1)! >= lanes &&
      phase.accumulators.every((a) => a.partials > 1 && lanesOfFold(a) === lanes) &&
      isSideBySide(phase, loops.length + phase.loops.length - 1, true);
    return fits ? lanes : 1;
  }

  // ---- Values and addresses ----

  private pointers(loops: readonly number[], below: Pointers | null = null): Pointers {
    return new Pointers(this.f, this.frame.buffers, this.counters, loops, below);
  }

  private values(lanes: Lanes, inner: number, pointers: Pointers): Values {
    const { f, frame } = this;
    return new Values(
      f,
      lanes,
      {
        inner,
        place: this.placeAt(inner, pointers, 0),
        counter: (loop) => this.counters[loop]!,
        scalar: (index, type) => pushScalar(f, frame.scalars + 8 * index, type),
        callee: frame.callee,
        target: frame.target,
      },
      this.uses,
    );
  }

  /** Constants and the caller's numbers, in locals before all loops. */
  private hoistConstants(lanes: Lanes, inner: number, pointers: Pointers): Values {
    const values = this.values(lanes, inner, pointers);
    if (lanes > 1) {
      for (const expression of this.uses.keys()) {
        if (expression.kind === "scalar" || expression.kind === "constant") values.hoist(expression);
      }
    }
    return values;
  }

  /** What does not change along the inner loop, in locals before it. */
  private hoistInvariants(values: Values, inner: number, expressions: Iterable<Expression>): Values {
    for (const expression of invariantsOf(expressions, [inner])) values.hoist(expression);
    return values;
  }

  /** What a phase computes that changes along none of its loops. */
  private withoutLoops(phase: Phase, loops: readonly number[]): Expression[] {
    return invariantsOf(expressionsOf(phaseRoots(phase)), loops);
  }

  /** The inner loop's counter plus `ahead` elements; the rest of an address is an immediate. */
  private placeAt(inner: number, pointers: Pointers, ahead: number): Place {
    return {
      ahead,
      address: ({ buffer, access, type }) => {
        const reference = { buffer, access, bytes: bytesOf[type] };
        this.f.get(pointers.of(reference));
        pointers.addLoops(reference, [inner]);
        const offset = ahead * (access.strides[inner] ?? 0) * reference.bytes;
        if (offset >= 0) return offset;
        // The immediate of a memory instruction has no sign.
        this.f.i32(offset).op("i32.add");
        return 0;
      },
    };
  }

  private define(values: Values, { index }: Accumulator, local: Local): void {
    for (const expression of this.uses.keys())
      if (expression.kind === "accumulated" && expression.index === index) values.define(expression, local);
  }

  /** Computes all values before the first is stored: a result may stand where an operand does. */
  private emitStores(phase: Phase, values: Values, inner: number, pointers: Pointers, ahead: number): void {
    const { f } = this;
    const { address } = this.placeAt(inner, pointers, ahead);
    if (phase.stores.length > 1) for (const { value } of phase.stores) values.hoist(value);
    for (const { buffer, access, value } of phase.stores) {
      const offset = address({ buffer, access, type: value.type });
      values.push(value);
      emitStore(f, value.type, values.lanes, offset);
    }
  }
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** The memory that a phase reads and writes. */
function referencesOf(phase: Phase): Reference[] {
  const loads = expressionsOf(phaseRoots(phase)).filter((e) => e.kind === "load");
  const stores = phase.stores.map(({ value, ...store }: Store) => ({ ...store, type: value.type }));
  return [...loads, ...stores].map(({ buffer, access, type }) => ({ buffer, access, bytes: bytesOf[type] }));
}

/** Whether every access of a phase stands still or runs through neighbours along a loop. */
function isSideBySide(phase: Phase, loop: number, storesRun: boolean): boolean {
  const isNear = ({ strides }: Affine) => (strides[loop] ?? 0) === 0 || strides[loop] === 1;
  const loads = expressionsOf(phaseRoots(phase)).filter((e) => e.kind === "load");
  return (
    loads.every(({ access }) => isNear(access)) &&
    phase.stores.every(({ access }) => isNear(access) && (!storesRun || access.strides[loop] === 1))
  );
}

/** The loads and computations that do not change along some loops, operands first. */
function invariantsOf(expressions: Iterable<Expression>, loops: readonly number[]): Expression[] {
  const still = ({ strides }: Affine) => loops.every((loop) => (strides[loop] ?? 0) === 0);
  const invariant = new Set<Expression>();
  const isFixed = (e: Expression) =>
    e.kind === "constant" || e.kind === "scalar" || e.kind === "accumulated" || invariant.has(e);
  for (const expression of expressions) {
    const isInvariant =
      expression.kind === "load" || expression.kind === "index"
        ? still(expression.access) && operandsOf(expression).every(isFixed)
        : (expression.kind === "instruction" || expression.kind === "call") &&
          expression.operands.every(isFixed);
    if (isInvariant) invariant.add(expression);
  }
  return [...invariant];
}

/** How often each expression of a kernel is used, operands before their users. */
function countUses(kernel: LoopKernel): Map<Expression, number> {
  const roots = kernel.phases.flatMap(phaseRoots);
  const uses = new Map<Expression, number>(kernelExpressions(kernel).map((expression) => [expression, 0]));
  const use = (expression: Expression) => uses.set(expression, uses.get(expression)! + 1);
  for (const expression of uses.keys()) {
    operandsOf(expression).forEach(use);
  }
  roots.forEach(use);
  return uses;
}

function pushScalar(f: FunctionBuilder, address: number, type: ScalarType): void {
  f.i32(address).memory("f64.load");
  if (type === "f32") f.op("f32.demote_f64");
  else if (type !== "f64") f.op("i64.trunc_sat_f64_s").op("i32.wrap_i64");
}

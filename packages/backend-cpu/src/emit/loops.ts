import {
  type Accumulator,
  type Affine,
  type Combine,
  type Expression,
  expressionsOf,
  type LoopKernel,
  type ScalarType,
  type Store,
} from "@amari/core/backend";
import { FunctionBuilder, type Local } from "../wasm/function.ts";
import { collapseLoops } from "./collapse.ts";
import { emitInstruction } from "./instructions.ts";
import { bytesOf, type Lanes, splatBytes, widestLanes } from "./lanes.ts";
import { emitStore, extractLane, type Surroundings, Values } from "./values.ts";

/** Where a program's buffers and numbers are found while it runs. */
export interface Frame {
  /** The address of the table that holds the address of every buffer, four bytes each. */
  readonly buffers: number;
  /** The address of the numbers that the caller handed over, as float64. */
  readonly scalars: number;
  readonly callee: Surroundings["callee"];
}

type Load = Extract<Expression, { kind: "load" }>;

/** A pointer to where a row of an access begins, for the current point of the outer loops. */
interface Row {
  readonly access: Affine;
  readonly bytes: number;
  readonly pointer: Local;
  readonly buffer: number;
}

/** How many vectors a reduction keeps in flight, to hide the latency of an addition. */
const accumulatorsInFlight = 4;

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

class LoopEmitter {
  private readonly f: FunctionBuilder;
  private readonly kernel: LoopKernel;
  private readonly frame: Frame;
  private readonly from: Local;
  private readonly to: Local;
  private readonly rows = new Map<string, Row>();
  private readonly counters: Local[];
  private readonly uses: Map<Expression, number>;

  constructor(f: FunctionBuilder, kernel: LoopKernel, frame: Frame) {
    this.f = f;
    this.kernel = kernel;
    this.frame = frame;
    [this.from, this.to] = f.parameters as [Local, Local];
    this.counters = [...kernel.loops, ...kernel.reductions].map(() => f.local("i32"));
    this.uses = countUses(kernel);
  }

  emit(): void {
    const { loops, reductions } = this.kernel;
    if ([...reductions, ...loops].includes(0) && reductions.length === 0) return;
    if (reductions.length > 0 || this.kernel.accumulators.length > 0) this.emitReduction();
    else if (loops.length === 0) {
      this.setRows(0);
      this.emitBlock(this.values(1, 0), 0);
    } else this.emitElementwise();
  }

  // ---- Elementwise ----

  private emitElementwise(): void {
    const { loops } = this.kernel;
    const inner = loops.length - 1;
    const lanes = this.lanesAlong(inner);
    const hoisted = this.hoistConstants(lanes, inner);
    this.forOuter(inner, () => {
      this.setRows(inner);
      const [begin, end] = this.rangeOf(inner);
      if (lanes === 1) {
        this.forInner(inner, begin, end, 1, () => this.emitBlock(hoisted.child(), inner));
        return;
      }
      const vector = this.hoistInvariants(hoisted.child(), inner);
      const middle = this.vectorEnd(begin, end, lanes);
      this.forInner(inner, begin, middle, lanes, () => this.emitBlock(vector.child(), inner));
      this.forInner(inner, middle, end, 1, () => this.emitBlock(this.values(1, inner), inner));
      this.f.release(middle);
    });
  }

  /** Computes and stores everything at the current point. */
  private emitBlock(values: Values, inner: number): void {
    for (const store of this.kernel.stores) this.emitStore(store, values, inner, 0);
  }

  // ---- Reductions ----

  private emitReduction(): void {
    const { loops, reductions } = this.kernel;
    const innerReduction = loops.length + reductions.length - 1;
    const innerParallel = loops.length - 1;
    const alongReduction = reductions.length > 0 ? this.lanesAlong(innerReduction, true) : 1;
    if (alongReduction > 1 && reductions.at(-1)! >= 2 * alongReduction) {
      this.forOuter(loops.length, () => this.foldAlongRow(alongReduction));
      return;
    }
    const alongParallel = loops.length > 0 ? this.lanesAlong(innerParallel) : 1;
    if (alongParallel > 1 && loops.at(-1)! >= alongParallel) {
      this.foldColumns(innerParallel, alongParallel);
      return;
    }
    this.forOuter(loops.length, () => this.foldScalars());
  }

  /** Folds where the elements to fold stand side by side: several vectors in flight, then their lanes. */
  private foldAlongRow(lanes: Lanes): void {
    const { f, kernel } = this;
    const { loops, reductions, accumulators } = kernel;
    const inner = loops.length + reductions.length - 1;
    const extent = reductions.at(-1)!;
    const copies = extent >= lanes * accumulatorsInFlight ? accumulatorsInFlight : 1;
    const block = lanes * copies;
    const hoisted = this.hoistConstants(lanes, inner);
    const vectors = accumulators.map((a) =>
      Array.from({ length: copies }, () => this.startAccumulator(a, lanes)),
    );
    const tails = accumulators.map((a) => this.startAccumulator(a, 1));
    this.forReductions(reductions.length - 1, () => {
      this.setRows(inner);
      const vector = this.hoistInvariants(hoisted.child(), inner);
      const middle = extent - (extent % block);
      this.forInner(inner, 0, middle, block, () => {
        for (let copy = 0; copy < copies; copy++) {
          const body = vector.child(this.addressAt(inner, copy * lanes));
          for (const [i, a] of accumulators.entries()) this.accumulate(a, vectors[i]![copy]!, body);
        }
      });
      this.forInner(inner, middle, extent, 1, () => {
        const body = this.values(1, inner);
        for (const [i, a] of accumulators.entries()) this.accumulate(a, tails[i]!, body);
      });
    });
    const epilogue = this.values(1, loops.length);
    accumulators.forEach((a, i) => {
      const [first, ...others] = vectors[i]!;
      for (const other of others) this.combine(a, first!, () => f.get(other), lanes);
      this.foldLanes(a, first!, tails[i]!, lanes);
      this.defineResult(epilogue, a, i, tails[i]!);
    });
    this.setRows(loops.length);
    for (const store of kernel.stores) this.emitStore(store, epilogue, loops.length, 0);
    for (const local of [...vectors.flat(), ...tails]) f.release(local);
  }

  /** Folds where the results stand side by side: a vector of results at a time, down the elements to fold. */
  private foldColumns(inner: number, lanes: Lanes): void {
    const { f, kernel } = this;
    const { accumulators, reductions, loops } = kernel;
    const hoisted = this.hoistConstants(lanes, inner);
    const fold = (width: Lanes, copies: number, values: () => Values) => {
      const locals = accumulators.map((a) =>
        Array.from({ length: copies }, () => this.startAccumulator(a, width)),
      );
      this.forReductions(reductions.length, () => {
        this.setRows(inner, true);
        const outer = values();
        for (let copy = 0; copy < copies; copy++) {
          const body = outer.child(this.addressAt(inner, copy * width));
          for (const [i, a] of accumulators.entries()) this.accumulate(a, locals[i]![copy]!, body);
        }
      });
      this.setRows(inner);
      for (let copy = 0; copy < copies; copy++) {
        const epilogue = values().child(this.addressAt(inner, copy * width));
        for (const [i, a] of accumulators.entries()) this.defineResult(epilogue, a, i, locals[i]![copy]!);
        for (const store of kernel.stores) this.emitStore(store, epilogue, inner, copy * width);
      }
      for (const local of locals.flat()) f.release(local);
    };
    this.forOuter(inner, () => {
      const [begin, end] = this.rangeOf(inner);
      const copies = loops.at(-1)! >= lanes * accumulatorsInFlight ? accumulatorsInFlight : 1;
      const wide = this.vectorEnd(begin, end, lanes * copies);
      this.forInner(inner, begin, wide, lanes * copies, () => fold(lanes, copies, () => hoisted.child()));
      if (copies > 1) {
        const narrow = this.vectorEnd(wide, end, lanes);
        this.forInner(inner, wide, narrow, lanes, () => fold(lanes, 1, () => hoisted.child()));
        this.forInner(inner, narrow, end, 1, () => fold(1, 1, () => this.values(1, inner)));
        f.release(narrow);
      } else this.forInner(inner, wide, end, 1, () => fold(1, 1, () => this.values(1, inner)));
      f.release(wide);
    });
  }

  /** Folds one element after the other. */
  private foldScalars(): void {
    const { f, kernel } = this;
    const { accumulators, reductions, loops } = kernel;
    const inner = loops.length + reductions.length - 1;
    const locals = accumulators.map((a) => this.startAccumulator(a, 1));
    this.forReductions(Math.max(0, reductions.length - 1), () => {
      this.setRows(inner);
      const body = () => {
        const values = this.values(1, inner);
        for (const [i, a] of accumulators.entries()) this.accumulate(a, locals[i]!, values);
      };
      if (reductions.length === 0) body();
      else this.forInner(inner, 0, reductions.at(-1)!, 1, body);
    });
    const epilogue = this.values(1, loops.length);
    for (const [i, a] of accumulators.entries()) this.defineResult(epilogue, a, i, locals[i]!);
    this.setRows(loops.length);
    for (const store of kernel.stores) this.emitStore(store, epilogue, loops.length, 0);
    for (const local of locals) f.release(local);
  }

  private startAccumulator({ type, initial }: Accumulator, lanes: Lanes): Local {
    const { f } = this;
    const local = f.local(lanes > 1 ? "v128" : this.values(1).registerFor(type));
    if (lanes > 1) f.v128(splatBytes(initial, type));
    else if (type === "f32") f.f32(initial);
    else if (type === "f64") f.f64(initial);
    else f.i32(initial);
    f.set(local);
    return local;
  }

  private accumulate(accumulator: Accumulator, local: Local, values: Values): void {
    this.combine(accumulator, local, () => values.push(accumulator.value), values.lanes);
  }

  /** `local = combine(local, element)`. */
  private combine({ combine, type }: Accumulator, local: Local, pushElement: () => void, lanes: Lanes): void {
    const { f } = this;
    f.get(local);
    pushElement();
    const operand: Expression = { kind: "constant", type, value: 0 };
    emitInstruction(
      f,
      { kind: "instruction", type, instruction: combine satisfies Combine, operands: [operand, operand] },
      lanes,
    );
    f.set(local);
  }

  /** Folds the lanes of a vector into a scalar accumulator, the first lane first. */
  private foldLanes(accumulator: Accumulator, vector: Local, scalar: Local, lanes: Lanes): void {
    for (let lane = 0; lane < lanes; lane++) {
      const push = () => extractLane(this.f.get(vector), accumulator.type, lanes, lane);
      this.combine(accumulator, scalar, push, 1);
    }
  }

  private defineResult(values: Values, { type }: Accumulator, index: number, local: Local): void {
    for (const expression of this.uses.keys()) {
      if (expression.kind === "accumulated" && expression.index === index && expression.type === type)
        values.define(expression, local);
    }
  }

  // ---- Loops ----

  /** Loops over the first `count` loops; the outermost runs from `from` to `to`. */
  private forOuter(count: number, body: () => void, loop = 0): void {
    if (loop === count) {
      body();
      return;
    }
    const counter = this.counters[loop]!;
    const [begin, end] = this.rangeOf(loop);
    this.f.forRange(counter, begin, end, 1, () => this.forOuter(count, body, loop + 1));
  }

  private forReductions(count: number, body: () => void, reduction = 0): void {
    if (reduction === count) {
      body();
      return;
    }
    const counter = this.counters[this.kernel.loops.length + reduction]!;
    this.f.forRange(counter, 0, this.kernel.reductions[reduction]!, 1, () =>
      this.forReductions(count, body, reduction + 1),
    );
  }

  private forInner(
    loop: number,
    begin: Local | number,
    end: Local | number,
    step: number,
    body: () => void,
  ): void {
    this.f.forRange(this.counters[loop]!, begin, end, step, body);
  }

  private rangeOf(loop: number): [Local | number, Local | number] {
    return loop === 0 && this.kernel.loops.length > 0
      ? [this.from, this.to]
      : [0, [...this.kernel.loops, ...this.kernel.reductions][loop]!];
  }

  /** `begin + floor((end - begin) / block) * block`, in a fresh local. */
  private vectorEnd(begin: Local | number, end: Local | number, block: number): Local {
    const { f } = this;
    const local = f.local("i32");
    const push = (value: Local | number) => (typeof value === "number" ? f.i32(value) : f.get(value));
    push(end);
    push(begin);
    f.op("i32.sub").i32(-block).op("i32.and");
    push(begin);
    f.op("i32.add").set(local);
    return local;
  }

  // ---- Values and addresses ----

  /** The lanes of a loop: every access must stand still or run through neighbours. */
  private lanesAlong(loop: number, loadsOnly = false): Lanes {
    const lanes = widestLanes(this.kernel);
    const loads = [...this.uses.keys()].flatMap((e) => (e.kind === "load" ? [e.access] : []));
    const accesses = loadsOnly ? loads : [...loads, ...this.kernel.stores.map(({ access }) => access)];
    const fits = accesses.every(({ strides }) => strides[loop] === 0 || strides[loop] === 1);
    const storesRun = loadsOnly || this.kernel.stores.every(({ access }) => access.strides[loop] === 1);
    return fits && storesRun ? lanes : 1;
  }

  private values(lanes: Lanes, inner = this.kernel.loops.length - 1): Values {
    const { f, frame } = this;
    return new Values(
      f,
      lanes,
      {
        inner,
        address: this.addressAt(inner, 0),
        scalar: (index, type) => pushScalar(f, frame.scalars + 8 * index, type),
        callee: frame.callee,
      },
      this.uses,
    );
  }

  /** Constants and the caller's numbers, in locals before all loops. */
  private hoistConstants(lanes: Lanes, inner: number): Values {
    const values = this.values(lanes, inner);
    if (lanes > 1) {
      for (const expression of this.uses.keys()) {
        if (expression.kind === "scalar" || expression.kind === "constant") values.hoist(expression);
      }
    }
    return values;
  }

  /** What does not change along the inner loop, in locals before it. */
  private hoistInvariants(values: Values, inner: number): Values {
    const invariant = new Set<Expression>();
    for (const expression of this.uses.keys()) {
      const isInvariant =
        expression.kind === "load"
          ? expression.access.strides[inner] === 0
          : (expression.kind === "instruction" || expression.kind === "call") &&
            expression.operands.every((o) => invariant.has(o) || isFixed(o));
      if (isInvariant) {
        invariant.add(expression);
        values.hoist(expression);
      }
    }
    return values;
  }

  /** Sets the pointers of all rows for the current point of the loops before `inner`. */
  private setRows(inner: number, withReductions = false): void {
    const { f, counters, kernel } = this;
    const loads = [...this.uses.keys()].filter((e): e is Load => e.kind === "load");
    for (const load of loads) this.rowFor(load.buffer, load.access, bytesOf[load.type]);
    for (const { buffer, access, value } of kernel.stores) this.rowFor(buffer, access, bytesOf[value.type]);
    for (const row of this.rows.values()) {
      f.i32(this.frame.buffers + 4 * row.buffer).memory("i32.load");
      if (row.access.offset !== 0) f.i32(row.access.offset * row.bytes).op("i32.add");
      row.access.strides.forEach((stride, loop) => {
        const isSet = loop < inner || (withReductions && loop > inner);
        if (stride === 0 || !isSet) return;
        f.get(counters[loop]!)
          .i32(stride * row.bytes)
          .op("i32.mul")
          .op("i32.add");
      });
      f.set(row.pointer);
    }
  }

  private rowFor(buffer: number, access: Affine, bytes: number): Row {
    const key = `${buffer}+${access.offset}:${access.strides.join()}`;
    let row = this.rows.get(key);
    if (row === undefined) {
      row = { access, bytes, buffer, pointer: this.f.local("i32") };
      this.rows.set(key, row);
    }
    return row;
  }

  /** Pushes the address of an access at the inner loop's counter plus `ahead` elements; the rest is an immediate. */
  private addressAt(
    inner: number,
    ahead: number,
  ): (access: { readonly buffer: number; readonly access: Affine; readonly type: ScalarType }) => number {
    return ({ buffer, access, type }) => {
      const bytes = bytesOf[type];
      const { pointer } = this.rowFor(buffer, access, bytes);
      const stride = access.strides[inner] ?? 0;
      this.f.get(pointer);
      if (stride !== 0) {
        this.f
          .get(this.counters[inner]!)
          .i32(stride * bytes)
          .op("i32.mul")
          .op("i32.add");
      }
      return stride === 0 ? 0 : ahead * stride * bytes;
    };
  }

  private emitStore({ buffer, access, value }: Store, values: Values, inner: number, ahead: number): void {
    const { f } = this;
    const offset = this.addressAt(inner, ahead)({ buffer, access, type: value.type });
    values.push(value);
    emitStore(f, value.type, values.lanes, offset);
  }
}

const isFixed = (expression: Expression): boolean =>
  expression.kind === "constant" || expression.kind === "scalar";

/** How often each expression of a kernel is used, operands before their users. */
function countUses({ accumulators, stores }: LoopKernel): Map<Expression, number> {
  const roots = [...accumulators, ...stores].map(({ value }) => value);
  const uses = new Map<Expression, number>(expressionsOf(roots).map((expression) => [expression, 0]));
  const use = (expression: Expression) => uses.set(expression, uses.get(expression)! + 1);
  for (const expression of uses.keys()) {
    if (expression.kind === "instruction" || expression.kind === "call") expression.operands.forEach(use);
  }
  roots.forEach(use);
  return uses;
}

function pushScalar(f: FunctionBuilder, address: number, type: ScalarType): void {
  f.i32(address).memory("f64.load");
  if (type === "f32") f.op("f32.demote_f64");
  else if (type !== "f64") f.op("i64.trunc_sat_f64_s").op("i32.wrap_i64");
}

import {
  type Accumulator,
  type Affine,
  type Expression,
  kernelExpressions,
  type LoopKernel,
  operandsOf,
  type Phase,
  phaseExpressions,
  phaseRoots,
  type ScalarType,
  type Store,
} from "@amari/core/backend";
import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { Target } from "../wasm/target.ts";
import { bytesOf, type Lanes } from "./lanes.ts";
import { Pointers, type Reference } from "./pointers.ts";
import { emitStore, type Place, type Surroundings, Values } from "./values.ts";

/** Where a kernel's buffers and numbers are found while it runs. */
export interface Frame {
  /** Pushes the address of a buffer. */
  readonly pushAddress: (buffer: number) => void;
  /** Pushes a number that the caller handed over, as float64. */
  readonly pushNumber: (scalar: number) => void;
  readonly target: Target;
  readonly callee: Surroundings["callee"];
  /** Pushes the address of {@link stripBytes} bytes that the thread has for itself while it runs a kernel. */
  readonly pushStrip: (f: FunctionBuilder) => void;
}

/** So many steps along a loop. */
export interface Steps {
  readonly loop: number;
  readonly count: number;
}

/** An end of a range of a counter. */
export type Bound = Local | number;

/** So many instructions fill the body of a loop. */
const longestUnrolled = 24;

/** What the ways to run through a kernel share: its loops, the values of its expressions, and their addresses. */
export class KernelWriter {
  readonly f: FunctionBuilder;
  readonly kernel: LoopKernel;
  readonly frame: Frame;
  /** One for each parallel loop, then one for each loop of the deepest phase. */
  readonly counters: readonly Local[];
  readonly uses: ReadonlyMap<Expression, number>;

  constructor(f: FunctionBuilder, kernel: LoopKernel, frame: Frame) {
    this.f = f;
    this.kernel = kernel;
    this.frame = frame;
    const deepest = Math.max(0, ...kernel.phases.map(({ loops }) => loops.length));
    this.counters = Array.from({ length: kernel.loops.length + deepest }, () => f.local("i32"));
    this.uses = countUses(kernel);
  }

  /** Loops over the first `count` parallel loops; the outermost runs from `from` to `to`. */
  forParallel(count: number, body: () => void, loop = 0): void {
    if (loop === count) {
      body();
      return;
    }
    const [begin, end] = this.boundsOf(loop);
    this.f.forRange(this.counters[loop]!, begin, end, 1, () => this.forParallel(count, body, loop + 1));
  }

  /** Loops over the parallel loops before `loop`, and over it in tiles: `body` is told how to go through the rows of one. */
  forTiles(loop: number, rows: number, body: (eachRow: (row: () => void) => void) => void): void {
    const { f } = this;
    const [first, last] = [f.local("i32"), f.local("i32")];
    this.forParallel(loop, () => {
      const [begin, end] = this.boundsOf(loop);
      f.forRange(first, begin, end, rows, () => {
        // last = min(first + rows, end)
        f.get(first).i32(rows).op("i32.add");
        this.pushBound(end);
        f.get(first).i32(rows).op("i32.add");
        this.pushBound(end);
        f.op("i32.lt_s").op("select").set(last);
        body((row) => f.forRange(this.counters[loop]!, first, last, 1, row));
      });
    });
    f.release(first);
    f.release(last);
  }

  /** Loops over the first `count` loops of a phase. */
  forPhase(count: number, phase: Phase, body: () => void, loop = 0): void {
    if (loop === count) {
      body();
      return;
    }
    const counter = this.counters[this.kernel.loops.length + loop]!;
    this.f.forRange(counter, 0, phase.loops[loop]!, 1, () => this.forPhase(count, phase, body, loop + 1));
  }

  boundsOf(loop: number): [Bound, Bound] {
    const [from, to] = this.f.parameters as [Local, Local];
    return loop === 0 ? [from, to] : [0, this.kernel.loops[loop]!];
  }

  /** `begin + floor((end - begin) / block) * block`, in a fresh local. */
  vectorEnd(begin: Bound, end: Bound, block: number): Local {
    const { f } = this;
    const local = f.local("i32");
    this.pushBound(end);
    this.pushBound(begin);
    f.op("i32.sub").i32(-block).op("i32.and");
    this.pushBound(begin);
    f.op("i32.add").set(local);
    return local;
  }

  pushBound(bound: Bound): void {
    if (typeof bound === "number") this.f.i32(bound);
    else this.f.get(bound);
  }

  pointers(loops: readonly number[], below: Pointers | null = null): Pointers {
    return new Pointers(this.f, this.frame.pushAddress, this.counters, loops, below);
  }

  values(lanes: Lanes, inner: number, pointers: Pointers): Values {
    const { f, frame } = this;
    return new Values(
      f,
      lanes,
      {
        inner,
        place: this.placeAt(inner, pointers, 0),
        counter: (loop) => this.counters[loop]!,
        scalar: (index, type) => {
          frame.pushNumber(index);
          convertFromFloat64(f, type);
        },
        callee: frame.callee,
        target: frame.target,
      },
      this.uses,
    );
  }

  /** Constants and the caller's numbers, in locals before all loops. */
  hoistConstants(lanes: Lanes, inner: number, pointers: Pointers): Values {
    const values = this.values(lanes, inner, pointers);
    if (lanes > 1) {
      for (const expression of this.uses.keys()) {
        if (expression.kind === "scalar" || expression.kind === "constant") values.hoist(expression);
      }
    }
    return values;
  }

  /** What does not change along the inner loop, in locals before it. */
  hoistInvariants(values: Values, inner: number, expressions: Iterable<Expression>): Values {
    for (const expression of invariantsOf(expressions, [inner])) values.hoist(expression);
    return values;
  }

  /**
   * The inner loop's counter plus `ahead` elements, and possibly some steps further along another loop; the rest of an
   * address is an immediate.
   */
  placeAt(inner: number, pointers: Pointers, ahead: number, steps?: Steps): Place {
    return {
      ahead,
      address: ({ buffer, access, type }) => {
        const reference = { buffer, access, bytes: bytesOf[type] };
        this.f.get(pointers.of(reference));
        if (!pointers.follows(inner)) pointers.addLoops(reference, [inner]);
        const stride = (loop: number) => access.strides[loop] ?? 0;
        const elements = ahead * stride(inner) + (steps === undefined ? 0 : steps.count * stride(steps.loop));
        const offset = elements * reference.bytes;
        if (offset >= 0) return offset;
        // The immediate of a memory instruction has no sign.
        this.f.i32(offset).op("i32.add");
        return 0;
      },
    };
  }

  define(values: Values, { index }: Accumulator, local: Local): void {
    for (const expression of this.uses.keys())
      if (expression.kind === "accumulated" && expression.index === index) values.define(expression, local);
  }

  /**
   * How many neighbouring vectors a loop without folds computes at a time: pairs, where V8 makes one of them, and otherwise
   * the more the shorter the body is, since every round counts, compares and looks whether the engine wants to interrupt.
   */
  copiesOf(lanes: Lanes, extent: number, phase: Phase): number {
    if (lanes === 1) return 1;
    if (this.frame.target.revectorised) return extent >= 2 * lanes ? 2 : 1;
    const length = phaseExpressions(phase).filter(({ kind }) => kind === "instruction").length;
    const vectors = Math.floor(extent / lanes);
    // What does not fill a round is computed vector by vector or one by one.
    const fits = (copies: number) => vectors % copies === 0 || vectors >= 16 * copies;
    return [4, 2].find((copies) => copies * length <= longestUnrolled && fits(copies)) ?? 1;
  }

  /**
   * Pointers for the body of a vector loop. V8 pairs the accesses of neighbouring vectors if their addresses are one value,
   * with immediates; it does not look whether two are computed alike.
   */
  pointersOfBody(inner: number, pointers: Pointers, phase: Phase, copies: number): Pointers {
    if (!this.frame.target.revectorised || copies === 1) return pointers;
    const near = this.pointers([inner], pointers);
    near.set(referencesOf(phase));
    return near;
  }

  /**
   * Stores what a phase computes for one or more neighbouring vectors. All values are computed before the first is stored: a
   * result may stand where an operand does, and V8 pairs stores with no load between them only.
   */
  emitStores({ stores }: Phase, ...copies: readonly (readonly [Values, Place])[]): void {
    const { f } = this;
    if (stores.length * copies.length > 1)
      for (const [values] of copies) for (const { value } of stores) values.hoist(value);
    for (const { buffer, access, value } of stores) {
      for (const [values, { address }] of copies) {
        const offset = address({ buffer, access, type: value.type });
        values.push(value);
        emitStore(f, value.type, values.lanes, offset, values.along(access));
      }
    }
  }
}

export const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** The memory that a phase reads and writes. */
export function referencesOf(phase: Phase): Reference[] {
  const loads = phaseExpressions(phase).filter((e) => e.kind === "load");
  const stores = phase.stores.map(({ value, ...store }: Store) => ({ ...store, type: value.type }));
  return [...loads, ...stores].map(({ buffer, access, type }) => ({ buffer, access, bytes: bytesOf[type] }));
}

/** Whether every access of a phase stands still or runs through neighbours along a loop. */
export function isSideBySide(phase: Phase, loop: number, storesRun: boolean): boolean {
  const isNear = ({ strides }: Affine) => (strides[loop] ?? 0) === 0 || strides[loop] === 1;
  const loads = phaseExpressions(phase).filter((e) => e.kind === "load");
  return (
    loads.every(({ access }) => isNear(access)) &&
    phase.stores.every(({ access }) => isNear(access) && (!storesRun || access.strides[loop] === 1))
  );
}

/** The loads and computations that do not change along some loops, operands first. */
export function invariantsOf(expressions: Iterable<Expression>, loops: readonly number[]): Expression[] {
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
  const uses = new Map<Expression, number>();
  for (const expression of kernelExpressions(kernel)) uses.set(expression, 0);
  const use = (expression: Expression) => uses.set(expression, uses.get(expression)! + 1);
  for (const expression of uses.keys()) for (const operand of operandsOf(expression)) use(operand);
  for (const phase of kernel.phases) phaseRoots(phase).forEach(use);
  return uses;
}

function convertFromFloat64(f: FunctionBuilder, type: ScalarType): void {
  if (type === "f32") f.op("f32.demote_f64");
  else if (type !== "f64") f.op("i64.trunc_sat_f64_s").op("i32.wrap_i64");
}

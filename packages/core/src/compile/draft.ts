import {
  type Accumulator,
  type Affine,
  type Expression,
  expressionsOf,
  type LoopKernel,
  type Phase,
  phaseRoots,
  type Shift,
  type Store,
} from "./kernel.ts";
import { KernelBuilder } from "./kernel-builder.ts";
import { splitAccess } from "./loop-shapes.ts";
import { originOf, recordOrigin } from "./origins.ts";

/** A phase that others can still be merged into. */
export interface DraftPhase {
  readonly loops: readonly number[];
  readonly accumulators: Accumulator[];
  readonly stores: Store[];
}

/** How the leaves of an expression are carried over into another kernel. */
export interface Leaves {
  readonly access: (access: Affine) => Affine;
  readonly load?: (load: Extract<Expression, { kind: "load" }>) => Expression | null;
  readonly accumulated?: (index: number) => number;
}

/** A kernel that others are being merged into. */
export class Draft {
  readonly loops: readonly number[];
  readonly phases: DraftPhase[] = [];
  readonly builder: KernelBuilder = new KernelBuilder();
  /** The phase that stores a buffer, and the store. */
  readonly stored: Map<number, { readonly phase: number; readonly store: Store }> = new Map();
  /** The buffers that are loaded. */
  readonly reads: Set<number> = new Set();
  private accumulators = 0;

  constructor(loops: readonly number[]) {
    this.loops = loops;
  }

  /** A kernel over the same points, its parallel loops split into `finer` ones, the last of which move into the phase. */
  static of(
    kernel: LoopKernel,
    finer: readonly number[] = kernel.loops,
    parallel: number = finer.length,
  ): Draft {
    const draft = new Draft(finer.slice(0, parallel));
    const access = (a: Affine) => splitAccess(a, kernel.loops, finer);
    kernel.phases.forEach((phase, at) => {
      draft.phases.push({ loops: [...finer.slice(parallel), ...phase.loops], accumulators: [], stores: [] });
      draft.write(at, phase, { access });
    });
    return draft;
  }

  /** Adds what a phase of another kernel does to one of this kernel's; returns what its accumulators are called here. */
  write(
    at: number,
    { accumulators, stores }: Pick<Phase, "accumulators" | "stores">,
    leaves: Leaves,
  ): number[] {
    const phase = this.phases[at]!;
    const carried = this.carry(phaseRoots({ accumulators, stores }), leaves);
    const numbers = accumulators.map((accumulator) => {
      const value = carried.get(accumulator.value)!;
      const known = phase.accumulators.find(
        (other) =>
          other.value === value &&
          other.combine === accumulator.combine &&
          other.partials === accumulator.partials,
      );
      if (known !== undefined) return known.index;
      const index = this.accumulators++;
      phase.accumulators.push({ ...accumulator, index, value });
      return index;
    });
    for (const { buffer, access, value } of stores) {
      const store = { buffer, access: leaves.access(access), value: carried.get(value)! };
      phase.stores.push(store);
      this.stored.set(buffer, { phase: at, store });
    }
    return numbers;
  }

  /** Expressions of another kernel as expressions of this one. */
  private carry(
    roots: readonly Expression[],
    { access, load, accumulated }: Leaves,
  ): Map<Expression, Expression> {
    const { builder } = this;
    const carried = new Map<Expression, Expression>();
    const moved = (shift: Shift | undefined) => shift && { ...shift, by: carried.get(shift.by)! };
    const convert = (e: Expression): Expression => {
      switch (e.kind) {
        case "load": {
          const replaced = load?.(e) ?? null;
          if (replaced !== null) return replaced;
          this.reads.add(e.buffer);
          return builder.load(e.buffer, access(e.access), e.type, moved(e.shift));
        }
        case "index":
          return builder.index(access(e.access));
        case "constant":
          return builder.constant(e.value, e.type);
        case "scalar":
          return builder.scalar(e.index, e.type);
        case "accumulated":
          return builder.accumulated(accumulated?.(e.index) ?? e.index, e.type);
        default:
          return builder.rebuild(
            e,
            e.operands.map((operand) => carried.get(operand)!),
          );
      }
    };
    for (const expression of expressionsOf(roots)) {
      carried.set(expression, convert(expression));
      const origin = originOf(expression);
      if (origin === undefined) continue;
      const operands = origin.operands.map((operand) => carried.get(operand)!);
      recordOrigin(carried.get(expression)!, { ...origin, operands });
    }
    return carried;
  }

  /** An expression of this kernel under other loops. */
  restate(expression: Expression, access: (a: Affine) => Affine): Expression {
    return this.carry([expression], { access }).get(expression)!;
  }

  /** The finished kernel, without stores to buffers that nobody needs. */
  finish(isNeeded: (buffer: number) => boolean): LoopKernel {
    const phases = this.phases
      .map(({ loops, accumulators, stores }) => ({
        loops,
        accumulators,
        stores: stores.filter(({ buffer }) => isNeeded(buffer)),
      }))
      .filter(({ accumulators, stores }) => accumulators.length + stores.length > 0);
    return { loops: this.loops, phases };
  }
}

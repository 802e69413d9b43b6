import { type Expression, phaseExpressions, type Store } from "@amari/core/backend";
import { isOwn, isSamePlace, loadsIn, loadsOf, wantedLoads } from "./pass-loads.ts";
import { type Pass, product } from "./passes.ts";
import { hasQuads, neighbours, quad } from "./quads.ts";
import type { Load, Scope } from "./scope.ts";
import { SweepWriter } from "./sweep-writer.ts";

/** Elements that an invocation holds at most, and lines of code for all of them. */
const mostHeld = 32;
const mostHeldLines = 3000;

/** An element, or four neighbours, that an invocation holds: what it knows of them lasts from phase to phase. */
interface Slot {
  /** What stands behind the names of the counters of the phase's loops. */
  readonly suffix: string;
  /** Whether it is one of the point's; null: certainly. */
  readonly test: string | null;
  /** What is known of each neighbour. */
  readonly known: ReadonlyMap<Expression, string>[];
  /** The names of the words that were loaded for all four. */
  readonly loaded: Map<Load, string>;
}

/** Writes passes of which invocations hold their elements: all that is known of one lasts from phase to phase. */
export class HeldWriter extends SweepWriter {
  /** What invocations hold of the elements, by the loops that go over them. */
  private readonly held = new Map<string, readonly Slot[]>();

  /** Whether invocations can hold what they compute of the elements of a pass, which is written out for each. */
  protected canHold(pass: Pass): boolean {
    const { phase, strands } = pass;
    const elements = this.chunkLength(pass) / this.lanesOf(pass);
    return (
      this.context.lanes > 1 &&
      strands === quad * this.lanesOf(pass) &&
      elements <= mostHeld &&
      elements * phaseExpressions(phase).length <= mostHeldLines
    );
  }

  /** Stores that all readers can do without, where invocations hold what they compute. */
  protected needlessStores(passes: readonly Pass[]): Store[] {
    const { hasOneReader } = this.context;
    const isNeedless = (pass: Pass, i: number, store: Store): boolean => {
      const readers = passes.flatMap((other, j) =>
        loadsOf(other).flatMap((load) => (load.buffer === store.buffer ? [{ other, j, load }] : [])),
      );
      return (
        // Then it is this kernel that reads it, and no other.
        readers.length > 0 &&
        hasOneReader(store.buffer) &&
        readers.every(({ other, j, load }) => j > i && isOwn(pass, store, other, load))
      );
    };
    return passes.flatMap((pass, i) => pass.stores.filter((store) => isNeedless(pass, i, store)));
  }

  /** Elements that invocations hold from pass to pass, all of the pass written out. */
  protected writeHeld(main: Scope, pass: Pass, roots: readonly Expression[]): void {
    const { phase, accumulators, stores } = pass;
    const slots = this.slotsOf(main, pass);
    this.declareStrands(main, accumulators);
    const later = this.kernel.phases.flatMap((other) =>
      other.loops.join() === phase.loops.join() ? loadsIn(other) : [],
    );
    const within = (slot: Slot, work: () => void): void => {
      [this.suffix, this.loaded] = [slot.suffix, slot.loaded];
      work();
      [this.suffix, this.loaded, this.neighbour] = ["", new Map(), 0];
    };
    const scopeOf = (slot: Slot, i: number): Scope => main.child(slot.known[i]!);
    // All that is loaded is under way before any of it is wanted.
    for (const slot of slots) {
      within(slot, () => {
        if (!this.isByQuads) {
          slot.known.forEach((known, i) => {
            this.neighbour = this.isQuad(slot) ? i : 0;
            const scope = main.child(known);
            for (const load of wantedLoads(roots, known)) scope.value(load);
            main.append(scope);
            slot.known[i] = scope.values;
          });
        } else this.loadQuads(main, this.quadLoads(pass, roots, slot.known[0]!));
      });
    }
    slots.forEach((slot, k) => {
      const fold = (scope: Scope, i: number): void => {
        for (const a of accumulators) {
          const name = `a${a.index}_${i}`;
          const sum = this.combined(a, name, scope.value(a.value));
          scope.line(`${name} = ${slot.test === null ? sum : `select(${name}, ${sum}, ${slot.test})`};`);
        }
        for (const { buffer, access, value } of stores) {
          const name = scope.value(value);
          const loads = later.filter((load) => load.buffer === buffer && isSamePlace(load, access));
          for (const load of loads) if (load.type === value.type) scope.know(load, name);
        }
      };
      const tests = [...this.storingTests(pass), ...(slot.test === null ? [] : [slot.test])];
      within(slot, () => {
        if (this.isQuad(slot)) {
          const scopes = neighbours.map((i) => scopeOf(slot, i));
          this.writeQuad(main, pass, tests, (i) => {
            fold(scopes[i]!, i);
            return scopes[i]!;
          });
          scopes.forEach((scope, i) => {
            slot.known[i] = scope.values;
          });
          return;
        }
        const scope = scopeOf(slot, 0);
        fold(scope, k % quad);
        const lines = this.storesOf(pass).map((store) => this.put(store, scope.value(store.value)));
        this.writeStores(scope, tests, lines);
        main.append(scope);
        slot.known[0] = scope.values;
      });
    });
    for (const a of accumulators) main.line(`var a${a.index} = ${this.combinedStrands(a)};`);
  }

  private isQuad(slot: Slot): boolean {
    return slot.known.length === quad;
  }

  /** The elements that an invocation holds of a pass, in the order of the strands: by quads where these are neighbours. */
  private slotsOf(main: Scope, pass: Pass): readonly Slot[] {
    const { phase, strands } = pass;
    const name = phase.loops.join();
    const found = this.held.get(name);
    if (found !== undefined) return found;
    const number = this.held.size;
    const elements = product(phase.loops);
    const length = this.chunkLength(pass);
    const { begin, end } = this.rangeOf(pass);
    const isByQuads = hasQuads(phase);
    const step = isByQuads ? quad : 1;
    main.line(`let begin${number} = ${begin} + ${quad} * ${this.laneOf(pass)};`);
    if (this.chunks > 1) main.line(`let end${number} = ${end};`);
    const last = this.chunks > 1 ? `end${number}` : end;
    const slots: Slot[] = [];
    for (let round = 0; round < length / strands; round++) {
      const isWhole = this.chunks > 1 ? elements % length === 0 : (round + 1) * strands <= elements;
      for (let i = 0; i < quad; i += step) {
        const suffix = `_${number}_${slots.length}`;
        const at = `begin${number} + ${round * strands + i}`;
        // Who has no element there repeats the last, and neither folds nor stores it.
        main.line(`let e${suffix} = ${isWhole ? at : `min(${at}, ${last} - ${step})`};`);
        this.suffix = suffix;
        this.splitPlace(main, `e${suffix}`, phase.loops, this.kernel.loops.length);
        this.suffix = "";
        slots.push({
          suffix,
          test: isWhole ? null : `${at} < ${last}`,
          known: Array.from({ length: step }, () => new Map()),
          loaded: new Map(),
        });
      }
    }
    this.held.set(name, slots);
    return slots;
  }
}

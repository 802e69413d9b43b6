import { type Accumulator, type Expression, kernelExpressions, type Store } from "@amari/core/backend";
import { type HalfWord, KernelWriter } from "./kernel-writer.ts";
import { combineNeighbours } from "./lane-tree.ts";
import { storesPairs } from "./pairs.ts";
import { goesByQuads, wantedLoads } from "./pass-loads.ts";
import { type Pass, product } from "./passes.ts";
import { hasQuads, neighbours, quad } from "./quads.ts";
import type { Load, Scope } from "./scope.ts";

/** Writes passes by loops: one element after the other, or dealt out to strands, four neighbours at a time. */
export class SweepWriter extends KernelWriter {
  /** Stores of which nobody learns, since all who read them hold the values. */
  protected readonly needless: Set<Store> = new Set();
  protected lanes = 1;
  protected chunks = 1;
  /** Whether all invocations have a point. */
  protected isFull = true;

  /** What a pass stores, but for what nobody will read. */
  protected storesOf({ stores }: Pass): readonly Store[] {
    return stores.filter((store) => !this.needless.has(store));
  }

  /** What holds of invocations that have a point. */
  protected get insideTest(): string[] {
    return this.isFull ? [] : ["isInside"];
  }

  /** How many invocations share the elements of a pass; the others of its point repeat what those do. */
  protected lanesOf({ strands }: Pass): number {
    return Math.max(1, Math.min(this.context.lanes, strands / quad));
  }

  /** Elements of a chunk, the last of which may have fewer. */
  protected chunkLength({ phase, strands }: Pass, elements: number = product(phase.loops)): number {
    return Math.ceil(elements / this.chunks / strands) * strands;
  }

  /** The elements of an invocation's chunk. */
  protected rangeOf(
    pass: Pass,
    elements: number = product(pass.phase.loops),
  ): { readonly begin: string; readonly end: string } {
    if (this.chunks === 1) return { begin: "0", end: String(elements) };
    const length = this.chunkLength(pass, elements);
    return { begin: `chunk * ${length}`, end: `min(${elements}, chunk * ${length} + ${length})` };
  }

  /** The number of an invocation among those that share a pass. */
  protected laneOf(pass: Pass): string {
    const lanes = this.lanesOf(pass);
    return lanes === 1 ? "0" : `i32(lane${lanes === this.size ? "" : ` % ${lanes}u`})`;
  }

  /** What has to hold where a pass stores. */
  protected storingTests(pass: Pass): string[] {
    const lanes = this.lanesOf(pass);
    return [
      ...(lanes === this.lanes ? [] : [`lane % ${this.lanes}u < ${lanes}u`]),
      ...this.insideTest,
      ...(pass.phase.loops.length === 0 && this.chunks > 1 ? ["chunk == 0"] : []),
    ];
  }

  /** One element after the other. */
  protected writeInTurn(main: Scope, pass: Pass): void {
    const { phase, accumulators, stores } = pass;
    for (const a of accumulators) main.line(`var a${a.index} = ${this.initial(a)};`);
    const write = (scope: Scope): void => {
      for (const a of accumulators)
        scope.line(`a${a.index} = ${this.combined(a, `a${a.index}`, scope.value(a.value))};`);
      const values = stores.map(({ value }) => scope.value(value));
      const lines = stores.map((store, i) => this.put(store, values[i]!));
      this.writeStores(scope, this.storingTests(pass), lines);
    };
    const first = this.kernel.loops.length;
    const inPairs =
      this.words === null && stores.some(({ buffer }) => this.isHalf(buffer)) && this.hasPairsInside(pass);
    if (phase.loops.length === 0) write(main);
    else if (this.chunks === 1 && !inPairs) {
      const nest = (scope: Scope, loop: number): void => {
        if (loop === phase.loops.length) {
          write(scope);
          return;
        }
        const counter = `i${first + loop}`;
        const body = scope.child();
        nest(body, loop + 1);
        scope.block(`for (var ${counter} = 0; ${counter} < ${phase.loops[loop]}; ${counter}++)`, body);
      };
      nest(main, 0);
    } else {
      const body = main.child();
      const writeElement = (scope: Scope, element: string): void => {
        this.splitPlace(scope, element, phase.loops, first);
        write(scope);
      };
      const elements = product(phase.loops);
      if (inPairs)
        this.inPairs(body, "e", "element", elements, "", (scope) => writeElement(scope, "element"));
      else writeElement(body, "e");
      const { begin, end } = this.rangeOf(pass, inPairs ? Math.ceil(elements / 2) : elements);
      main.block(`for (var e = ${begin}; e < ${end}; e++)`, body);
    }
  }

  protected declareStrands(scope: Scope, accumulators: readonly Accumulator[]): void {
    for (const a of accumulators)
      for (const i of neighbours) scope.line(`var a${a.index}_${i} = ${this.initial(a)};`);
  }

  /** Four strands of an accumulator as one. */
  protected combinedStrands(a: Accumulator): string {
    return combineNeighbours(
      neighbours.map((i) => `a${a.index}_${i}`),
      (x, y) => this.combined(a, x, y),
    );
  }

  /** Quads of strands one after the other, by loops over their elements. */
  protected writeRounds(main: Scope, pass: Pass, roots: readonly Expression[]): void {
    const { accumulators, strands } = pass;
    const { begin, end } = this.rangeOf(pass);
    const quads = strands / this.lanesOf(pass) / quad;
    const rounds = (scope: Scope, first: string): void => {
      this.declareStrands(scope, accumulators);
      const body = scope.child();
      this.writeNeighbours(body, pass, roots, end);
      scope.block(`for (var e = ${begin} + ${first}; e < ${end}; e += ${strands})`, body);
    };
    if (quads === 1) {
      rounds(main, `${quad} * ${this.laneOf(pass)}`);
      for (const a of accumulators) main.line(`var a${a.index} = ${this.combinedStrands(a)};`);
      return;
    }
    for (const a of accumulators) main.line(`var parts${a.index}: array<${a.type}, ${quads}>;`);
    const body = main.child();
    rounds(body, `${quad} * (${this.laneOf(pass)} * ${quads} + q)`);
    for (const a of accumulators) body.line(`parts${a.index}[q] = ${this.combinedStrands(a)};`);
    main.block(`for (var q = 0; q < ${quads}; q++)`, body);
    if (accumulators.length === 0) return;
    const level = main.child();
    for (const a of accumulators) {
      const part = (i: string) => `parts${a.index}[${i}]`;
      level.line(`${part("p")} = ${this.combined(a, part("2 * p"), part("2 * p + 1"))};`);
    }
    const levels = main.child();
    levels.block("for (var p = 0; p < count; p++)", level);
    main.block(`for (var count = ${quads / 2}; count > 0; count /= 2)`, levels);
    for (const a of accumulators) main.line(`var a${a.index} = parts${a.index}[0];`);
  }

  /** Four neighbours from element `e` on. */
  private writeNeighbours(scope: Scope, pass: Pass, roots: readonly Expression[], end: string): void {
    const { phase, accumulators, stores } = pass;
    const first = this.kernel.loops.length;
    const fold = (body: Scope, i: number): void => {
      for (const a of accumulators) {
        const name = `a${a.index}_${i}`;
        body.line(`${name} = ${this.combined(a, name, body.value(a.value))};`);
      }
    };
    if (hasQuads(phase)) {
      this.splitPlace(scope, "e", phase.loops, first);
      this.loaded = new Map();
      this.loadQuads(scope, this.quadLoads(pass, roots, new Map()));
      this.writeQuad(scope, pass, this.storingTests(pass), (i) => {
        const body = scope.child();
        fold(body, i);
        return body;
      });
      this.loaded = new Map();
      return;
    }
    for (const i of neighbours) {
      const body = scope.child();
      this.splitPlace(body, i === 0 ? "e" : `(e + ${i})`, phase.loops, first);
      fold(body, i);
      const values = stores.map(({ value }) => body.value(value));
      this.writeStores(
        body,
        this.storingTests(pass),
        stores.map((store, k) => this.put(store, values[k]!)),
      );
      scope.block(i === 0 || product(phase.loops) % quad === 0 ? "" : `if (e + ${i} < ${end})`, body);
    }
  }

  /** Computes four neighbours, each in a scope that is handed in, and stores all. */
  protected writeQuad(
    main: Scope,
    pass: Pass,
    tests: readonly string[],
    scopeOf: (neighbour: number) => Scope,
  ): void {
    const stores = this.storesOf(pass);
    const { isAligned } = this.context;
    const byQuads = stores.map((store) => goesByQuads(pass, store, isAligned));
    const values = neighbours.map((i) => {
      this.neighbour = i;
      const scope = scopeOf(i);
      const own = stores.map((store, k) =>
        byQuads[k] ? this.inQuad(store, scope) : this.put(store, scope.value(store.value)),
      );
      main.append(scope);
      return own;
    });
    this.neighbour = 0;
    const lines = stores.flatMap((store, k) => {
      const four = values.map((own) => own[k]!);
      return byQuads[k] ? this.putQuad(store, four) : four;
    });
    this.writeStores(main, tests, lines);
  }

  /** What a pass loads by quads. */
  protected quadLoads(
    pass: Pass,
    roots: readonly Expression[],
    known: ReadonlyMap<Expression, string>,
  ): Load[] {
    if (!this.isByQuads) return [];
    return wantedLoads(roots, known).filter(
      (load) => !this.loaded.has(load) && goesByQuads(pass, load, this.context.isAligned),
    );
  }

  /** Whether neighbouring points store the halves of words, so that an invocation or a workgroup can take two of them. */
  protected hasPairsOfPoints({ phase, stores }: Pass): boolean {
    // The words are written in the end, so that nothing may read them before.
    const isRead = kernelExpressions(this.kernel).some(
      (e) => e.kind === "load" && stores.some(({ buffer }) => buffer === e.buffer),
    );
    return phase.loops.length === 0 && !isRead && this.storePairs(stores, this.kernel.loops);
  }

  /**
   * Whether one invocation stores both halves of each word: neighbours in the loops of a pass, taken one after the other, or
   * quads.
   */
  protected hasPairsInside(pass: Pass): boolean {
    const { phase, accumulators, strands } = pass;
    const { isAligned } = this.context;
    const stores = this.storesOf(pass);
    if (strands > 1)
      return stores.every((store) => !this.isHalf(store.buffer) || goesByQuads(pass, store, isAligned));
    return phase.loops.length > 0 && accumulators.length === 0 && this.storePairs(stores, phase.loops);
  }

  private storePairs(stores: readonly Store[], loops: readonly number[]): boolean {
    return stores.every((store) => !this.isHalf(store.buffer) || storesPairs(store, loops, this.context));
  }

  /**
   * Writes statements for two neighbours, one after the other, and then the words that the halves which they store make.
   *
   * @param pair - the number of the pair
   * @param number - the name that the number of each neighbour gets
   * @param count - how many neighbours there are: of an odd number, the last is alone
   * @param writes - the condition under which an invocation writes; empty: always
   */
  protected inPairs(
    scope: Scope,
    pair: string,
    number: string,
    count: number,
    writes: string,
    body: (scope: Scope) => void,
  ): void {
    const words: HalfWord[] = [];
    const inside = scope.child();
    // Where invocations wait for each other all take two; whoever has one takes it twice.
    const own = `${pair} * 2 + side`;
    const isOdd = count % 2 === 1;
    inside.line(`let ${number} = ${isOdd && this.lanes > 1 ? `min(${own}, ${count - 1})` : own};`);
    this.words = words;
    body(inside);
    this.words = null;
    for (const { at, value } of words) {
      scope.line(`var ${at} = 0;`);
      scope.line(`var ${value} = 0u;`);
    }
    const sides = isOdd && this.lanes === 1 ? `min(2, ${count} - ${pair} * 2)` : "2";
    scope.block(`for (var side = 0; side < ${sides}; side++)`, inside);
    this.writeStores(
      scope,
      writes === "" ? [] : [writes],
      words.map(({ at, value }) => this.putWord(`${at} >> 1u`, value)),
    );
  }
}

import type { Accumulator, Expression, LoopKernel } from "@amari/core/backend";
import { wordAt } from "./heap-cells.ts";
import { HeldWriter } from "./held-writer.ts";
import { combineLanes, type Lanes, type LaneValue, laneTreeWords } from "./lane-tree.ts";
import type { ShaderType } from "./literal.ts";
import { goesByQuads, isOwn, loadsOf } from "./pass-loads.ts";
import { type Pass, product } from "./passes.ts";
import { fromWord, type Scope, toWord } from "./scope.ts";
import {
  aloneWorkgroup,
  flatWorkgroup,
  gridOf,
  groupNumber,
  type KernelContext,
  type Shader,
} from "./shader.ts";
import { ownMemory, type TableLayout } from "./table.ts";

/** Invocations in a workgroup where long folds are shared: more only where more share one. */
const sharedWorkgroup = 64;

/** Where an earlier shader has left the results of an accumulator's chunks. */
export interface PartialResults {
  readonly accumulator: Accumulator;
  readonly at: number;
  readonly chunks: number;
}

/** Writes the shaders of kernels with folds: where invocations stand, their passes, and what they exchange between them. */
export class PassWriter extends HeldWriter {
  private readonly memory: ReadonlyMap<number, PartialResults>;
  /** Whether nobody has used the workgroup's memory yet. */
  private isFresh = true;

  /** @param memory - what earlier shaders have left, by the numbers of the accumulators */
  constructor(
    kernel: LoopKernel,
    table: TableLayout,
    context: KernelContext,
    memory: ReadonlyMap<number, PartialResults> = new Map(),
  ) {
    super(kernel, table, context);
    this.memory = memory;
  }

  /** @param part - where this is one of several shaders: into how many chunks it is cut, and where their results begin */
  write(passes: readonly Pass[], part?: { readonly chunks: number; readonly memory: number | null }): Shader {
    const { chunks = 1, memory = null } = part ?? {};
    const points = product(this.kernel.loops);
    this.chunks = chunks;
    this.lanes = Math.max(...passes.map((pass) => this.lanesOf(pass)));
    const isHeld = passes.every((pass) => pass.strands === 1 || this.canHold(pass));
    if (isHeld && part === undefined)
      for (const store of this.needlessStores(passes)) this.needless.add(store);
    const storing = passes.filter((pass) => this.storesOf(pass).some(({ buffer }) => this.isHalf(buffer)));
    const inPairs =
      chunks === 1 && storing.length > 0 && storing.every((pass) => this.hasPairsOfPoints(pass));
    if (memory === null && this.goesByQuads(passes)) this.cells = this.cellsOfQuads();
    else if (!inPairs && !storing.every((pass) => this.hasPairsInside(pass))) this.cells = "atomic<u32>";
    const main = this.scope();
    const total = inPairs ? Math.ceil(points / 2) : points * chunks;
    const groups = this.writePlace(main, passes, total);
    const writePoint = (scope: Scope): void => {
      this.splitPlace(scope, "point", this.kernel.loops, 0);
      for (const result of this.memory.values()) this.combineChunks(scope, result, points);
      let since = 0;
      passes.forEach((pass, i) => {
        if (this.mustWait(passes.slice(since, i), pass)) {
          scope.line("workgroupBarrier(); storageBarrier();");
          since = i;
        }
        this.writePass(scope, pass, isHeld);
        if (memory !== null && pass.accumulators.length > 0)
          this.keepChunks(scope, pass.accumulators, memory, points);
      });
    };
    if (inPairs) {
      // What the first point left in the workgroup's memory may still be read.
      this.isFresh = false;
      const tests = [...(this.lanes === 1 ? [] : [`lane % ${this.lanes}u == 0u`]), ...this.insideTest];
      this.inPairs(main, "place", "point", points, tests.join(" && "), writePoint);
    } else {
      main.line(`let point = place${chunks > 1 ? ` % ${points}` : ""};`);
      if (chunks > 1) main.line(`let chunk = place / ${points};`);
      writePoint(main);
    }
    return { text: this.assemble(main), groups };
  }

  /** Declares the place of the invocation among points and chunks; returns how many workgroups there are. */
  private writePlace(main: Scope, passes: readonly Pass[], total: number): Shader["groups"] {
    const { lanes } = this;
    const isLong = passes.some(({ strands }) => strands > 1);
    if (lanes === 1) {
      this.size = isLong && this.context.lanes === 1 ? aloneWorkgroup : flatWorkgroup(total);
      main.line(`let place = i32(${groupNumber} * ${this.size}u + lane);`);
      main.line(`if (place >= ${total}) { return; }`);
      return gridOf(Math.ceil(total / this.size));
    }
    this.size = Math.max(sharedWorkgroup, lanes);
    const places = this.size / lanes;
    this.isFull = total % places === 0;
    const [first, own] = places === 1 ? ["", ""] : [` * ${places}u`, ` + lane / ${lanes}u`];
    main.line(`if (i32(${groupNumber}${first}) >= ${total}) { return; }`);
    const place = `i32(${groupNumber}${first}${own})`;
    // All come to the barriers; those without a point compute the last and store nothing.
    main.line(`let place = ${this.isFull ? place : `min(${place}, ${total - 1})`};`);
    if (!this.isFull) main.line(`let isInside = ${place} < ${total};`);
    return gridOf(Math.ceil(total / places));
  }

  /** Whether the heap can be accessed by quads: all is stored by quads, and something is loaded so. */
  private goesByQuads(passes: readonly Pass[]): boolean {
    const { isAligned } = this.context;
    const stores = passes.flatMap((pass) => this.storesOf(pass).map((store) => ({ pass, store })));
    return (
      passes.some((pass) => loadsOf(pass).some((load) => goesByQuads(pass, load, isAligned))) &&
      stores.every(({ pass, store }) => goesByQuads(pass, store, isAligned))
    );
  }

  /** Whether invocations must wait for each other before a pass, since the last time they did. */
  private mustWait(earlier: readonly Pass[], pass: Pass): boolean {
    if (this.lanes === 1 || earlier.length === 0) return false;
    const readsOthers = earlier.some((before) =>
      before.stores.some((store) =>
        loadsOf(pass).some((load) => load.buffer === store.buffer && !isOwn(before, store, pass, load)),
      ),
    );
    // To have the result of a fold is to know that all others have read what they read.
    const known = earlier.findLastIndex(
      (before) => before.accumulators.length > 0 && this.lanesOf(before) === this.lanes,
    );
    const mayBeRead = earlier.slice(known + 1).some((before) => loadsOf(before).length > 0);
    return readsOthers || (pass.stores.length > 0 && mayBeRead);
  }

  private writePass(main: Scope, pass: Pass, isHeld: boolean): void {
    const { phase, accumulators, stores, strands } = pass;
    const roots = [...accumulators.map(({ value }) => value), ...stores.map(({ value }) => value)];
    // A pass without loops is one for all lanes, one of which writes.
    if (phase.loops.length > 0) this.hoistInvariants(main, pass, roots);
    if (strands === 1) this.writeInTurn(main, pass);
    else if (isHeld) this.writeHeld(main, pass, roots);
    else this.writeRounds(main, pass, roots);
    if (accumulators.length > 0) this.combineLanes(main, pass);
    for (const a of accumulators) this.results.set(a.index, `a${a.index}`);
  }

  /** Computes before the loops of a pass what does not change in them. */
  private hoistInvariants(main: Scope, { stores }: Pass, roots: readonly Expression[]): void {
    const first = this.kernel.loops.length;
    this.hoist(
      main,
      roots,
      (e) =>
        e.access.strides.slice(first).every((stride) => stride === 0) &&
        (e.kind === "index" || stores.every(({ buffer }) => buffer !== e.buffer)),
    );
  }

  /** A tree over the lanes. */
  private combineLanes(main: Scope, pass: Pass): void {
    const lanes: Lanes = {
      together: this.lanesOf(pass),
      workgroup: this.size,
      subgroup: this.context.subgroup,
    };
    if (lanes.together === 1) return;
    const values = pass.accumulators.map((accumulator): LaneValue => {
      const type = accumulator.type as ShaderType;
      return {
        name: `a${accumulator.index}`,
        combine: (x, y) => this.combined(accumulator, x, y),
        toWord: (value) => toWord(value, type),
        fromWord: (word) => fromWord(word, type),
        // WGSL exchanges numbers only.
        isExchangeable: type !== "bool",
      };
    });
    for (const line of combineLanes(values, lanes, this.isFresh)) {
      this.exchanges ||= line.includes("subgroupShuffleXor");
      main.line(line);
    }
    const words = laneTreeWords(values, lanes);
    this.shared = Math.max(this.shared, words);
    this.isFresh &&= words === 0;
  }

  /** The result of an accumulator that an earlier shader has computed by chunks, in their order. */
  private combineChunks(main: Scope, { accumulator, at, chunks }: PartialResults, points: number): void {
    const type = accumulator.type as ShaderType;
    const name = `a${accumulator.index}`;
    const word = (chunk: string) =>
      fromWord(wordAt(this.cells, `${ownMemory} + ${at} + point + ${chunk}`), type);
    main.line(`var ${name} = ${word("0")};`);
    if (chunks > 1) {
      const body = main.child();
      body.line(`${name} = ${this.combined(accumulator, name, word(`c * ${points}`))};`);
      main.block(`for (var c = 1; c < ${chunks}; c++)`, body);
    }
    this.results.set(accumulator.index, name);
  }

  /** Leaves the results of this chunk to the next shader. */
  private keepChunks(
    main: Scope,
    accumulators: readonly Accumulator[],
    memory: number,
    points: number,
  ): void {
    const body = accumulators.map((a, k) => {
      const at = memory + k * points * this.chunks;
      const place = this.chunks > 1 ? "place" : "point";
      return this.putWord(`${ownMemory} + ${at} + ${place}`, toWord(`a${a.index}`, a.type as ShaderType));
    });
    const tests = [...(this.lanes > 1 ? [`lane % ${this.lanes}u == 0u`] : []), ...this.insideTest];
    this.writeStores(main, tests, body);
  }
}

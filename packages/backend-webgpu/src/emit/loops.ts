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
  phaseExpressions,
  type ScalarInstruction,
  type Store,
} from "@amari/core/backend";
import { type FloatContext, widthOf } from "./float-reader.ts";
import { functionTexts, hasShaderFunction } from "./functions.ts";
import { type HeapCells, putWord, wordAt } from "./heap-cells.ts";
import { instructionText } from "./instructions.ts";
import { combineLanes, combineNeighbours, type Lanes, type LaneValue, laneTreeWords } from "./lane-tree.ts";
import { isShaderType, literal, type ShaderType } from "./literal.ts";
import { storesPairs } from "./pairs.ts";
import { combiningPhase, type Pass, passesOf } from "./passes.ts";
import { hasQuads, hasWholeQuads, type IsAligned, isByQuads, neighbours, quad, stepOf } from "./quads.ts";
import { fromWord, type Load, Scope, toWord } from "./scope.ts";
import { shareExpressions } from "./share.ts";
import { ownMemory, TableLayout } from "./table.ts";

/** A kernel as shaders that run one after the other. */
export interface DeviceKernel {
  readonly shaders: readonly Shader[];
  readonly table: TableLayout;
  /** Words of memory that the shaders need between them. */
  readonly memory: number;
}

/** A shader and over how many workgroups it runs. */
export interface Shader {
  readonly text: string;
  readonly groups: readonly [x: number, y: number];
}

/** Invocations in a workgroup where each has points of its own: more where there are many points, since groups take time. */
const flatWorkgroup = (points: number): number => (points < 2 ** 16 ? 64 : 256);

/** Invocations in a workgroup where long folds are shared: more only where more share one. */
const sharedWorkgroup = 64;

/** Invocations in a workgroup where each makes long folds alone: few, so that there are workgroups for all processors. */
export const aloneWorkgroup = 16;

/** Elements that an invocation holds at most, and lines of code for all of them. */
const mostHeld = 32;
const mostHeldLines = 3000;

/** Beyond this, workgroups are counted in two dimensions. */
const groupsInRow = 32_768;

const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** Workgroups in two dimensions, since one has a limit. */
export const gridOf = (groups: number): readonly [number, number] =>
  groups <= groupsInRow ? [groups, 1] : [groupsInRow, Math.ceil(groups / groupsInRow)];

/** The flat number of a workgroup of {@link gridOf}. */
export const groupNumber: string = `(group.y * ${groupsInRow}u + group.x)`;

/** Whether shaders can compute a kernel: they have no 64-bit types, and call no functions of the host. */
export const isForDevice = (kernel: LoopKernel): boolean =>
  kernelExpressions(kernel).every(
    (e) => isShaderType(e.type) && (e.kind !== "call" || hasShaderFunction(e.name, e.type)),
  );

/** What kernels need to know of the device, and of the program around them. */
export interface KernelContext extends FloatContext {
  /** How many invocations exchange values, see {@link combineLanes}; 1: none. */
  readonly subgroup: number;
  /** How many invocations share a long fold at most; 1: none share any. Results have the same bits with all numbers. */
  readonly lanes: number;
  /** Whether a buffer begins on a multiple of four words, whenever the program runs. */
  readonly isAligned: IsAligned;
  /** Whether one kernel alone reads a buffer, which lives inside the program only. */
  readonly hasOneReader: (buffer: number) => boolean;
  /** How many elements a buffer has. */
  readonly sizeOf: (buffer: number) => number;
}

/** Writes a loop kernel. */
export function emitLoops(original: LoopKernel, context: KernelContext): DeviceKernel {
  const kernel = shareExpressions(collapseLoops(original));
  const table = new TableLayout(widthOf(context));
  if (kernel.loops.includes(0)) return { shaders: [], table, memory: 0 };
  // Shaders of one kernel share its table, so that the buffers are numbered first.
  for (const e of kernelExpressions(kernel)) {
    if (e.kind === "load") table.buffer(e.buffer);
    else if (e.kind === "scalar") table.scalar(e.index, e.type as ShaderType);
  }
  for (const { stores } of kernel.phases) for (const { buffer } of stores) table.buffer(buffer);
  const passes = passesOf(kernel);
  const isCut = passes.some(({ accumulators, chunks }) => accumulators.length > 0 && chunks > 1);
  if (!isCut) {
    const writer = new ShaderWriter(kernel, table, new Map(), context);
    const shader = hasWholeQuads(kernel, context.isAligned) ? writer.writeQuads() : writer.write(passes);
    return { shaders: [shader], table, memory: 0 };
  }
  return { ...emitCut(kernel, passes, table, context), table };
}

/** The shaders of a kernel whose folds are cut: one for each pass, and those between that combine the pieces of a fold. */
function emitCut(
  kernel: LoopKernel,
  passes: readonly Pass[],
  table: TableLayout,
  context: KernelContext,
): Omit<DeviceKernel, "table"> {
  const memory = new Map<number, PartialResults>();
  const points = product(kernel.loops);
  const shaders: Shader[] = [];
  let words = 0;
  const write = (of: LoopKernel, parts: readonly Pass[], chunks: number, keeps: boolean): void => {
    const writer = new ShaderWriter(of, table, memory, context);
    shaders.push(writer.write(parts, { chunks, memory: keeps ? words : null }));
  };
  /** Notes where the results of a pass are, of which there are so many for each point. */
  const note = ({ accumulators }: Pass, chunks: number): void => {
    for (const accumulator of accumulators) {
      memory.set(accumulator.index, { accumulator, at: words, chunks });
      words += points * chunks;
    }
  };
  for (const [i, pass] of passes.entries()) {
    const isFold = pass.accumulators.length > 0;
    write(kernel, [pass], pass.chunks, isFold);
    note(pass, pass.chunks);
    if (!isFold || pass.strands === 1 || pass.chunks === 1) continue;
    const phase = combiningPhase(pass, ({ index, type }) => ({
      kind: "load",
      type,
      buffer: ownBuffer,
      access: { offset: memory.get(index)!.at, strides: [...placesOf(kernel.loops), points] },
    }));
    const rest = passes.slice(i + 1);
    const isLast = rest.every((other) => other.phase.loops.length === 0);
    const combining = {
      loops: kernel.loops,
      phases: [phase, ...(isLast ? rest.map((other) => other.phase) : [])],
    };
    for (const { index } of pass.accumulators) memory.delete(index);
    write(combining, passesOf(combining), 1, !isLast);
    if (isLast) break;
    note(pass, 1);
  }
  return { shaders, memory: words };
}

/** The strides of the flat number of a point. */
const placesOf = (loops: readonly number[]): number[] => loops.map((_, i) => product(loops.slice(i + 1)));

/** The kernel's own memory, as a buffer that its shaders load from. */
const ownBuffer = -1;

/** Where an earlier shader has left the results of an accumulator's chunks. */
interface PartialResults {
  readonly accumulator: Accumulator;
  readonly at: number;
  readonly chunks: number;
}

/** A word whose halves two neighbours make: the variables of its address, in halves, and of its value. */
interface HalfWord {
  readonly at: string;
  readonly value: string;
}

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

class ShaderWriter {
  private readonly kernel: LoopKernel;
  private readonly table: TableLayout;
  private readonly memory: ReadonlyMap<number, PartialResults>;
  private readonly context: KernelContext;
  private readonly functions = new Set<string>();
  private readonly results = new Map<number, string>();
  private names = 0;
  private cells: HeapCells = "u32";
  /** Where neighbours are computed one after the other: the words that their halves make, as far as they are known. */
  private words: HalfWord[] | null = null;
  /** The names of the words that were loaded for four neighbours. */
  private loaded: Map<Load, string> = new Map();
  /** Which of the four is being computed. */
  private neighbour = 0;
  /** What stands behind the names of the counters of a phase's loops. */
  private suffix = "";
  /** What invocations hold of the elements, by the loops that go over them. */
  private readonly held = new Map<string, readonly Slot[]>();
  /** Stores of which nobody learns, since all who read them hold the values. */
  private readonly needless = new Set<Store>();
  /** Words of workgroup memory. */
  private shared = 0;
  private exchanges = false;
  /** Whether nobody has used the workgroup's memory yet. */
  private isFresh = true;
  /** Invocations of a workgroup, and how many of them share a point. */
  private size = 1;
  private lanes = 1;
  private chunks = 1;
  /** Whether all invocations have a point. */
  private isFull = true;

  constructor(
    kernel: LoopKernel,
    table: TableLayout,
    memory: ReadonlyMap<number, PartialResults>,
    context: KernelContext,
  ) {
    this.kernel = kernel;
    this.table = table;
    this.memory = memory;
    this.context = context;
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

  /** What a pass stores, but for what nobody will read. */
  private storesOf({ stores }: Pass): readonly Store[] {
    return stores.filter((store) => !this.needless.has(store));
  }

  /** Whether the heap is an array of several words each. */
  private get isByQuads(): boolean {
    return this.cells === "vec2<u32>" || this.cells === "vec4<u32>";
  }

  private cellsOfQuads(): HeapCells {
    return this.table.buffers.some((buffer) => this.isHalf(buffer)) ? "vec2<u32>" : "vec4<u32>";
  }

  /** Whether neighbouring points store the halves of words, so that an invocation or a workgroup can take two of them. */
  private hasPairsOfPoints({ phase, stores }: Pass): boolean {
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
  private hasPairsInside(pass: Pass): boolean {
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
  private inPairs(
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

  /** What holds of invocations that have a point. */
  private get insideTest(): string[] {
    return this.isFull ? [] : ["isInside"];
  }

  /** How many invocations share the elements of a pass; the others of its point repeat what those do. */
  private lanesOf({ strands }: Pass): number {
    return Math.max(1, Math.min(this.context.lanes, strands / quad));
  }

  /** Elements of a chunk, the last of which may have fewer. */
  private chunkLength({ phase, strands }: Pass, elements: number = product(phase.loops)): number {
    return Math.ceil(elements / this.chunks / strands) * strands;
  }

  /** Whether invocations can hold what they compute of the elements of a pass, which is written out for each. */
  private canHold(pass: Pass): boolean {
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
  private needlessStores(passes: readonly Pass[]): Store[] {
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

  /** A kernel without folds, whose invocations compute four neighbours each. */
  writeQuads(): Shader {
    const { loops, phases } = this.kernel;
    const { stores } = phases[0]!;
    const total = product(loops) / quad;
    this.size = flatWorkgroup(total);
    this.cells = this.cellsOfQuads();
    const main = this.scope();
    main.line(`let place = i32(${groupNumber} * ${this.size}u + lane);`);
    main.line(`if (place >= ${total}) { return; }`);
    main.line(`let point = place * ${quad};`);
    this.splitPlace(main, "point", loops, 0);
    const roots = stores.map(({ value }) => value);
    const loads = kernelExpressions(this.kernel).filter((e) => e.kind === "load");
    this.loadQuads(
      main,
      loads.filter(({ access }) => stepOf(access) === "on"),
    );
    this.hoist(main, roots, ({ access }) => stepOf(access) === "still");
    // All are computed before any is stored: a result may take the memory of an operand.
    const words = neighbours.map((neighbour) => {
      this.neighbour = neighbour;
      const scope = main.child();
      const values = stores.map((store) => this.inQuad(store, scope));
      main.append(scope);
      return values;
    });
    this.neighbour = 0;
    stores.forEach((store, i) => {
      const four = words.map((values) => values[i]!);
      for (const line of this.putQuad(store, four)) main.line(line);
    });
    return { text: this.assemble(main), groups: gridOf(Math.ceil(total / this.size)) };
  }

  /** Loads four neighbours each. */
  private loadQuads(scope: Scope, loads: readonly Load[]): void {
    for (const load of loads) {
      const name = `quad${this.names++}`;
      scope.line(`let ${name} = ${this.quadAt(load)};`);
      this.loaded.set(load, name);
    }
  }

  /** Four neighbours in memory: words, or the numbers that halves of two words are. */
  private quadAt({ buffer, access }: Load): string {
    const at = `(${this.base(buffer)} + ${this.affine(access)})`;
    if (this.cells === "vec4<u32>") return `heap[${at} >> 2u]`;
    if (this.isHalf(buffer)) return `${this.use("from_halves")}(heap[${at} >> 2u])`;
    return `vec4<u32>(heap[${at} >> 1u], heap[(${at} >> 1u) + 1])`;
  }

  /** What a store writes of one of four neighbours: a word, or the bits of a half. */
  private inQuad({ buffer, value }: Store, scope: Scope): string {
    const name = scope.value(value);
    return this.isHalf(buffer) ? `${this.use("to_half")}(${name})` : toWord(name, value.type as ShaderType);
  }

  private putQuad({ buffer, access }: Store, [x, y, z, w]: readonly string[]): string[] {
    const at = `(${this.base(buffer)} + ${this.affine(access)})`;
    if (this.cells === "vec4<u32>") return [`heap[${at} >> 2u] = vec4<u32>(${x}, ${y}, ${z}, ${w});`];
    const words = this.isHalf(buffer) ? [`${x} | (${y} << 16u)`, `${z} | (${w} << 16u)`] : [x!, y!, z!, w!];
    const place = this.isHalf(buffer) ? `(${at} >> 1u)` : at;
    if (this.cells !== "vec2<u32>") return words.map((word, i) => this.putWord(`${place} + ${i}`, word));
    return Array.from(
      { length: words.length / 2 },
      (_, i) => `heap[(${place} >> 1u) + ${i}] = vec2<u32>(${words[2 * i]}, ${words[2 * i + 1]});`,
    );
  }

  /** The value that a load reads. */
  private load(load: Load, moved: string): string {
    const { buffer, access } = load;
    const type = load.type as ShaderType;
    const quad = this.loaded.get(load);
    if (quad !== undefined) {
      const element = `${quad}[${this.neighbour}]`;
      return this.isHalf(buffer) ? element : fromWord(element, type);
    }
    const at = `${this.base(buffer)} + ${this.index(access)}${moved}`;
    return this.isHalf(buffer) ? `${this.use("half_at")}(${at})` : fromWord(wordAt(this.cells, at), type);
  }

  /** The statement that writes a value, which is known by its name, to a place of a buffer. */
  private put({ buffer, access, value }: Store, name: string): string {
    const at = `${this.base(buffer)} + ${this.index(access)}`;
    if (!this.isHalf(buffer)) return this.putWord(at, toWord(name, value.type as ShaderType));
    const half = `${this.use("to_half")}(${name})`;
    if (this.words === null) return `${this.use("put_half")}(${at}, ${half});`;
    const word = { at: `at_${this.fresh()}`, value: `word_${this.fresh()}` };
    this.words.push(word);
    return `${word.at} = ${at}; ${word.value} |= ${half} << (16u * u32(side));`;
  }

  private putWord(at: string, word: string): string {
    return putWord(this.cells, at, word);
  }

  private base(buffer: number): string {
    return buffer === ownBuffer ? ownMemory : `b${buffer}`;
  }

  private isHalf(buffer: number): boolean {
    return buffer !== ownBuffer && this.context.isHalf(buffer);
  }

  private assemble(main: Scope): string {
    const { table } = this;
    const bases = table.buffers.map((buffer) => `let b${buffer} = ${table.buffer(buffer)};`);
    const lines = [...table.constantLines(), ...table.scalarLines(), ...bases, ...main.lines].map(
      (line) => `  ${line}`,
    );
    return [
      ...(this.exchanges ? ["enable subgroups;"] : []),
      `@group(0) @binding(0) var<storage, read_write> heap: array<${this.cells}>;`,
      `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
      ...(this.shared > 0 ? [`var<workgroup> partials: array<u32, ${this.shared}>;`] : []),
      functionTexts(this.functions, {
        cells: this.cells,
        float16: this.context.float16,
      }),
      `@compute @workgroup_size(${this.size})`,
      "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
      ...lines,
      "}",
      "",
    ].join("\n");
  }

  private scope(): Scope {
    return new Scope({
      index: (access) => this.index(access),
      load: (load, moved) => this.load(load, moved),
      scalar: (index, type) => this.table.scalar(index, type),
      accumulated: (index) => this.results.get(index)!,
      constant: (value) => this.table.constant(value),
      use: (name) => this.use(name),
      fresh: () => this.fresh(),
    });
  }

  private use(name: string): string {
    this.functions.add(name);
    return name;
  }

  private fresh(): string {
    return `v${this.names++}`;
  }

  private affine({ offset, strides }: Affine): string {
    const terms = strides.flatMap((stride, loop) => {
      if (stride === 0) return [];
      const counter = this.counter(loop);
      return [stride === 1 ? counter : `${counter} * ${stride}`];
    });
    if (offset !== 0 || terms.length === 0) terms.push(String(offset));
    return terms.length === 1 ? terms[0]! : `(${terms.join(" + ")})`;
  }

  private counter(loop: number): string {
    return loop < this.kernel.loops.length ? `i${loop}` : `i${loop}${this.suffix}`;
  }

  /** The value of an index, at the neighbour that is being computed. */
  private index(access: Affine): string {
    const moved = this.neighbour * (access.strides.at(-1) ?? 0);
    return moved === 0 ? this.affine(access) : `(${this.affine(access)} + ${moved})`;
  }

  /** Declares the counters of loops from their flat number. */
  private splitPlace(scope: Scope, flat: string, extents: readonly number[], first: number): void {
    extents.forEach((extent, i) => {
      const inside = product(extents.slice(i + 1));
      const quotient = inside === 1 ? flat : `${flat} / ${inside}`;
      scope.line(`let ${this.counter(first + i)} = ${i === 0 ? quotient : `(${quotient}) % ${extent}`};`);
    });
  }

  private combined({ combine, type }: Accumulator, x: string, y: string): string {
    const operand: Expression = { kind: "constant", type, value: 0 };
    const instruction = combine satisfies ScalarInstruction;
    return instructionText(
      { kind: "instruction", type, instruction, operands: [operand, { ...operand }] },
      [x, y],
      (name) => this.use(name),
    );
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

  private initial({ initial, type }: Accumulator): string {
    return type === "f32" ? this.table.constant(initial) : literal(initial, type as ShaderType);
  }

  /** What has to hold where a pass stores. */
  private storingTests(pass: Pass): string[] {
    const lanes = this.lanesOf(pass);
    return [
      ...(lanes === this.lanes ? [] : [`lane % ${this.lanes}u < ${lanes}u`]),
      ...this.insideTest,
      ...(pass.phase.loops.length === 0 && this.chunks > 1 ? ["chunk == 0"] : []),
    ];
  }

  private writeStores(scope: Scope, tests: readonly string[], lines: readonly string[]): void {
    if (lines.length === 0) return;
    const body = tests.length === 0 ? scope : scope.child();
    for (const line of lines) body.line(line);
    if (tests.length > 0) scope.block(`if (${tests.join(" && ")})`, body);
  }

  /** One element after the other. */
  private writeInTurn(main: Scope, pass: Pass): void {
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

  /** The elements of an invocation's chunk. */
  private rangeOf(
    pass: Pass,
    elements: number = product(pass.phase.loops),
  ): { readonly begin: string; readonly end: string } {
    if (this.chunks === 1) return { begin: "0", end: String(elements) };
    const length = this.chunkLength(pass, elements);
    return { begin: `chunk * ${length}`, end: `min(${elements}, chunk * ${length} + ${length})` };
  }

  /** The number of an invocation among those that share a pass. */
  private laneOf(pass: Pass): string {
    const lanes = this.lanesOf(pass);
    return lanes === 1 ? "0" : `i32(lane${lanes === this.size ? "" : ` % ${lanes}u`})`;
  }

  private declareStrands(scope: Scope, accumulators: readonly Accumulator[]): void {
    for (const a of accumulators)
      for (const i of neighbours) scope.line(`var a${a.index}_${i} = ${this.initial(a)};`);
  }

  /** Four strands of an accumulator as one. */
  private combinedStrands(a: Accumulator): string {
    return combineNeighbours(
      neighbours.map((i) => `a${a.index}_${i}`),
      (x, y) => this.combined(a, x, y),
    );
  }

  /** Quads of strands one after the other, by loops over their elements. */
  private writeRounds(main: Scope, pass: Pass, roots: readonly Expression[]): void {
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
  private writeQuad(
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

  /** Elements that invocations hold from pass to pass, all of the pass written out. */
  private writeHeld(main: Scope, pass: Pass, roots: readonly Expression[]): void {
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

  /** What a pass loads by quads. */
  private quadLoads(
    pass: Pass,
    roots: readonly Expression[],
    known: ReadonlyMap<Expression, string>,
  ): Load[] {
    if (!this.isByQuads) return [];
    return wantedLoads(roots, known).filter(
      (load) => !this.loaded.has(load) && goesByQuads(pass, load, this.context.isAligned),
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

  /** Computes what is wanted in any case and made of nothing but what stays as it is. */
  private hoist(
    main: Scope,
    roots: readonly Expression[],
    stays: (e: Extract<Expression, { access: Affine }>) => boolean,
  ): void {
    const invariant = new Set<Expression>();
    const wanted = eagerly(roots);
    for (const e of expressionsOf(roots)) {
      const isPlaced = e.kind === "load" || e.kind === "index";
      if (!operandsOf(e).every((operand) => invariant.has(operand)) || (isPlaced && !stays(e))) continue;
      invariant.add(e);
      if (wanted.has(e)) main.value(e);
    }
  }
}

/** What is computed in any case: all but what only the rare side of a `rarely` needs. */
function eagerly(
  roots: readonly Expression[],
  known: ReadonlyMap<Expression, string> = new Map(),
): Set<Expression> {
  const found = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (found.has(e) || known.has(e)) return;
    found.add(e);
    const operands = operandsOf(e);
    const isRare = e.kind === "instruction" && e.instruction === "rarely";
    (isRare ? [operands[0]!, operands[2]!] : operands).forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

const loadsIn = (phase: Phase): Load[] => phaseExpressions(phase).filter((e) => e.kind === "load");

const loadsOf = ({ accumulators, stores }: Pass): Load[] =>
  expressionsOf([...accumulators, ...stores].map(({ value }) => value)).filter((e) => e.kind === "load");

/** Whether what a pass loads or stores can go by quads. */
const goesByQuads = ({ phase, strands }: Pass, access: Load | Store, isAligned: IsAligned): boolean =>
  strands > 1 &&
  access.buffer !== ownBuffer &&
  hasQuads(phase) &&
  !("shift" in access && access.shift !== undefined) &&
  isByQuads(access, isAligned);

const isSamePlace = ({ access, shift }: Load, { offset, strides }: Affine): boolean =>
  shift === undefined && access.offset === offset && access.strides.join() === strides.join();

/** Whether what a pass loads is what the same invocation has stored in an earlier one. */
const isOwn = (before: Pass, { access, value }: Store, pass: Pass, load: Load): boolean =>
  before.strands > 1 &&
  before.strands === pass.strands &&
  before.phase.loops.join() === pass.phase.loops.join() &&
  isSamePlace(load, access) &&
  load.type === value.type;

/** The loads at fixed places that are made in any case for what is not known yet. */
function wantedLoads(roots: readonly Expression[], known: ReadonlyMap<Expression, string>): Load[] {
  return [...eagerly(roots, known)].filter((e) => e.kind === "load" && e.shift === undefined) as Load[];
}

import {
  type Accumulator,
  type Affine,
  collapseLoops,
  type Expression,
  expressionsOf,
  kernelExpressions,
  type LoopKernel,
  operandsOf,
  type ScalarInstruction,
  type Store,
  sizeOf,
  type TensorType,
} from "@amari/core/backend";
import { functionTexts, hasShaderFunction } from "./functions.ts";
import { type HeapCells, putWord, wordAt } from "./heap-cells.ts";
import { instructionText } from "./instructions.ts";
import { combineLanes, type LaneValue, laneTreeWords } from "./lane-tree.ts";
import { isShaderType, literal, type ShaderType } from "./literal.ts";
import { storesPairs } from "./pairs.ts";
import { type Pass, passesOf } from "./passes.ts";
import { hasWholeQuads, quad, stepOf } from "./quads.ts";
import { fromWord, type Load, Scope, toWord } from "./scope.ts";
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
export interface KernelContext {
  /** How many invocations exchange values, see {@link combineLanes}; 1: none. */
  readonly subgroup: number;
  /** Whether a buffer begins on a multiple of four words, whenever the program runs. */
  readonly isAligned: (buffer: number) => boolean;
  readonly typeOf: (buffer: number) => TensorType;
  /** Whether the device's own conversions from and to float16 are exact. */
  readonly convertsFloat16: boolean;
}

/** Whether the elements of a buffer are halves of words. */
const isHalf = ({ typeOf }: KernelContext, buffer: number): boolean => typeOf(buffer).dtype === "float16";

/** Writes a loop kernel. */
export function emitLoops(original: LoopKernel, context: KernelContext): DeviceKernel {
  const kernel = collapseLoops(original);
  const table = new TableLayout((buffer) => (isHalf(context, buffer) ? 2 : 4));
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
    const shader = hasWholeQuads(kernel, context.isAligned) ? writer.writeQuads() : writer.write(passes, 1);
    return { shaders: [shader], table, memory: 0 };
  }
  const memory = new Map<number, PartialResults>();
  const points = product(kernel.loops);
  let words = 0;
  const shaders = passes.map((pass) => {
    const shader = new ShaderWriter(kernel, table, memory, context).write([pass], pass.chunks, words);
    for (const accumulator of pass.accumulators) {
      memory.set(accumulator.index, { accumulator, at: words, chunks: pass.chunks });
      words += points * pass.chunks;
    }
    return shader;
  });
  return { shaders, table, memory: words };
}

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
  /** Where invocations compute four neighbours: the names of the words that were loaded for all of them. */
  private loaded: Map<Load, string> | null = null;
  /** Which of the four is being computed. */
  private neighbour = 0;
  /** Words of workgroup memory. */
  private shared = 0;
  private lanes = 1;
  private chunks = 1;

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

  /** @param memory where the results of chunks begin, if this is one of several shaders */
  write(passes: readonly Pass[], chunks: number, memory?: number): Shader {
    const points = product(this.kernel.loops);
    this.lanes = Math.max(...passes.map((pass) => pass.lanes));
    this.chunks = chunks;
    const storing = passes.filter(({ stores }) => stores.some(({ buffer }) => this.isHalf(buffer)));
    const inPairs =
      chunks === 1 && storing.length > 0 && storing.every((pass) => this.hasPairsOfPoints(pass));
    this.cells = inPairs || storing.every((pass) => this.hasPairsInside(pass)) ? "u32" : "atomic<u32>";
    const total = inPairs ? Math.ceil(points / 2) : points * chunks;
    const main = this.scope();
    const isFlat = this.lanes === 1;
    const size = isFlat ? flatWorkgroup(total) : this.lanes;
    const place = isFlat ? `${groupNumber} * ${size}u + lane` : groupNumber;
    main.line(`let place = i32(${place});`);
    main.line(`if (place >= ${total}) { return; }`);
    const writePoint = (scope: Scope): void => {
      this.splitPlace(scope, "point", this.kernel.loops, 0);
      for (const result of this.memory.values()) this.combineChunks(scope, result, points);
      passes.forEach((pass, i) => {
        if (i > 0 && !isFlat && pass.phase !== passes[i - 1]!.phase)
          scope.line("workgroupBarrier(); storageBarrier();");
        this.writePass(scope, pass, memory, points);
      });
    };
    if (inPairs) this.inPairs(main, "place", "point", points, isFlat ? "" : "lane == 0u", writePoint);
    else {
      main.line(`let point = place${chunks > 1 ? ` % ${points}` : ""};`);
      if (chunks > 1) main.line(`let chunk = place / ${points};`);
      writePoint(main);
    }
    const groups = gridOf(isFlat ? Math.ceil(total / size) : total);
    return { text: this.assemble(main, size), groups };
  }

  /** Whether neighbouring points store the halves of words, so that an invocation or a workgroup can take two of them. */
  private hasPairsOfPoints({ phase, stores }: Pass): boolean {
    // The words are written in the end, so that nothing may read them before.
    const isRead = kernelExpressions(this.kernel).some(
      (e) => e.kind === "load" && stores.some(({ buffer }) => buffer === e.buffer),
    );
    return phase.loops.length === 0 && !isRead && this.storePairs(stores, this.kernel.loops);
  }

  /** Whether neighbours in the loops of a pass store the halves of words. Folds take their elements in another order. */
  private hasPairsInside({ phase, accumulators, stores }: Pass): boolean {
    return phase.loops.length > 0 && accumulators.length === 0 && this.storePairs(stores, phase.loops);
  }

  private storePairs(stores: readonly Store[], loops: readonly number[]): boolean {
    const { isAligned, typeOf } = this.context;
    const buffers = { isAligned, sizeOf: (buffer: number) => sizeOf(typeOf(buffer).shape) };
    return stores.every((store) => !this.isHalf(store.buffer) || storesPairs(store, loops, buffers));
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
    inside.line(`let ${number} = ${pair} * 2 + side;`);
    this.words = words;
    body(inside);
    this.words = null;
    for (const { at, value } of words) {
      scope.line(`var ${at} = 0;`);
      scope.line(`var ${value} = 0u;`);
    }
    const sides = count % 2 === 0 ? "2" : `min(2, ${count} - ${pair} * 2)`;
    scope.block(`for (var side = 0; side < ${sides}; side++)`, inside);
    const stores = scope.child();
    for (const { at, value } of words) stores.line(this.putWord(`${at} >> 1u`, value));
    if (writes === "") for (const line of stores.lines) scope.line(line);
    else scope.block(`if (${writes})`, stores);
  }

  /** A kernel without folds, whose invocations compute four neighbours each. */
  writeQuads(): Shader {
    const { loops, phases } = this.kernel;
    const { stores } = phases[0]!;
    const total = product(loops) / quad;
    const size = flatWorkgroup(total);
    const main = this.scope();
    main.line(`let place = i32(${groupNumber} * ${size}u + lane);`);
    main.line(`if (place >= ${total}) { return; }`);
    main.line(`let point = place * ${quad};`);
    this.splitPlace(main, "point", loops, 0);
    this.cells = this.table.buffers.some((buffer) => this.isHalf(buffer)) ? "vec2<u32>" : "vec4<u32>";
    this.loaded = new Map();
    for (const load of kernelExpressions(this.kernel)) {
      if (load.kind !== "load" || stepOf(load.access) !== "on") continue;
      const name = `quad${this.loaded.size}`;
      main.line(`let ${name} = ${this.quadAt(load)};`);
      this.loaded.set(load, name);
    }
    // All are computed before any is stored: a result may take the memory of an operand.
    const words = [0, 1, 2, 3].map((neighbour) => {
      this.neighbour = neighbour;
      const scope = main.child();
      const values = stores.map((store) => this.inQuad(store, scope));
      for (const line of scope.lines) main.line(line);
      return values;
    });
    this.neighbour = 0;
    stores.forEach((store, i) => {
      for (const line of this.putQuad(
        store,
        words.map((values) => values[i]!),
      ))
        main.line(line);
    });
    return { text: this.assemble(main, size), groups: gridOf(Math.ceil(total / size)) };
  }

  /** Four neighbours in memory: words, or the numbers that halves of two words are. */
  private quadAt({ buffer, access }: Load): string {
    const at = `(b${buffer} + ${this.affine(access)})`;
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
    const at = `(b${buffer} + ${this.affine(access)})`;
    if (this.cells === "vec4<u32>") return [`heap[${at} >> 2u] = vec4<u32>(${x}, ${y}, ${z}, ${w});`];
    if (this.isHalf(buffer))
      return [`heap[${at} >> 2u] = vec2<u32>(${x} | (${y} << 16u), ${z} | (${w} << 16u));`];
    return [`heap[${at} >> 1u] = vec2<u32>(${x}, ${y});`, `heap[(${at} >> 1u) + 1] = vec2<u32>(${z}, ${w});`];
  }

  /** The value that a load reads. */
  private load(load: Load, moved: string): string {
    const { buffer, access } = load;
    const type = load.type as ShaderType;
    const quad = this.loaded?.get(load);
    if (quad !== undefined) {
      const element = `${quad}[${this.neighbour}]`;
      return this.isHalf(buffer) ? element : fromWord(element, type);
    }
    const at = `b${buffer} + ${this.affine(access)}${moved}`;
    return this.isHalf(buffer) ? `${this.use("half_at")}(${at})` : fromWord(wordAt(this.cells, at), type);
  }

  /** The statement that writes a value, which is known by its name, to a place of a buffer. */
  private put({ buffer, access, value }: Store, name: string): string {
    const at = `b${buffer} + ${this.affine(access)}`;
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

  private isHalf(buffer: number): boolean {
    return isHalf(this.context, buffer);
  }

  private assemble(main: Scope, size: number): string {
    const { table } = this;
    const bases = table.buffers.map((buffer) => `let b${buffer} = ${table.buffer(buffer)};`);
    const lines = [...table.constantLines(), ...table.scalarLines(), ...bases, ...main.lines].map(
      (line) => `  ${line}`,
    );
    return [
      ...(this.shared > 0 && this.context.subgroup > 1 ? ["enable subgroups;"] : []),
      `@group(0) @binding(0) var<storage, read_write> heap: array<${this.cells}>;`,
      `@group(0) @binding(1) var<uniform> table: array<vec4<u32>, ${Math.ceil(table.words / 4)}>;`,
      ...(this.shared > 0 ? [`var<workgroup> partials: array<u32, ${this.shared}>;`] : []),
      functionTexts(this.functions, {
        cells: this.cells,
        convertsFloat16: this.context.convertsFloat16,
      }),
      `@compute @workgroup_size(${size})`,
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
      return [stride === 1 ? `i${loop}` : `i${loop} * ${stride}`];
    });
    if (offset !== 0 || terms.length === 0) terms.push(String(offset));
    return terms.length === 1 ? terms[0]! : `(${terms.join(" + ")})`;
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
      scope.line(`let i${first + i} = ${i === 0 ? quotient : `(${quotient}) % ${extent}`};`);
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

  private writePass(main: Scope, pass: Pass, memory: number | undefined, points: number): void {
    const { phase, accumulators, stores, lanes } = pass;
    for (const a of accumulators) {
      const type = a.type as ShaderType;
      const initial = type === "f32" ? this.table.constant(a.initial) : literal(a.initial, type);
      main.line(`var a${a.index} = ${initial};`);
    }
    const roots = [...accumulators.map(({ value }) => value), ...stores.map(({ value }) => value)];
    // A pass without loops is one for all lanes, one of which writes.
    if (phase.loops.length > 0) this.hoistInvariants(main, pass, roots);
    const write = (scope: Scope): void => {
      for (const a of accumulators)
        scope.line(`a${a.index} = ${this.combined(a, `a${a.index}`, scope.value(a.value))};`);
      const values = stores.map(({ value }) => scope.value(value));
      const lines = stores.map((store, i) => this.put(store, values[i]!));
      const isOnce = phase.loops.length === 0 && (this.lanes > 1 || this.chunks > 1);
      if (isOnce && lines.length > 0) {
        const body = scope.child();
        for (const line of lines) body.line(line);
        const first = [this.lanes > 1 ? "lane == 0u" : "", this.chunks > 1 ? "chunk == 0" : ""];
        scope.block(`if (${first.filter((test) => test !== "").join(" && ")})`, body);
      } else for (const line of lines) scope.line(line);
    };
    if (phase.loops.length === 0) write(main);
    else this.writeLoops(main, pass, write);
    if (lanes > 1 && accumulators.length > 0) this.combineLanes(main, accumulators, lanes);
    for (const a of accumulators) this.results.set(a.index, `a${a.index}`);
    if (memory !== undefined && accumulators.length > 0) this.keepChunks(main, accumulators, memory, points);
  }

  private writeLoops(main: Scope, pass: Pass, write: (scope: Scope) => void): void {
    const first = this.kernel.loops.length;
    const { lanes } = pass;
    const { loops } = pass.phase;
    const inPairs =
      this.words === null &&
      pass.stores.some(({ buffer }) => this.isHalf(buffer)) &&
      this.hasPairsInside(pass);
    if (lanes === 1 && this.chunks === 1 && !inPairs) {
      const nest = (scope: Scope, loop: number): void => {
        if (loop === loops.length) {
          write(scope);
          return;
        }
        const counter = `i${first + loop}`;
        const body = scope.child();
        nest(body, loop + 1);
        scope.block(`for (var ${counter} = 0; ${counter} < ${loops[loop]}; ${counter}++)`, body);
      };
      nest(main, 0);
      return;
    }
    const elements = inPairs ? product(loops) / 2 : product(loops);
    const length = Math.ceil(elements / this.chunks / lanes) * lanes;
    const begin = this.chunks > 1 ? `chunk * ${length}` : "0";
    const end = this.chunks > 1 ? `min(${elements}, chunk * ${length} + ${length})` : String(elements);
    const body = main.child();
    const writeElement = (scope: Scope, element: string): void => {
      this.splitPlace(scope, element, loops, first);
      write(scope);
    };
    if (inPairs) this.inPairs(body, "e", "element", 2, "", (scope) => writeElement(scope, "element"));
    else writeElement(body, "e");
    const start = lanes > 1 ? `${begin} + i32(lane)` : begin;
    const loop = main.child();
    loop.block(`for (var e = ${start}; e < ${end}; e += ${lanes})`, body);
    if (lanes > 1 && lanes < this.lanes) main.block(`if (lane < ${lanes}u)`, loop);
    else for (const line of loop.lines) main.line(line);
  }

  /** A tree over the lanes. */
  private combineLanes(main: Scope, accumulators: readonly Accumulator[], lanes: number): void {
    this.shared = Math.max(this.shared, laneTreeWords(lanes) * accumulators.length);
    const values = accumulators.map((accumulator): LaneValue => {
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
    for (const line of combineLanes(values, lanes, this.context.subgroup)) main.line(line);
  }

  /** Leaves the results of this chunk to the next shader. */
  private keepChunks(
    main: Scope,
    accumulators: readonly Accumulator[],
    memory: number,
    points: number,
  ): void {
    const body = main.child();
    accumulators.forEach((a, k) => {
      const at = memory + k * points * this.chunks;
      const place = this.chunks > 1 ? `place` : "point";
      body.line(this.putWord(`${ownMemory} + ${at} + ${place}`, toWord(`a${a.index}`, a.type as ShaderType)));
    });
    if (this.lanes > 1) main.block("if (lane == 0u)", body);
    else for (const line of body.lines) main.line(line);
  }

  /** Computes before the loops of a pass what does not change in them. */
  private hoistInvariants(main: Scope, { phase, stores }: Pass, roots: readonly Expression[]): void {
    const first = this.kernel.loops.length;
    const stays = ({ strides }: Affine) => strides.slice(first).every((s) => s === 0);
    const invariant = new Set<Expression>();
    const wanted = eagerly(roots);
    for (const e of expressionsOf(roots)) {
      const isFixed = operandsOf(e).every((operand) => invariant.has(operand));
      const isInvariant =
        e.kind === "load"
          ? isFixed && stays(e.access) && stores.every(({ buffer }) => buffer !== e.buffer)
          : e.kind === "index"
            ? stays(e.access)
            : isFixed;
      if (!isInvariant) continue;
      invariant.add(e);
      if (wanted.has(e) && phase.loops.length > 0) main.value(e);
    }
  }
}

/** What is computed in any case: all but what only the rare side of a `rarely` needs. */
function eagerly(roots: readonly Expression[]): Set<Expression> {
  const found = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (found.has(e)) return;
    found.add(e);
    const operands = operandsOf(e);
    const isRare = e.kind === "instruction" && e.instruction === "rarely";
    (isRare ? [operands[0]!, operands[2]!] : operands).forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

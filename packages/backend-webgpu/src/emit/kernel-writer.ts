import {
  type Accumulator,
  type Affine,
  type Expression,
  expressionsOf,
  type LoopKernel,
  operandsOf,
  type ScalarInstruction,
  type Store,
} from "@amari/core/backend";
import { functionTexts } from "./functions.ts";
import { type HeapCells, putWord, wordAt } from "./heap-cells.ts";
import { instructionText } from "./instructions.ts";
import { literal, type ShaderType } from "./literal.ts";
import { eagerly } from "./pass-loads.ts";
import { product } from "./passes.ts";
import { fromWord, type Load, Scope, toWord } from "./scope.ts";
import type { KernelContext } from "./shader.ts";
import { ownBuffer, ownMemory, type TableLayout } from "./table.ts";

/** A word whose halves two neighbours make: the variables of its address, in halves, and of its value. */
export interface HalfWord {
  readonly at: string;
  readonly value: string;
}

/** Writes a shader of a kernel: its values, what it loads and stores, and all that stands around its statements. */
export class KernelWriter {
  protected readonly kernel: LoopKernel;
  protected readonly table: TableLayout;
  protected readonly context: KernelContext;
  protected readonly functions: Set<string> = new Set();
  protected readonly results: Map<number, string> = new Map();
  protected names = 0;
  protected cells: HeapCells = "u32";
  /** Where neighbours are computed one after the other: the words that their halves make, as far as they are known. */
  protected words: HalfWord[] | null = null;
  /** The names of the words that were loaded for four neighbours. */
  protected loaded: Map<Load, string> = new Map();
  /** Which of the four is being computed. */
  protected neighbour = 0;
  /** What stands behind the names of the counters of a phase's loops. */
  protected suffix = "";
  /** Words of workgroup memory. */
  protected shared = 0;
  protected exchanges = false;
  /** Invocations of a workgroup, and how many of them share a point. */
  protected size = 1;

  constructor(kernel: LoopKernel, table: TableLayout, context: KernelContext) {
    this.kernel = kernel;
    this.table = table;
    this.context = context;
  }

  protected assemble(main: Scope): string {
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

  protected scope(): Scope {
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

  protected affine({ offset, strides }: Affine): string {
    const terms = strides.flatMap((stride, loop) => {
      if (stride === 0) return [];
      const counter = this.counter(loop);
      return [stride === 1 ? counter : `${counter} * ${stride}`];
    });
    if (offset !== 0 || terms.length === 0) terms.push(String(offset));
    return terms.length === 1 ? terms[0]! : `(${terms.join(" + ")})`;
  }

  protected counter(loop: number): string {
    return loop < this.kernel.loops.length ? `i${loop}` : `i${loop}${this.suffix}`;
  }

  /** The value of an index, at the neighbour that is being computed. */
  protected index(access: Affine): string {
    const moved = this.neighbour * (access.strides.at(-1) ?? 0);
    return moved === 0 ? this.affine(access) : `(${this.affine(access)} + ${moved})`;
  }

  /** Declares the counters of loops from their flat number. */
  protected splitPlace(scope: Scope, flat: string, extents: readonly number[], first: number): void {
    extents.forEach((extent, i) => {
      const inside = product(extents.slice(i + 1));
      const quotient = inside === 1 ? flat : `${flat} / ${inside}`;
      scope.line(`let ${this.counter(first + i)} = ${i === 0 ? quotient : `(${quotient}) % ${extent}`};`);
    });
  }

  /** Whether the heap is an array of several words each. */
  protected get isByQuads(): boolean {
    return this.cells === "vec2<u32>" || this.cells === "vec4<u32>";
  }

  protected cellsOfQuads(): HeapCells {
    return this.table.buffers.some((buffer) => this.isHalf(buffer)) ? "vec2<u32>" : "vec4<u32>";
  }

  /** Loads four neighbours each. */
  protected loadQuads(scope: Scope, loads: readonly Load[]): void {
    for (const load of loads) {
      const name = `quad${this.names++}`;
      scope.line(`let ${name} = ${this.quadAt(load)};`);
      this.loaded.set(load, name);
    }
  }

  /** Four neighbours in memory: words, or the numbers that halves of two words are. */
  protected quadAt({ buffer, access }: Load): string {
    const at = `(${this.base(buffer)} + ${this.affine(access)})`;
    if (this.cells === "vec4<u32>") return `heap[${at} >> 2u]`;
    if (this.isHalf(buffer)) return `${this.use("from_halves")}(heap[${at} >> 2u])`;
    return `vec4<u32>(heap[${at} >> 1u], heap[(${at} >> 1u) + 1])`;
  }

  /** What a store writes of one of four neighbours: a word, or the bits of a half. */
  protected inQuad({ buffer, value }: Store, scope: Scope): string {
    const name = scope.value(value);
    return this.isHalf(buffer) ? `${this.use("to_half")}(${name})` : toWord(name, value.type as ShaderType);
  }

  protected putQuad({ buffer, access }: Store, [x, y, z, w]: readonly string[]): string[] {
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
  protected put({ buffer, access, value }: Store, name: string): string {
    const at = `${this.base(buffer)} + ${this.index(access)}`;
    if (!this.isHalf(buffer)) return this.putWord(at, toWord(name, value.type as ShaderType));
    const half = `${this.use("to_half")}(${name})`;
    if (this.words === null) return `${this.use("put_half")}(${at}, ${half});`;
    const word = { at: `at_${this.fresh()}`, value: `word_${this.fresh()}` };
    this.words.push(word);
    return `${word.at} = ${at}; ${word.value} |= ${half} << (16u * u32(side));`;
  }

  protected putWord(at: string, word: string): string {
    return putWord(this.cells, at, word);
  }

  protected base(buffer: number): string {
    return buffer === ownBuffer ? ownMemory : `b${buffer}`;
  }

  protected isHalf(buffer: number): boolean {
    return buffer !== ownBuffer && this.context.isHalf(buffer);
  }

  protected combined({ combine, type }: Accumulator, x: string, y: string): string {
    const operand: Expression = { kind: "constant", type, value: 0 };
    const instruction = combine satisfies ScalarInstruction;
    return instructionText(
      { kind: "instruction", type, instruction, operands: [operand, { ...operand }] },
      [x, y],
      (name) => this.use(name),
    );
  }

  protected initial({ initial, type }: Accumulator): string {
    return type === "f32" ? this.table.constant(initial) : literal(initial, type as ShaderType);
  }

  protected writeStores(scope: Scope, tests: readonly string[], lines: readonly string[]): void {
    if (lines.length === 0) return;
    const body = tests.length === 0 ? scope : scope.child();
    for (const line of lines) body.line(line);
    if (tests.length > 0) scope.block(`if (${tests.join(" && ")})`, body);
  }

  /** Computes what is wanted in any case and made of nothing but what stays as it is. */
  protected hoist(
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

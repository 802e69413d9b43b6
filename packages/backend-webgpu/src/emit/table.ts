import { bitsOf, type ShaderType } from "./literal.ts";

/** A number of the caller as a kernel wants it. */
interface ScalarUse {
  readonly index: number;
  readonly type: ShaderType;
}

/** What a table holds before the addresses: infinity, NaN, the address of the kernel's own memory, and 0. */
const head = 4;

const components = ["x", "y", "z", "w"] as const;

/** What a kernel finds in its table: the addresses of its buffers, in elements, and the caller's numbers. */
export class TableLayout {
  readonly buffers: number[] = [];
  readonly scalars: ScalarUse[] = [];
  readonly constants: number[] = [];
  private readonly widthOf: (buffer: number) => number;

  /** @param widthOf - the bytes of a buffer's elements, in which its address is counted */
  constructor(widthOf: (buffer: number) => number = () => 4) {
    this.widthOf = widthOf;
  }

  /** The expression of a buffer's address. */
  buffer(buffer: number): string {
    let at = this.buffers.indexOf(buffer);
    if (at < 0) at = this.buffers.push(buffer) - 1;
    return `i32(${wordAt(head + at)})`;
  }

  /** The name of a number, and its declaration by {@link scalarLines}. */
  scalar(index: number, type: ShaderType): string {
    if (!this.scalars.some((s) => s.index === index && s.type === type)) this.scalars.push({ index, type });
    return `s${index}_${type}`;
  }

  /** The name of a float32 that no compiler knows. */
  constant(value: number): string {
    let at = this.constants.findIndex((other) => Object.is(other, value));
    if (at < 0) at = this.constants.push(value) - 1;
    return `c${at}`;
  }

  /** Declarations of the constants; call it when all are known. */
  constantLines(): string[] {
    const first = head + this.buffers.length + this.scalars.length;
    return this.constants.map((_, i) => `let c${i} = bitcast<f32>(${wordAt(first + i)});`);
  }

  /** Declarations of the numbers; call it when all are known. */
  scalarLines(): string[] {
    return this.scalars.map(({ index, type }, i) => {
      const word = wordAt(head + this.buffers.length + i);
      const value = type === "bool" ? `(${word} != 0u)` : type === "u32" ? word : `bitcast<${type}>(${word})`;
      return `let s${index}_${type} = ${value};`;
    });
  }

  get words(): number {
    return head + this.buffers.length + this.scalars.length + this.constants.length;
  }

  /** Writes a table for one run; addresses in bytes. */
  fill(
    table: Uint32Array,
    addressOf: (buffer: number) => number,
    scalars: readonly number[],
    memory: number,
  ): void {
    table[0] = 0x7f800000;
    table[1] = 0x7fc00000;
    table[2] = memory / 4;
    table[3] = 0;
    let at = head;
    for (const buffer of this.buffers) table[at++] = addressOf(buffer) / this.widthOf(buffer);
    for (const { index, type } of this.scalars) table[at++] = wordOf(scalars[index]!, type);
    for (const value of this.constants) table[at++] = bitsOf(value);
  }
}

/** A kernel's own memory, as a buffer that its shaders load from. */
export const ownBuffer = -1;

/** The expression of the address of a kernel's own memory. */
export const ownMemory = "i32(table[0].z)";

/** A float32 as it is, of which a compiler does not know where it comes from. */
export const opaque = (x: string): string => `bitcast<f32>(bitcast<u32>(${x}) ^ table[0].w)`;

const wordAt = (word: number): string => `table[${word >> 2}].${components[word & 3]!}`;

function wordOf(value: number, type: ShaderType): number {
  if (type === "f32") return bitsOf(value);
  return type === "bool" ? Number(value !== 0) : value >>> 0;
}

import { Bytes } from "./bytes.ts";
import type { FunctionBuilder, Signature } from "./function.ts";
import { type ValueType, valueTypes } from "./opcodes.ts";

/** Where the memory of a module comes from. */
export interface MemoryImport {
  /** In pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum: number;
  readonly shared: boolean;
}

/** Collects functions into a module that imports its memory as `env.memory`. */
export class ModuleBuilder {
  private readonly signatures: Signature[] = [];
  private readonly imports: { readonly name: string; readonly type: number }[] = [];
  private readonly globals: { readonly name: string; readonly type: ValueType }[] = [];
  private readonly functions: FunctionBuilder[] = [];
  private readonly exports: { readonly name: string; readonly index: number }[] = [];
  private readonly memory: MemoryImport;

  constructor(memory: MemoryImport) {
    this.memory = memory;
  }

  /** Imports `env.name`; all imports come before the first function. Returns the index to call it by. */
  import(name: string, signature: Signature): number {
    const known = this.imports.findIndex((existing) => existing.name === name);
    if (known >= 0) return known;
    if (this.functions.length > 0) throw new Error("imports come before functions, whose numbers they shift");
    this.imports.push({ name, type: this.typeOf(signature) });
    return this.imports.length - 1;
  }

  /** Imports `env.name` as a global that does not change. Returns the index to read it by. */
  importGlobal(name: string, type: ValueType): number {
    const known = this.globals.findIndex((existing) => existing.name === name);
    return known >= 0 ? known : this.globals.push({ name, type }) - 1;
  }

  /** Adds a function, exported if it has a name. Returns its index. */
  add(builder: FunctionBuilder, name?: string): number {
    this.functions.push(builder);
    const index = this.imports.length + this.functions.length - 1;
    if (name !== undefined) this.export(name, index);
    return index;
  }

  /** Exports a function by its index. */
  export(name: string, index: number): void {
    this.exports.push({ name, index });
  }

  /** The module in the binary format. */
  encode(): Uint8Array<ArrayBuffer> {
    const types = this.functions.map(({ signature }) => this.typeOf(signature));
    const module = new Bytes().append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const section = (id: number, count: number, write: (bytes: Bytes) => void) => {
      if (count === 0) return;
      const body = new Bytes().unsigned(count);
      write(body);
      module.byte(id).sized(body);
    };
    section(1, this.signatures.length, (bytes) => {
      for (const { parameters, results } of this.signatures) {
        bytes.byte(0x60);
        for (const list of [parameters, results]) {
          bytes.unsigned(list.length);
          for (const type of list) bytes.byte(valueTypes[type]);
        }
      }
    });
    section(2, this.imports.length + this.globals.length + 1, (bytes) => {
      for (const { name, type } of this.imports) bytes.text("env").text(name).byte(0x00).unsigned(type);
      for (const { name, type } of this.globals)
        bytes.text("env").text(name).byte(0x03).byte(valueTypes[type]).byte(0x00);
      const { minimum, maximum, shared } = this.memory;
      bytes.text("env").text("memory").byte(0x02);
      bytes
        .byte(shared ? 0x03 : 0x01)
        .unsigned(minimum)
        .unsigned(maximum);
    });
    section(3, types.length, (bytes) => {
      for (const type of types) bytes.unsigned(type);
    });
    section(7, this.exports.length, (bytes) => {
      for (const { name, index } of this.exports) bytes.text(name).byte(0x00).unsigned(index);
    });
    section(10, this.functions.length, (bytes) => {
      for (const builder of this.functions) bytes.sized(builder.encode());
    });
    return module.view();
  }

  private typeOf({ parameters, results }: Signature): number {
    const key = `${parameters.join()}>${results.join()}`;
    const known = this.signatures.findIndex((s) => `${s.parameters.join()}>${s.results.join()}` === key);
    return known >= 0 ? known : this.signatures.push({ parameters, results }) - 1;
  }
}

import { laneAccess, laneStores, memoryAccess, plain, valueTypes } from "./opcodes.ts";
import { Reader } from "./reader.ts";

/**
 * A module that {@link ModuleBuilder} wrote as text close to WAT: one instruction a line, blocks indented, functions by
 * the names of their imports and exports.
 */
export function moduleText(binary: Uint8Array): string {
  const reader = new Reader(binary, 8);
  const types: FunctionType[] = [];
  const functions: Named[] = [];
  const lines: string[] = [];
  let defined = 0;
  while (!reader.isAtEnd) {
    const section = reader.byte();
    const end = reader.unsigned() + reader.at;
    if (section === 1) types.push(...reader.list(() => readType(reader)));
    else if (section === 2) {
      for (const { name, kind, type } of reader.list(() => readImport(reader))) {
        if (kind === "func") functions.push({ name: `$${name}`, type: types[type]! });
        lines.push(`(import ${kind} $${name})`);
      }
      defined = functions.length;
    } else if (section === 3) {
      for (const type of reader.list(() => reader.unsigned()))
        functions.push({ name: `$${functions.length}`, type: types[type]! });
    } else if (section === 7) {
      for (const { name, index } of reader.list(() => readExport(reader))) {
        functions[index] = { ...functions[index]!, name: `$${name}` };
      }
    } else if (section === 10) {
      for (const code of reader.list(() => reader.take(reader.unsigned())))
        lines.push(...functionLines(functions[defined++]!, new Reader(code), functions));
    }
    reader.at = end;
  }
  return lines.join("\n");
}

interface FunctionType {
  readonly parameters: readonly string[];
  readonly results: readonly string[];
}

interface Named {
  readonly name: string;
  readonly type: FunctionType;
}

const typeNames = new Map<number, string>(Object.entries(valueTypes).map(([name, byte]) => [byte, name]));
const typeName = (reader: Reader): string => typeNames.get(reader.byte())!;

function readType(reader: Reader): FunctionType {
  reader.byte();
  const names = () => reader.list(() => typeName(reader));
  return { parameters: names(), results: names() };
}

function readImport(reader: Reader): { readonly name: string; readonly kind: string; readonly type: number } {
  reader.text();
  const name = reader.text();
  const kind = reader.byte();
  if (kind === 0) return { name, kind: "func", type: reader.unsigned() };
  if (kind === 2) {
    const hasMaximum = reader.byte() & 1;
    reader.unsigned();
    if (hasMaximum) reader.unsigned();
    return { name, kind: "memory", type: 0 };
  }
  reader.take(2);
  return { name, kind: "global", type: 0 };
}

function readExport(reader: Reader): { readonly name: string; readonly index: number } {
  const name = reader.text();
  reader.byte();
  return { name, index: reader.unsigned() };
}

function functionLines({ name, type }: Named, reader: Reader, functions: readonly Named[]): string[] {
  const locals = reader.list(() => `${reader.unsigned()} x ${typeName(reader)}`);
  const signature = [
    ...type.parameters.map((parameter) => `(param ${parameter})`),
    ...type.results.map((result) => `(result ${result})`),
    ...(locals.length === 0 ? [] : [`(local ${locals.join(", ")})`]),
  ];
  const lines = [["(func", name, ...signature].join(" ")];
  let depth = 1;
  while (!reader.isAtEnd) {
    const instruction = readInstruction(reader, functions);
    if (instruction === "end" || instruction === "else") depth--;
    lines.push(depth === 0 ? ")" : "  ".repeat(depth) + instruction);
    if (/^(if|loop|block|else)/.test(instruction)) depth++;
  }
  return lines;
}

/** Codes as keys: a byte, or a prefix and a number. */
const keyOf = (code: readonly number[]): string => code.join();
const plainNames = new Map(Object.entries(plain).map(([name, code]) => [keyOf(code), name]));
const memoryNames = new Map(Object.entries(memoryAccess).map(([name, { code }]) => [keyOf(code), name]));
const laneNames = new Map(Object.entries(laneAccess).map(([name, code]) => [keyOf(code), name]));
const laneStoreNames = new Map(
  Object.entries(laneStores).map(([name, { code }]) => [keyOf([0xfd, code]), name]),
);

/** Instructions with immediates of their own. */
const special: { readonly [key: string]: (reader: Reader, functions: readonly Named[]) => string } = {
  "2": (reader) => `block${blockType(reader)}`,
  "3": (reader) => `loop${blockType(reader)}`,
  "4": (reader) => `if${blockType(reader)}`,
  "5": () => "else",
  "11": () => "end",
  "12": (reader) => `br ${reader.unsigned()}`,
  "13": (reader) => `br_if ${reader.unsigned()}`,
  "16": (reader, functions) => `call ${functions[reader.unsigned()]!.name}`,
  "32": (reader) => `local.get ${reader.unsigned()}`,
  "33": (reader) => `local.set ${reader.unsigned()}`,
  "34": (reader) => `local.tee ${reader.unsigned()}`,
  "35": (reader) => `global.get ${reader.unsigned()}`,
  "36": (reader) => `global.set ${reader.unsigned()}`,
  "65": (reader) => `i32.const ${reader.signed()}`,
  "66": (reader) => `i64.const ${reader.signed()}`,
  "67": (reader) => `f32.const ${reader.float32()}`,
  "68": (reader) => `f64.const ${reader.float64()}`,
  "252,10": (reader) => `memory.copy ${reader.take(2).join(" ")}`,
  "252,11": (reader) => `memory.fill ${reader.byte()}`,
  "253,12": (reader) => `v128.const ${[...reader.take(16)].map((byte) => byte.toString(16)).join(" ")}`,
  "253,13": (reader) => `i8x16.shuffle ${[...reader.take(16)].join(" ")}`,
};

function blockType(reader: Reader): string {
  const type = typeNames.get(reader.byte());
  return type === undefined ? "" : ` (result ${type})`;
}

function readInstruction(reader: Reader, functions: readonly Named[]): string {
  const first = reader.byte();
  const key = first >= 0xfc ? keyOf([first, reader.unsigned()]) : keyOf([first]);
  const name = plainNames.get(key);
  if (name !== undefined) return name;
  const memory = memoryNames.get(key);
  if (memory !== undefined) {
    reader.unsigned();
    const offset = reader.unsigned();
    return offset === 0 ? memory : `${memory} offset=${offset}`;
  }
  const laneStore = laneStoreNames.get(key);
  if (laneStore !== undefined) {
    reader.unsigned();
    return `${laneStore} offset=${reader.unsigned()} ${reader.byte()}`;
  }
  const lane = laneNames.get(key);
  if (lane !== undefined) return `${lane} ${reader.byte()}`;
  const read = special[key];
  if (read === undefined) throw new Error(`the instruction ${key} has no name`);
  return read(reader, functions);
}

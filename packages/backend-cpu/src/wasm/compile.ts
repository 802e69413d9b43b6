import type { Target } from "./target.ts";

/** What an engine can do. */
export interface WasmFeatures {
  /** Vectors of 128 bits. */
  readonly simd: boolean;
  /** Fused multiply-add among other relaxed instructions, which round once where the processor can. */
  readonly relaxedSimd: boolean;
}

interface Node {
  readonly versions: { readonly node: string };
  getBuiltinModule?(name: "node:v8"): { setFlagsFromString(flags: string): void };
}

/** The setter of V8's flags where the engine is Node's, and the major version of Node. */
function findNode(): { setFlag(flag: string): void; major: number } | undefined {
  const { process } = globalThis as { process?: Partial<Node> };
  const version = process?.versions?.node;
  const v8 = version === undefined ? undefined : process?.getBuiltinModule?.("node:v8");
  if (version === undefined || v8 === undefined) return undefined;
  return { setFlag: (flag) => v8.setFlagsFromString(flag), major: Number.parseInt(version, 10) };
}

const node = findNode();
let features: WasmFeatures | undefined;

/** Asks the engine what it can do, once. On Node 20 this switches relaxed SIMD on, which later versions have anyway. */
export function wasmFeatures(): WasmFeatures {
  if (features === undefined) {
    // Later versions dropped the flag and print an error where it is set.
    if (node !== undefined && node.major < 22) node.setFlag("--experimental-wasm-relaxed-simd");
    const body = (...code: number[]) => WebAssembly.validate(moduleReturningVector(code));
    features = {
      simd: body(...zeros),
      relaxedSimd: body(...zeros, ...zeros, ...zeros, 0xfd, 0x85, 0x02),
    };
  }
  return features;
}

/** `v128.const 0` */
const zeros: readonly number[] = [0xfd, 0x0c, ...Array<number>(16).fill(0)];

/** A module with one function of no parameters that returns a v128. */
function moduleReturningVector(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const types = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b];
  const functions = [0x03, 0x02, 0x01, 0x00];
  const body = [0x00, ...code, 0x0b];
  return Uint8Array.from([
    ...header,
    ...types,
    ...functions,
    0x0a,
    body.length + 2,
    0x01,
    body.length,
    ...body,
  ]);
}

/**
 * Compiles a module. Under Node all of it is optimised at once: baseline code is several times slower, and V8 does not
 * replace a function while it runs, so that a first long call would stay slow. The flags belong to the process and are
 * put back to their defaults at once.
 */
export function compileModule(
  bytes: Uint8Array<ArrayBuffer>,
  { revectorised }: Pick<Target, "revectorised">,
): WebAssembly.Module {
  wasmFeatures();
  if (node === undefined) return new WebAssembly.Module(bytes);
  const flags = [
    ["no-liftoff", "liftoff"],
    ["no-wasm-lazy-compilation", "wasm-lazy-compilation"],
  ];
  // Without baseline code there is nothing to guide inlining, and some versions abort. Earlier ones do not inline.
  if (node.major >= 24) flags.push(["no-wasm-inlining", "wasm-inlining"]);
  if (revectorised) flags.push(["experimental-wasm-revectorize", "no-experimental-wasm-revectorize"]);
  for (const [flag] of flags) node.setFlag(`--${flag}`);
  try {
    return new WebAssembly.Module(revectorised ? distinct(bytes) : bytes);
  } finally {
    for (const [, flag] of flags) node.setFlag(`--${flag}`);
  }
}

/** The same module with a custom section: V8 keeps machine code by bytes, and these must not find what was compiled without. */
function distinct(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const section = [0x00, 0x02, 0x01, 0x72];
  const result = new Uint8Array(bytes.length + section.length);
  result.set(bytes);
  result.set(section, bytes.length);
  return result;
}

import v8 from "node:v8";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileModule, wasmFeatures } from "../../src/wasm/compile.ts";

const empty = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

const { Module } = WebAssembly;

/** Records the flags that are set, and "compile" where a module is compiled between them. */
function recordFlags(): string[] {
  const events: string[] = [];
  vi.spyOn(v8, "setFlagsFromString").mockImplementation((flag) => void events.push(flag));
  WebAssembly.Module = class extends Module {
    constructor(bytes: BufferSource) {
      events.push("compile");
      super(bytes);
    }
  };
  return events;
}

afterEach(() => {
  vi.restoreAllMocks();
  WebAssembly.Module = Module;
});

describe("compileModule under Node", () => {
  // Setting flags the first time is the business of the detection of features.
  wasmFeatures();

  it("compiles without the baseline compiler and not lazily, and puts V8's flags back", () => {
    const events = recordFlags();
    expect(compileModule(empty, { revectorised: false })).toBeInstanceOf(Module);
    const compilation = events.indexOf("compile");
    const before = events.slice(0, compilation);
    expect(before).toEqual(expect.arrayContaining(["--no-liftoff", "--no-wasm-lazy-compilation"]));
    expect(events.slice(compilation + 1)).toEqual(before.map((flag) => flag.replace("--no-", "--")));
  });

  it("revectorises where it is asked to, by bytes that V8 has not compiled otherwise", () => {
    const events = recordFlags();
    const sizes = [false, true].map((revectorised) => {
      const module = compileModule(empty, { revectorised });
      return WebAssembly.Module.customSections(module, "r").length;
    });
    expect(sizes).toEqual([0, 1]);
    expect(events.filter((flag) => flag.includes("revectorize"))).toEqual([
      "--experimental-wasm-revectorize",
      "--no-experimental-wasm-revectorize",
    ]);
  });

  it("puts the flags back if the bytes are no module, whose error it passes on", () => {
    const events = recordFlags();
    expect(() => compileModule(Uint8Array.of(1, 2, 3), { revectorised: false })).toThrow(
      WebAssembly.CompileError,
    );
    expect(events).toEqual(expect.arrayContaining(["--liftoff", "--wasm-lazy-compilation"]));
  });
});

describe("wasmFeatures", () => {
  it("finds SIMD, and relaxed SIMD, which Node 20 and later have", () => {
    expect(wasmFeatures()).toEqual({ simd: true, relaxedSimd: true });
  });
});

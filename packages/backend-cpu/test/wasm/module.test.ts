import { describe, expect, it } from "vitest";
import { compileModule, wasmFeatures } from "../../src/wasm/compile.ts";
import { FunctionBuilder } from "../../src/wasm/function.ts";
import { ModuleBuilder } from "../../src/wasm/module.ts";
import { memoryAccess, type PlainInstruction, plain, type ValueType } from "../../src/wasm/opcodes.ts";

type Exports = Record<string, (...parameters: number[]) => number>;

function instantiate(module: ModuleBuilder, imports: WebAssembly.ModuleImports = {}) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const instance = new WebAssembly.Instance(compileModule(module.encode(), { revectorised: false }), {
    env: { memory, ...imports },
  });
  return { memory, exports: instance.exports as Exports };
}

const newModule = () => new ModuleBuilder({ minimum: 1, maximum: 2, shared: false });

/** A module with one function `f`. */
function single(parameters: ValueType[], results: ValueType[], body: (f: FunctionBuilder) => void) {
  const module = newModule();
  const f = new FunctionBuilder({ parameters, results });
  body(f);
  module.add(f, "f");
  return instantiate(module);
}

describe("a module", () => {
  it("without functions is valid", () => {
    expect(() => instantiate(newModule())).not.toThrow();
  });

  it("numbers its functions after its imports, and imports a name once", () => {
    const module = newModule();
    const signature = { parameters: ["f64"], results: ["f64"] } as const;
    const twice = module.import("twice", signature);
    expect(module.import("twice", signature)).toBe(twice);
    const f = new FunctionBuilder(signature);
    f.get(f.parameters[0]!).call(twice).f64(1).op("f64.add");
    const plusOne = module.add(f);
    const g = new FunctionBuilder(signature);
    g.get(g.parameters[0]!).call(plusOne).call(plusOne);
    module.add(g, "g");
    module.export("again", plusOne);
    const { exports } = instantiate(module, { twice: (x: number) => 2 * x });
    expect(exports["g"]!(5)).toBe(23);
    expect(exports["again"]!(5)).toBe(11);
  });

  it("refuses an import after a function, whose number would change", () => {
    const module = newModule();
    module.add(new FunctionBuilder({ parameters: [], results: [] }));
    expect(() => module.import("late", { parameters: [], results: [] })).toThrow("before functions");
  });

  it("takes a shared memory", () => {
    const module = new ModuleBuilder({ minimum: 1, maximum: 1, shared: true });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    expect(
      () =>
        new WebAssembly.Instance(compileModule(module.encode(), { revectorised: false }), {
          env: { memory },
        }),
    ).not.toThrow();
  });
});

describe("a function", () => {
  it("keeps locals of mixed types apart, and reuses those released", () => {
    const { exports } = single(["i32"], ["f64"], (f) => {
      const [x, y, z] = [f.local("f64"), f.local("i32"), f.local("f64")];
      f.get(f.parameters[0]!).op("f64.convert_i32_s").set(x);
      f.i32(-7).set(y).f64(0.5).set(z);
      f.release(y);
      expect(f.local("i32")).toBe(y);
      f.get(x).get(y).op("f64.convert_i32_s").op("f64.mul").get(z).op("f64.add");
    });
    expect(exports["f"]!(3)).toBe(-20.5);
  });

  it("branches and loops", () => {
    const { exports } = single(["i32", "i32"], ["i32"], (f) => {
      const [from, end] = f.parameters;
      const [i, sum] = [f.local("i32"), f.local("i32")];
      f.forRange(i, from!, end!, 3, () => {
        f.get(i).i32(1).op("i32.and");
        f.if(
          () => f.get(sum).get(i).op("i32.add").set(sum),
          () => f.get(sum).i32(1000).op("i32.add").set(sum),
        );
      });
      f.get(sum);
    });
    expect(exports["f"]!(1, 12)).toBe(1 + 1000 + 7 + 1000);
    expect(exports["f"]!(5, 5)).toBe(0);
    expect(exports["f"]!(-3, 1)).toBe(-3 + 1000);
  });

  it("loads, stores, fills, copies and shuffles", () => {
    const { memory, exports } = single([], ["f32"], (f) => {
      f.i32(0)
        .v128(new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer))
        .memory("v128.store", 64);
      f.i32(0).i32(64).memory("v128.load").i32(72).memory("v128.load32_splat");
      f.shuffle([4, 5, 6, 7, 0, 1, 2, 3, 16, 17, 18, 19, 12, 13, 14, 15]).memory("v128.store", 128);
      f.i32(200).i32(64).i32(8).memoryCopy();
      f.i32(300).i32(9).i32(4).memoryFill();
      f.i32(64).memory("v128.load").lane("f32x4.extract_lane", 3);
    });
    expect(exports["f"]!()).toBe(4);
    expect([...new Float32Array(memory.buffer, 128, 4)]).toEqual([2, 1, 3, 4]);
    expect([...new Float32Array(memory.buffer, 200, 3)]).toEqual([1, 2, 0]);
    expect([...new Uint8Array(memory.buffer, 299, 6)]).toEqual([0, 9, 9, 9, 9, 0]);
  });
});

describe("the table of instructions", () => {
  /** By the prefix of the name, what an instruction takes and leaves. */
  function signatureOf(
    name: PlainInstruction,
  ): { parameters: ValueType[]; results: ValueType[] } | undefined {
    const [prefix, operation] = name.split(".") as [string, string | undefined];
    if (operation === undefined) return undefined;
    const vector = /x/.test(prefix) || prefix === "v128";
    const own = (vector ? "v128" : prefix) as ValueType;
    if (operation === "splat") {
      const lane = prefix.split("x")[0]!;
      return {
        parameters: [(lane === "i8" || lane === "i16" ? "i32" : lane) as ValueType],
        results: ["v128"],
      };
    }
    if (/relaxed_n?madd|bitselect|laneselect/.test(operation))
      return { parameters: [own, own, own], results: [own] };
    if (/any_true|all_true/.test(operation)) return { parameters: [own], results: ["i32"] };
    if (/^sh[lr]/.test(operation)) return { parameters: [own, vector ? "i32" : own], results: [own] };
    const converted = /_([if]\d\d)(_[su])?$/.exec(operation);
    if (!vector && converted) return { parameters: [converted[1] as ValueType], results: [own] };
    const unary =
      /^(abs|neg|ceil|floor|trunc|nearest|sqrt|not|clz|eqz|.*(convert|demote|promote|trunc_sat|extend).*)$/;
    if (unary.test(operation)) return { parameters: [own], results: [own] };
    const comparison = /^(eq|ne|[lg][te](_[su])?)$/.test(operation);
    return { parameters: [own, own], results: [comparison && !vector ? "i32" : own] };
  }

  const names = (Object.keys(plain) as PlainInstruction[]).filter((name) => signatureOf(name) !== undefined);

  it.each(names)("%s has a code that the engine takes for that signature", (name) => {
    const { relaxedSimd } = wasmFeatures();
    if (name.includes("relaxed") && !relaxedSimd) return;
    const signature = signatureOf(name)!;
    const f = new FunctionBuilder(signature);
    for (const parameter of f.parameters) f.get(parameter);
    f.op(name);
    const module = newModule();
    module.add(f);
    expect(WebAssembly.validate(module.encode())).toBe(true);
  });

  it.each(Object.keys(memoryAccess) as (keyof typeof memoryAccess)[])(
    "%s has an alignment that fits",
    (name) => {
      const [own, operation] = name.split(".") as [ValueType, string];
      const store = operation.startsWith("store");
      const f = new FunctionBuilder({ parameters: ["i32", own], results: store ? [] : [own] });
      f.get(f.parameters[0]!);
      if (store) f.get(f.parameters[1]!);
      f.memory(name, 8);
      const module = newModule();
      module.add(f);
      expect(WebAssembly.validate(module.encode())).toBe(true);
    },
  );

  it.each([
    ["i32.lt_s", [-1, 1], 1],
    ["i32.lt_u", [-1, 1], 0],
    ["i32.div_s", [-7, 2], -3],
    ["i32.rem_s", [-7, 2], -1],
    ["i32.shr_s", [-8, 1], -4],
    ["i32.shr_u", [-8, 1], 0x7ffffffc],
    ["i32.clz", [1], 31],
    ["f64.min", [1, 2], 1],
    ["f64.max", [1, 2], 2],
    ["f64.nearest", [2.5], 2],
    ["f64.trunc", [-2.5], -2],
    ["f64.floor", [-2.5], -3],
    ["f64.ceil", [-2.5], -2],
    ["f64.le", [2, 2], 1],
    ["f64.div", [1, 4], 0.25],
    ["i32.trunc_sat_f64_s", [1e20], 2 ** 31 - 1],
    ["f64.convert_i32_u", [-1], 2 ** 32 - 1],
    ["i32.reinterpret_f32", [1], 0x3f800000],
  ] as const)("%s of %j is %d", (name, operands, result) => {
    const { parameters, results } = signatureOf(name)!;
    const { exports } = single(parameters, results, (f) => {
      for (const parameter of f.parameters) f.get(parameter);
      f.op(name);
    });
    expect(exports["f"]!(...operands)).toBe(result);
  });
});

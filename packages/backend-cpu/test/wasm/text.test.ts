import { cpuBackend } from "@amari/backend-cpu";
import { explain, type Tensor, zeros } from "@amari/core";
import { describe, expect, it } from "vitest";
import { FunctionBuilder } from "../../src/wasm/function.ts";
import { ModuleBuilder } from "../../src/wasm/module.ts";
import { moduleText } from "../../src/wasm/text.ts";

describe("WebAssembly as text", () => {
  it("names functions, indents blocks and shows immediates", () => {
    const module = new ModuleBuilder({ minimum: 1, maximum: 2, shared: false });
    const call = module.import("call", { parameters: ["f64"], results: ["f64"] });
    const f = new FunctionBuilder({ parameters: ["i32"], results: [] });
    const i = f.local("i32");
    f.forRange(i, 0, f.parameters[0]!, -70, () => {
      f.get(i).get(i).memory("f64.load", 300).call(call).f64(-0.5).op("f64.add").memory("f64.store");
    });
    f.i64(-(2n ** 60n)).op("drop");
    module.add(f, "main");
    expect(`\n${moduleText(module.encode())}\n`).toMatchInlineSnapshot(`
      "
      (import func $call)
      (import memory $memory)
      (func $main (param i32) (local 1 x i32)
        i32.const 0
        local.set 1
        local.get 1
        local.get 0
        i32.lt_s
        if
          loop
            local.get 1
            local.get 1
            f64.load offset=300
            call $call
            f64.const -0.5
            f64.add
            f64.store
            local.get 1
            i32.const -70
            i32.add
            local.tee 1
            local.get 0
            i32.lt_s
            br_if 0
          end
        end
        i64.const -1152921504606846976
        drop
      )
      "
    `);
  });

  it("reads every instruction that programs are made of", () => {
    const programs: readonly ((x: Tensor) => unknown)[] = [
      (x) => x.softmax().sum(),
      (x) => x.matmul(x.transpose() as never).tanh(),
      (x) => x.gt(0).where(x.astype("int32").add(1), 2),
      (x) => x.astype("float64").log().mod(3),
      (x) => x.astype("uint32").bitwiseXor(7).astype("bool"),
    ];
    for (const f of programs) {
      const { code } = explain(f, { backend: cpuBackend() })(zeros([7, 9]) as Tensor);
      expect(code).toMatch(/^\(import func|^\(import memory/);
      expect(code!.split("\n").filter((line) => line === ")").length).toBe(code!.split("(func").length - 1);
    }
  });
});

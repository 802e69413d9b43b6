import { describe, expect, it } from "vitest";
import { tileOf, workspaceBytes } from "../../src/matmul/blocking.ts";
import { emitMatmul } from "../../src/matmul/gemm.ts";
import { vectorTypes } from "../../src/matmul/vector-type.ts";
import { compileModule } from "../../src/wasm/compile.ts";
import { ModuleBuilder } from "../../src/wasm/module.ts";
import { expected, layouts, tinyBlocking } from "./harness.ts";

describe.each(["float32", "float64"] as const)("a product of %s that threads share", (dtype) => {
  it("has the bits of a single call, b packed in parts and rows computed in parts", () => {
    const kind = { dtype, fma: false, blocking: tinyBlocking };
    const { bytes, lanes } = vectorTypes[dtype];
    const module = new ModuleBuilder({ minimum: 1, maximum: 1, shared: false });
    emitMatmul(module, { ...kind, exported: true });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(compileModule(module.encode(), { revectorised: false }), {
      env: { memory },
    });
    const { packB, gemmRows } = exports as Record<string, (...parameters: number[]) => void>;

    const [m, n, k] = [29, 19, 17];
    const [a, b] = [layouts.rows(m, k, 3), layouts.columns(k, n, 5)];
    const array = dtype === "float32" ? Float32Array : Float64Array;
    const place = (address: number, data: readonly number[]) => {
      new array(memory.buffer, address, data.length).set(data);
      return address;
    };
    const [atA, atB, atC, packed, workspace] = [
      place(1024, a.data),
      place(8192, b.data),
      16384,
      24576,
      32768,
    ];
    const ownBytes = workspaceBytes(kind, 0, k);
    const { depth } = tinyBlocking;
    const panel = tileOf(false, false).vectors * lanes;
    for (let first = 0; first < k; first += depth) {
      const block = Math.min(depth, k - first);
      for (let column = 0; column < n; column += panel) {
        const from = atB + (first + column * k) * bytes;
        const to = packed + column * block * bytes;
        packB!(Math.min(panel, n - column), block, from, k * bytes, bytes, to);
      }
      for (const [index, [row, end]] of [
        [0, 11],
        [11, 12],
        [12, 29],
      ].entries()) {
        const rowsOfA = atA + (row! * k + first) * bytes;
        const rowsOfC = atC + row! * n * bytes;
        const own = workspace + index * ownBytes;
        const steps = [Number(first > 0), Number(first + block === k), row!, 0];
        gemmRows!(
          end! - row!,
          n,
          block,
          rowsOfA,
          k * bytes,
          bytes,
          packed,
          rowsOfC,
          n * bytes,
          own,
          ...steps,
        );
      }
    }
    expect([...new array(memory.buffer, atC, m * n)]).toEqual(expected(dtype, depth, a, b));
  });
});

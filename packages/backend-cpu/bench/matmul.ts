/**
 * The speed of the generated matrix products on one thread, in GFLOP/s:
 * `npx tsx --conditions=@amari/source packages/backend-cpu/bench/matmul.ts [m n k]`.
 */
import { wasmFeatures } from "../src/wasm/compile.ts";
import { compile, type Shape, speed } from "./measure.ts";

const given = process.argv.slice(2).map(Number);
const shapes: readonly Shape[] =
  given.length === 3
    ? [given as unknown as Shape]
    : [...[64, 128, 256, 512, 1024, 2048].map((n) => [n, n, n] as const), [128, 784, 256]];
const kinds = [true, false].filter((fma) => !fma || wasmFeatures().relaxedSimd);
for (const dtype of ["float32", "float64"] as const) {
  for (const fma of kinds) {
    console.log(`\n${dtype}, ${fma ? "fused" : "not fused"}${" ".repeat(10)}`, "NN      NT      TN");
    const gemm = compile({ dtype, fma });
    for (const shape of shapes) {
      const figures = (["NN", "NT", "TN"] as const).map((layout) =>
        speed(gemm, { dtype, fma }, shape, layout),
      );
      console.log(
        shape.join(" x ").padEnd(24),
        figures.map((figure) => figure.toFixed(1).padStart(6)).join("  "),
      );
    }
  }
}

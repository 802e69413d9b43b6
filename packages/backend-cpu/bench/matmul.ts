/**
 * GFLOP/s of the generated matrix products on one thread: `npx tsx --conditions=@amari/source bench/matmul.ts [m n k]`.
 * Every figure is the best of several runs by the time that the process had a processor: others only ever slow it down.
 */
import { type Blocking, defaultBlocking, workspaceBytes } from "../src/matmul/blocking.ts";
import { emitMatmul } from "../src/matmul/gemm.ts";
import type { MatmulDType } from "../src/matmul/vector-type.ts";
import { compileModule, wasmFeatures } from "../src/wasm/compile.ts";
import { ModuleBuilder } from "../src/wasm/module.ts";

type Layout = "NN" | "NT" | "TN";
type Shape = readonly [m: number, n: number, k: number];

const memory = new WebAssembly.Memory({ initial: 2048, maximum: 2048, shared: true });

function compile(dtype: MatmulDType, fma: boolean, blocking: Blocking): (...parameters: number[]) => void {
  const module = new ModuleBuilder({ minimum: 1, maximum: 2048, shared: true });
  emitMatmul(module, { dtype, fma, blocking, exported: true });
  const instance = new WebAssembly.Instance(compileModule(module.encode()), { env: { memory } });
  return instance.exports["gemm"] as (...parameters: number[]) => void;
}

/** The best of the runs that fit into `milliseconds`, in GFLOP/s. */
export function speed(
  gemm: (...parameters: number[]) => void,
  dtype: MatmulDType,
  fma: boolean,
  [m, n, k]: Shape,
  layout: Layout,
  blocking: Blocking = defaultBlocking,
  milliseconds = 250,
): number {
  const size = dtype === "float32" ? 4 : 8;
  const a = 1024;
  const b = a + m * k * size + 64;
  const c = b + k * n * size + 64;
  const workspace = Math.ceil((c + m * n * size + 64) / 64) * 64;
  if (workspace + workspaceBytes({ dtype, fma, blocking }, n, k) > memory.buffer.byteLength)
    return Number.NaN;
  const values = new (dtype === "float32" ? Float32Array : Float64Array)(memory.buffer, a, (c - a) / size);
  values.forEach((_, index) => {
    values[index] = ((index * 7919) % 1024) / 512 - 1;
  });
  const [aRow, aColumn] = layout === "TN" ? [1, m] : [k, 1];
  const [bRow, bColumn] = layout === "NT" ? [1, k] : [n, 1];
  const call = () => gemm(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, n, workspace);
  // A run is long enough for the clock, whose unit is a microsecond, and short enough to be left alone by others.
  const calls = Math.max(1, Math.round(2e7 / (2 * m * n * k)));
  let best = Number.POSITIVE_INFINITY;
  call();
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const start = process.cpuUsage();
    for (let index = 0; index < calls; index++) call();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000 / calls);
  }
  return (2 * m * n * k) / best / 1e6;
}

const given = process.argv.slice(2).map(Number);
const shapes: readonly Shape[] =
  given.length === 3
    ? [given as unknown as Shape]
    : [...[64, 128, 256, 512, 1024, 2048].map((n) => [n, n, n] as const), [128, 784, 256]];
const kinds = [true, false].filter((fma) => !fma || wasmFeatures().relaxedSimd);
for (const dtype of ["float32", "float64"] as const) {
  for (const fma of kinds) {
    console.log(`\n${dtype}, ${fma ? "fused" : "not fused"}${" ".repeat(10)}`, "NN      NT      TN");
    const gemm = compile(dtype, fma, defaultBlocking);
    for (const shape of shapes) {
      const figures = (["NN", "NT", "TN"] as const).map((layout) => speed(gemm, dtype, fma, shape, layout));
      console.log(
        shape.join(" x ").padEnd(24),
        figures.map((figure) => figure.toFixed(1).padStart(6)).join("  "),
      );
    }
  }
}

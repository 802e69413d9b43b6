import { type MatmulKind, workspaceBytes } from "../src/matmul/blocking.ts";
import { emitMatmul } from "../src/matmul/gemm.ts";
import { compileModule } from "../src/wasm/compile.ts";
import { ModuleBuilder } from "../src/wasm/module.ts";

export type Layout = "NN" | "NT" | "TN";
export type Shape = readonly [m: number, n: number, k: number];

const memory = new WebAssembly.Memory({ initial: 2048, maximum: 2048, shared: true });

/** A product; one for vectors of 256 bits is compiled by V8 to such. */
export function compile(kind: MatmulKind): (...parameters: number[]) => void {
  const module = new ModuleBuilder({ minimum: 1, maximum: 2048, shared: true });
  module.export("gemm", emitMatmul(module, kind));
  const compiled = compileModule(module.encode(), { revectorised: kind.wide ?? false });
  const instance = new WebAssembly.Instance(compiled, { env: { memory } });
  return instance.exports["gemm"] as (...parameters: number[]) => void;
}

/**
 * GFLOP/s: the best of the runs that fit into `milliseconds`, by the time that the process had a processor, as others
 * only ever slow it down.
 */
export function speed(
  gemm: (...parameters: number[]) => void,
  kind: MatmulKind,
  [m, n, k]: Shape,
  layout: Layout,
  milliseconds = 250,
): number {
  const { dtype } = kind;
  const size = dtype === "float32" ? 4 : 8;
  const a = 1024;
  const b = a + m * k * size + 64;
  const c = b + k * n * size + 64;
  const workspace = Math.ceil((c + m * n * size + 64) / 64) * 64;
  if (workspace + workspaceBytes(kind, n, k) > memory.buffer.byteLength) return Number.NaN;
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

/**
 * The speed of small and thin products, packed and from where they lie: what the thresholds in `blocking.ts` rest on.
 */
import { defaultBlocking } from "../src/matmul/blocking.ts";
import { compile, type Shape, speed } from "./measure.ts";

const shapes: readonly Shape[] = [
  ...[8, 16, 32, 64, 128].map((n) => [n, n, n] as const),
  ...[1, 16, 64, 128].map((n) => [1024, n, 256] as const),
  ...[1, 6, 12, 48, 96].map((m) => [m, 1024, 256] as const),
  [1, 10, 128],
  [64, 10, 128],
  [1, 1024, 1024],
  [1024, 1, 1024],
];
const packed = { ...defaultBlocking, smallRows: 0, smallColumns: 0 };
const unpacked = { ...defaultBlocking, smallRows: 1e9, smallColumns: 1e9 };
const kinds = [packed, unpacked, defaultBlocking].map((blocking) => {
  const kind = { dtype: "float32", fma: true, blocking } as const;
  return { kind, gemm: compile(kind) };
});

console.log("packed / unpacked / chosen".padEnd(20), "NN".padEnd(24), "NT".padEnd(24), "TN");
for (const shape of shapes) {
  const figures = (["NN", "NT", "TN"] as const).map((layout) =>
    kinds.map(({ gemm, kind }) => speed(gemm, kind, shape, layout, 50).toFixed(1)).join(" / "),
  );
  console.log(shape.join(" x ").padEnd(20), ...figures.map((figure) => figure.padEnd(24)));
}

import type { ModuleBuilder } from "../wasm/module.ts";
import { emitAccumulation } from "./accumulate.ts";
import type { Tile } from "./blocking.ts";
import { increase, namedFunction, pushAddress } from "./emit.ts";
import type { Epilogue } from "./epilogue.ts";
import { emitStore } from "./store.ts";
import { type VectorType, vectorBytes } from "./vector-type.ts";

/** What the functions of one product have in common. */
export interface ProductKind {
  readonly type: VectorType;
  readonly fma: boolean;
  readonly epilogue: Epilogue | undefined;
}

/** Where the sums go, and what is done to them before: the last parameters of every kernel. */
const destination = ["c", "rowStride", "accumulate", "last", "row", "column"] as const;

/**
 * `kernel(depth, a, b, c, rowStride, accumulate, last, row, column, ...extra)`: one tile of c from a panel of packed a
 * and a panel of packed b.
 */
export function emitPackedKernel(
  module: ModuleBuilder,
  { type, fma, epilogue }: ProductKind,
  tile: Tile,
): number {
  const { f, parameters, extra } = namedFunction(["depth", "a", "b", ...destination], epilogue?.parameters);
  const { depth, a, b } = parameters;
  const accumulators = emitAccumulation(f, type, fma, tile, depth, {
    pushA: (row) => f.get(a).memory(type.splat, row * type.bytes),
    pushB: (vector) => f.get(b).memory("v128.load", vector * vectorBytes),
    advance: () => {
      increase(f, a, tile.rows * type.bytes);
      increase(f, b, tile.vectors * vectorBytes);
    },
  });
  emitStore(f, type, accumulators, parameters, epilogue && { epilogue, ...parameters, extra });
  return module.add(f);
}

/**
 * `kernel(depth, a, aRowStride, aStep, b, bStep, c, rowStride, accumulate, last, row, column, ...extra)`: one tile of c
 * from a and b where they lie, the steps leading from k to k. The elements of a row of b lie side by side.
 */
export function emitStridedKernel(
  module: ModuleBuilder,
  { type, fma, epilogue }: ProductKind,
  tile: Tile,
): number {
  const { f, parameters, extra } = namedFunction(
    ["depth", "a", "aRowStride", "aStep", "b", "bStep", ...destination],
    epilogue?.parameters,
  );
  const { depth, a, aRowStride, aStep, b, bStep } = parameters;
  const rows = Array.from({ length: tile.rows }, (_, row) => {
    const pointer = row === 0 ? a : f.local("i32");
    if (row > 0) pushAddress(f, a, [aRowStride, row]).set(pointer);
    return pointer;
  });
  const accumulators = emitAccumulation(f, type, fma, tile, depth, {
    pushA: (row) => f.get(rows[row]!).memory(type.splat),
    pushB: (vector) => f.get(b).memory("v128.load", vector * vectorBytes),
    advance: () => {
      for (const pointer of rows) increase(f, pointer, aStep);
      increase(f, b, bStep);
    },
  });
  emitStore(f, type, accumulators, parameters, epilogue && { epilogue, ...parameters, extra });
  return module.add(f);
}

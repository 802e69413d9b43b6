import type { Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { emitAccumulation } from "./accumulate.ts";
import type { Tile } from "./blocking.ts";
import { increase, namedFunction, pushAddress } from "./emit.ts";
import { emitStore } from "./store.ts";
import { emitTranspose } from "./transpose.ts";
import { pushZeroVector, type VectorType, vectorBytes } from "./vector-type.ts";

/** What the functions of one product have in common. */
export interface ProductKind {
  readonly type: VectorType;
  readonly fma: boolean;
}

/** Where the sums go: the last parameters of every kernel. */
const destination = ["c", "rowStride", "accumulate"] as const;

/**
 * `kernel(depth, a, b, c, rowStride, accumulate)`: one tile of c from a panel of packed a and a panel of packed b, which may
 * be wider.
 */
export function emitPackedKernel(
  module: ModuleBuilder,
  { type, fma }: ProductKind,
  tile: Tile,
  panelVectors: number = tile.vectors,
): number {
  const { f, parameters } = namedFunction(["depth", "a", "b", ...destination]);
  const { depth, a, b } = parameters;
  const accumulators = emitAccumulation(f, type, fma, tile, depth, {
    pushA: (row) => f.get(a).memory(type.splat, row * type.bytes),
    pushB: (vector) => f.get(b).memory("v128.load", vector * vectorBytes),
    advance: () => {
      increase(f, a, tile.rows * type.bytes);
      increase(f, b, panelVectors * vectorBytes);
    },
  });
  emitStore(f, type, accumulators, parameters);
  return module.add(f);
}

/**
 * `kernel(depth, a, aRowStride, aStep, b, bStep, c, rowStride, accumulate)`: one tile of c from a and b where they lie, the steps leading from k to k. The elements of a row of b lie side by side.
 */
export function emitStridedKernel(module: ModuleBuilder, { type, fma }: ProductKind, tile: Tile): number {
  const { f, parameters } = namedFunction([
    "depth",
    "a",
    "aRowStride",
    "aStep",
    "b",
    "bStep",
    ...destination,
  ]);
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
  emitStore(f, type, accumulators, parameters);
  return module.add(f);
}

/**
 * `kernel(depth, a, aStep, b, bColumnStride, c, rowStride, accumulate)`: one row of c from a row of a and columns of b whose elements lie side by side. Squares of b are transposed in registers, so that the
 * products are summed in the same order as everywhere.
 */
export function emitTransposingKernel(
  module: ModuleBuilder,
  { type, fma }: ProductKind,
  { vectors }: Tile,
): number {
  const { f, parameters } = namedFunction(["depth", "a", "aStep", "b", "bColumnStride", ...destination]);
  const { depth, a, aStep, b, bColumnStride } = parameters;
  const { lanes, bytes } = type;
  const vector = () => f.local("v128");
  const sums = Array.from({ length: vectors }, vector);
  const square = Array.from({ length: lanes }, vector);
  const factors = Array.from({ length: lanes }, vector);
  const column = f.local("i32");
  for (const sum of sums) {
    pushZeroVector(f);
    f.set(sum);
  }
  const addProduct = (sum: Local, factor: Local, elements: Local) => {
    if (fma) f.get(factor).get(elements).get(sum).op(type.madd).set(sum);
    else f.get(sum).get(factor).get(elements).op(type.mul).op(type.add).set(sum);
  };
  const takeFactor = (factor: Local) => {
    f.get(a).memory(type.splat).set(factor);
    increase(f, a, aStep);
  };
  const advance = (count: number) => {
    increase(f, b, count * bytes);
    increase(f, depth, -count);
  };
  const whileEnough = (count: number, body: () => void) => {
    const enough = () => f.get(depth).i32(count).op("i32.ge_s");
    enough().if(() => {
      f.doWhile(() => {
        f.get(b).set(column);
        body();
        advance(count);
      }, enough);
    });
  };
  whileEnough(lanes, () => {
    factors.forEach(takeFactor);
    for (const sum of sums) {
      for (const elements of square) {
        f.get(column).memory("v128.load").set(elements);
        increase(f, column, bColumnStride);
      }
      emitTranspose(f, square);
      factors.forEach((factor, k) => {
        addProduct(sum, factor, square[k]!);
      });
    }
  });
  const [factor, elements] = [factors[0]!, square[0]!];
  whileEnough(1, () => {
    takeFactor(factor);
    for (const sum of sums) {
      f.get(column).memory(type.splat).set(elements);
      increase(f, column, bColumnStride);
      for (let lane = 1; lane < lanes; lane++) {
        f.get(elements).get(column).memory(type.load).lane(type.replaceLane, lane).set(elements);
        increase(f, column, bColumnStride);
      }
      addProduct(sum, factor, elements);
    }
  });
  emitStore(f, type, [sums], parameters);
  return module.add(f);
}

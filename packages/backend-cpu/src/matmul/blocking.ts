import { type MatmulDType, type VectorType, vectorBytes, vectorTypes } from "./vector-type.ts";

/** The block of c that a micro-kernel keeps in registers. */
export interface Tile {
  readonly rows: number;
  /** Columns, counted in vectors. */
  readonly vectors: number;
}

/**
 * The largest tiles whose accumulators and operands fit the 16 vector registers of x64. `wide` ones have vectors in pairs,
 * for V8 to put each pair into a register of 256 bits.
 */
export function tileOf(fma: boolean, wide: boolean): Tile {
  // A product that is not fused needs a register of its own.
  return { rows: fma ? 6 : 5, vectors: wide ? 4 : 2 };
}

/** Tiles for one or two rows: with more columns, as there are too few sums to keep the multipliers busy otherwise. */
export const longTilesOf = ({ vectors }: Tile): readonly Tile[] => [
  { rows: 1, vectors: vectors === 2 ? 6 : 2 * vectors },
  { rows: 2, vectors: 2 * vectors },
];

/**
 * The sizes of the blocks that the caches hold (K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", 2008).
 *
 * `depth` belongs to the definition of the result: products are summed one after the other within each block of `depth`
 * successive k, and the sums of the blocks are added in order. Whoever changes it changes the rounding of every product
 * that is longer; nothing else here has any influence on it.
 */
export interface Blocking {
  /**
   * k in a block: a panel of b of this depth stays in the first-level cache. The deeper it is, the less often c is read
   * and written, which is what large products wait for.
   */
  readonly depth: number;
  /** Rows of a in a block that stays in the second-level cache. */
  readonly rows: number;
  /** Columns of b in a block. */
  readonly columns: number;
  /** With at most so many rows of a, packing costs more than it gains, if a block is read from {@link near}. */
  readonly smallRows: number;
  /**
   * How many bytes apart the first and the last k of a block may be. Further apart each k has a page of its own, and they
   * share few places of the caches: then nothing is packed for a quarter of `smallRows` or `smallColumns` only, and where
   * they are twice as far apart for a sixteenth.
   */
  readonly near: number;
  /** With at most so many columns of b nothing is packed either, if the rows of a are contiguous. */
  readonly smallColumns: number;
}

/** The blocking used unless another is given, as tests do to reach the edges with small matrices. */
export const defaultBlocking: Blocking = {
  depth: 512,
  rows: 96,
  columns: 2048,
  smallRows: 64,
  near: 2 ** 20,
  smallColumns: 64,
};

/** Rounds the blocks to whole tiles. */
export function wholeTiles(blocking: Blocking, { lanes }: VectorType, tile: Tile): Blocking {
  const rows = roundUp(blocking.rows, tile.rows);
  const columns = roundUp(blocking.columns, tile.vectors * lanes);
  return { ...blocking, rows, columns };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** A workspace holds a tile that hangs over the edge of c, then a packed block of a, then a packed block of b. */
export const packedAOffset = ({ rows, vectors }: Tile): number => roundUp(rows * vectors * vectorBytes, 64);

/** Where the packed block of b begins in a workspace. */
export function packedBOffset({ rows, depth }: Blocking, { bytes }: VectorType, tile: Tile): number {
  return packedAOffset(tile) + roundUp(rows * depth * bytes, vectorBytes);
}

/** What kind of product to generate. */
export interface MatmulKind {
  readonly dtype: MatmulDType;
  /** Whether products and sums are fused, which needs relaxed SIMD: see `wasmFeatures`. */
  readonly fma: boolean;
  /** Whether tiles are for vectors of 256 bits. False by default. */
  readonly wide?: boolean;
  /** Blocks other than {@link defaultBlocking}, for tests and measurements. */
  readonly blocking?: Blocking;
}

/**
 * The size in bytes of the workspace of a product of `n` columns over `k`; it does not depend on the rows. Threads that
 * compute rows of the same product share the packed b, or need one workspace each.
 */
export function workspaceBytes(
  { dtype, fma, wide = false, blocking = defaultBlocking }: MatmulKind,
  n: number,
  k: number,
): number {
  const type = vectorTypes[dtype];
  const tile = tileOf(fma, wide);
  const whole = wholeTiles(blocking, type, tile);
  const columns = Math.min(roundUp(n, tile.vectors * type.lanes), whole.columns);
  return packedBOffset(whole, type, tile) + columns * Math.min(k, whole.depth) * type.bytes;
}

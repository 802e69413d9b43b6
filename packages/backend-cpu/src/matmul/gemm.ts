import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { emitBlock } from "./block.ts";
import {
  type Blocking,
  defaultBlocking,
  type MatmulKind,
  packedBOffset,
  tileOf,
  wholeTiles,
} from "./blocking.ts";
import { emitCopyTile } from "./copy-tile.ts";
import { increase, namedFunction, pushAddress, pushExtent, pushProduct } from "./emit.ts";
import { emitPackedKernel, emitTransposingKernel, type ProductKind } from "./microkernel.ts";
import { emitPack } from "./packing.ts";
import { emitSmall } from "./small.ts";
import { type VectorType, vectorTypes } from "./vector-type.ts";

/**
 * `gemm`'s parameters, all of them i32. It overwrites c, m x n, with the product of a, m x k, and b, k x n. Addresses are in
 * bytes and strides in elements; a and b may have any strides, the columns of c are contiguous. The workspace has
 * `workspaceBytes` and an address that is a multiple of 16. Up to 63 bytes after an element of b are read, and must exist.
 *
 * Every element has the same bits whatever m and n are, so that threads may compute parts of a product by calls of their
 * own, each with its workspace.
 */
export const gemmParameters = [
  "m",
  "n",
  "k",
  "a",
  "aRowStride",
  "aColumnStride",
  "b",
  "bRowStride",
  "bColumnStride",
  "c",
  "cRowStride",
  "workspace",
] as const;

/**
 * Adds a matrix product to a module; returns the number of its function, whose parameters are {@link gemmParameters}.
 *
 * @example
 * ```ts
 * const module = new ModuleBuilder({ minimum: 1, maximum: 65536, shared: true });
 * const gemm = emitMatmul(module, { dtype: "float32", fma: wasmFeatures().relaxedSimd });
 * // c = a b^T of a by rows (m x k) and b by rows (n x k), in another function of the module:
 * for (const local of [m, n, k, a, k, one, b, one, k, c, n, workspace]) f.get(local);
 * f.call(gemm);
 * ```
 */
export function emitMatmul(module: ModuleBuilder, options: MatmulKind): number {
  const { dtype, fma, wide = false } = options;
  const type = vectorTypes[dtype];
  const kind: ProductKind = { type, fma };
  const tile = tileOf(fma, wide);
  const tileColumns = tile.vectors * type.lanes;
  const blocking = wholeTiles(options.blocking ?? defaultBlocking, type, tile);
  const copyTile = emitCopyTile(module, type);
  const packedKernel = emitPackedKernel(module, kind, tile);
  const narrowKernel = emitPackedKernel(module, kind, { ...tile, vectors: 1 }, tile.vectors);
  const packA = emitPack(module, type, tile.rows);
  const packB = emitPack(module, type, tileColumns);
  const gemmRows = emitBlock(module, kind, tile, blocking, { packA, packedKernel, narrowKernel, copyTile });
  const gemmSmall = emitSmall(module, kind, tile, copyTile);

  const { f, parameters } = namedFunction(gemmParameters);
  const { m, n, k, a, aRowStride, aColumnStride, b, bRowStride, bColumnStride, c, cRowStride, workspace } =
    parameters;
  for (const stride of [aRowStride, aColumnStride, bRowStride, bColumnStride, cRowStride]) {
    f.get(stride).i32(type.bytes).op("i32.mul").set(stride);
  }
  const integer = () => f.local("i32");
  const [small, packed, packedB] = [integer(), integer(), integer()];
  const [column, columns, first, depth, blockB] = [integer(), integer(), integer(), integer(), integer()];

  emitTransposedVector(f, type, parameters);
  const transposingKernel = emitTransposingKernel(module, kind, tile);
  emitRowTimesColumns(f, transposingKernel, tileColumns, blocking.depth, type, parameters);
  const less = emitDistance(f, blocking, parameters);
  f.get(n).i32(blocking.smallColumns).get(less).op("i32.shr_u").op("i32.le_s");
  f.get(aColumnStride).i32(type.bytes).op("i32.eq").op("i32.and");
  f.get(m).i32(blocking.smallRows).get(less).op("i32.shr_u").op("i32.le_s").op("i32.or");
  // A single row is never packed: there may be no room for all columns of what was a column before.
  f.get(m).i32(1).op("i32.le_s").op("i32.or").set(small);
  f.get(small).op("i32.eqz");
  f.get(bColumnStride).i32(type.bytes).op("i32.ne").op("i32.or").set(packed);
  f.get(workspace)
    .i32(packedBOffset(blocking, type, tile))
    .op("i32.add")
    .set(packedB);

  const pushBlockOfA = () => {
    f.get(m).get(columns).get(depth);
    pushAddress(f, a, [first, aColumnStride]).get(aRowStride).get(aColumnStride);
  };
  const pushDestination = () => {
    pushAddress(f, c, [column, type.bytes]).get(cRowStride).get(workspace);
    // Not zero after the first block of k: c is added to.
    f.get(first);
  };
  const computeBlock = () => {
    pushExtent(f, first, k, blocking.depth).set(depth);
    pushAddress(f, b, [first, bRowStride], [column, bColumnStride]).set(blockB);
    f.get(packed).if(() => {
      f.get(columns).get(depth).get(blockB).get(bColumnStride).get(bRowStride).get(packedB).call(packB);
    });
    f.get(small).if(
      () => {
        pushBlockOfA();
        f.get(packed).if(() => f.get(packedB).set(blockB));
        f.get(blockB);
        f.i32(tileColumns * type.bytes)
          .get(bRowStride)
          .get(packed)
          .op("select");
        f.get(depth)
          .i32(1)
          .get(packed)
          .op("select")
          .i32(tileColumns * type.bytes)
          .op("i32.mul");
        pushDestination();
        f.call(gemmSmall);
      },
      () => {
        pushBlockOfA();
        f.get(packedB);
        pushDestination();
        f.call(gemmRows);
      },
    );
    increase(f, first, blocking.depth);
  };
  f.forRange(column, 0, n, blocking.columns, () => {
    pushExtent(f, column, n, blocking.columns).set(columns);
    f.i32(0).set(first);
    // At least once: the product is zero where k is.
    f.doWhile(computeBlock, () => f.get(first).get(k).op("i32.lt_s"));
  });
  return module.add(f);
}

/** A local that is 0 where a block of k is near, 2 where it is far, and 4 where it is twice as far. */
function emitDistance(f: FunctionBuilder, { depth, near }: Blocking, parameters: GemmParameters): Local {
  const { k, aColumnStride, bRowStride } = parameters;
  const distance = f.local("i32");
  // min(k, depth) * max(aColumnStride, bRowStride)
  f.get(k).i32(depth).get(k).i32(depth).op("i32.lt_s").op("select");
  f.get(aColumnStride).get(bRowStride).get(aColumnStride).get(bRowStride).op("i32.gt_s").op("select");
  f.op("i32.mul").set(distance);
  for (const times of [1, 2])
    f.get(distance)
      .i32(times * near)
      .op("i32.ge_u")
      .i32(1)
      .op("i32.shl");
  f.op("i32.add").set(distance);
  return distance;
}

type GemmParameters = Record<(typeof gemmParameters)[number], Local>;

/**
 * Takes a x as x^T a^T: a column of c is as good as a row, and vectors then run along what were rows of a.
 */
function emitTransposedVector(f: FunctionBuilder, { bytes }: VectorType, parameters: GemmParameters): void {
  const { m, n, a, aRowStride, aColumnStride, b, bRowStride, bColumnStride, cRowStride } = parameters;
  const exchange = (left: Local, right: Local) => f.get(left).get(right).set(left).set(right);
  // With any other strides the columns would have to be packed, for which the workspace may have no room.
  f.get(aRowStride).i32(bytes).op("i32.eq").get(aColumnStride).i32(bytes).op("i32.eq").op("i32.or");
  f.get(n).i32(1).op("i32.eq").op("i32.and").get(cRowStride).i32(bytes).op("i32.eq").op("i32.and");
  f.if(() => {
    exchange(m, n);
    exchange(a, b);
    exchange(aRowStride, bColumnStride);
    exchange(aColumnStride, bRowStride);
  });
}

/**
 * Multiplies a single row with columns of b whose elements lie side by side, as many as fill whole tiles, from where they
 * lie: packing them costs more than the products. What is left of b and c are the other columns.
 */
function emitRowTimesColumns(
  f: FunctionBuilder,
  kernel: number,
  tileColumns: number,
  blockDepth: number,
  { bytes }: VectorType,
  parameters: GemmParameters,
): void {
  const { m, n, k, a, aColumnStride, b, bRowStride, bColumnStride, c, cRowStride } = parameters;
  const [first, depth] = [f.local("i32"), f.local("i32")];
  const pushWhole = () => f.get(n).i32(tileColumns).op("i32.ge_s");
  f.get(m).i32(1).op("i32.eq").get(bRowStride).i32(bytes).op("i32.eq").op("i32.and");
  f.get(bColumnStride).i32(bytes).op("i32.ne").op("i32.and").get(k).i32(0).op("i32.gt_s").op("i32.and");
  pushWhole().op("i32.and");
  f.if(() => {
    f.doWhile(() => {
      f.forRange(first, 0, k, blockDepth, () => {
        pushExtent(f, first, k, blockDepth).set(depth);
        f.get(depth);
        pushAddress(f, a, [first, aColumnStride]).get(aColumnStride);
        pushAddress(f, b, [first, bytes]).get(bColumnStride);
        f.get(c).get(cRowStride).get(first).call(kernel);
      });
      pushProduct(f, bColumnStride, tileColumns).get(b).op("i32.add").set(b);
      increase(f, c, tileColumns * bytes);
      increase(f, n, -tileColumns);
    }, pushWhole);
  });
  f.release(first);
  f.release(depth);
}

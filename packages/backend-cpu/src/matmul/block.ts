import type { ModuleBuilder } from "../wasm/module.ts";
import { type Blocking, packedAOffset, type Tile } from "./blocking.ts";
import { namedFunction, pushAddress, pushExtent, pushProduct } from "./emit.ts";
import type { ProductKind } from "./microkernel.ts";
import { vectorBytes } from "./vector-type.ts";

const blockParameters = [
  "m",
  "n",
  "k",
  "a",
  "aRowStride",
  "aColumnStride",
  "packedB",
  "c",
  "cRowStride",
  "workspace",
  "accumulate",
] as const;

/**
 * `gemmRows(m, n, k, a, aRowStride, aColumnStride, packedB, c, cRowStride, workspace, accumulate)`: rows of c from rows of a
 * and one packed block of b, k being at most the depth of a block. Strides are in bytes. `accumulate` is zero for the first
 * block of k, whose product overwrites c.
 */
export function emitBlock(
  module: ModuleBuilder,
  { type }: ProductKind,
  tile: Tile,
  blocking: Blocking,
  functions: {
    readonly packA: number;
    readonly packedKernel: number;
    /** The same for a single vector of columns. */
    readonly narrowKernel: number;
    readonly copyTile: number;
  },
): number {
  const { f, parameters } = namedFunction(blockParameters);
  const { m, n, k, a, aRowStride, aColumnStride, packedB, c, cRowStride, workspace, accumulate } = parameters;
  const integer = () => f.local("i32");
  const [firstRow, rows, packedA, panelA] = [integer(), integer(), integer(), integer()];
  const [i, j, panelB, target] = [integer(), integer(), integer(), integer()];
  const [restRows, restColumns] = [integer(), integer()];
  const tileColumns = tile.vectors * type.lanes;
  const tileStride = tile.vectors * vectorBytes;

  const callKernel = (pushTarget: () => void, kernel = functions.packedKernel) => {
    f.get(k).get(panelA).get(panelB);
    pushTarget();
    f.get(accumulate).call(kernel);
  };
  const pushTile = () => f.get(workspace).i32(tileStride);
  const pushTarget = () => f.get(target).get(cRowStride);
  /** A tile over the edge is computed apart, and what lies inside of c is copied. */
  const computeEdge = () => {
    f.get(accumulate).if(() => {
      f.get(restRows).get(restColumns);
      pushTarget();
      pushTile().call(functions.copyTile);
    });
    f.get(restColumns).i32(type.lanes).op("i32.le_s");
    f.if(
      () => callKernel(pushTile, functions.narrowKernel),
      () => callKernel(pushTile),
    );
    f.get(restRows).get(restColumns);
    pushTile();
    pushTarget().call(functions.copyTile);
  };

  f.get(workspace).i32(packedAOffset(tile)).op("i32.add").set(packedA);
  f.forRange(firstRow, 0, m, blocking.rows, () => {
    pushExtent(f, firstRow, m, blocking.rows).set(rows);
    f.get(rows).get(k);
    pushAddress(f, a, [firstRow, aRowStride]).get(aRowStride).get(aColumnStride).get(packedA);
    f.call(functions.packA);
    f.get(packedB).set(panelB);
    f.forRange(j, 0, n, tileColumns, () => {
      f.get(packedA).set(panelA);
      pushAddress(f, c, [firstRow, cRowStride], [j, type.bytes]).set(target);
      pushExtent(f, j, n, tileColumns).set(restColumns);
      f.forRange(i, 0, rows, tile.rows, () => {
        pushExtent(f, i, rows, tile.rows).set(restRows);
        f.get(restRows).i32(tile.rows).op("i32.eq");
        f.get(restColumns).i32(tileColumns).op("i32.eq").op("i32.and");
        f.if(() => callKernel(pushTarget), computeEdge);
        pushProduct(f, k, tile.rows * type.bytes)
          .get(panelA)
          .op("i32.add")
          .set(panelA);
        pushProduct(f, cRowStride, tile.rows).get(target).op("i32.add").set(target);
      });
      pushProduct(f, k, tileStride).get(panelB).op("i32.add").set(panelB);
    });
  });
  return module.add(f);
}

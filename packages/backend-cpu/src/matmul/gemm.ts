import type { ModuleBuilder } from "../wasm/module.ts";
import { emitBlock } from "./block.ts";
import { type Blocking, defaultBlocking, packedBOffset, tileOf, wholeTiles } from "./blocking.ts";
import { emitCopyTile } from "./copy-tile.ts";
import { increase, namedFunction, pushAddress, pushExtent } from "./emit.ts";
import type { Epilogue } from "./epilogue.ts";
import { emitPackedKernel, type ProductKind } from "./microkernel.ts";
import { emitPack } from "./packing.ts";
import { emitSmall } from "./small.ts";
import { type MatmulDType, vectorTypes } from "./vector-type.ts";

export interface MatmulOptions {
  readonly dtype: MatmulDType;
  /** Whether the engine has relaxed SIMD, and products and sums are fused. */
  readonly fma: boolean;
  readonly blocking?: Blocking;
  readonly epilogue?: Epilogue;
  /** Exports the functions under the names they have in {@link MatmulFunctions}. */
  readonly exported?: boolean;
}

/** Indices of the functions that a matrix product added to a module. */
export interface MatmulFunctions {
  readonly gemm: number;
  readonly packB: number;
  readonly gemmRows: number;
}

const gemmParameters = [
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

export function emitMatmul(module: ModuleBuilder, options: MatmulOptions): MatmulFunctions {
  const { dtype, fma, epilogue, exported = false } = options;
  const type = vectorTypes[dtype];
  const kind: ProductKind = { type, fma, epilogue };
  const tile = tileOf(fma);
  const tileColumns = tile.vectors * type.lanes;
  const blocking = wholeTiles(options.blocking ?? defaultBlocking, type, tile);
  const copyTile = emitCopyTile(module, type);
  const packedKernel = emitPackedKernel(module, kind, tile);
  const packA = emitPack(module, type, tile.rows);
  const packB = emitPack(module, type, tileColumns);
  const gemmRows = emitBlock(module, kind, tile, blocking, { packA, packedKernel, copyTile });
  const gemmSmall = emitSmall(module, kind, tile, copyTile);

  const { f, parameters, extra } = namedFunction(gemmParameters, epilogue?.parameters);
  const { m, n, k, a, aRowStride, aColumnStride, b, bRowStride, bColumnStride, c, cRowStride, workspace } =
    parameters;
  for (const stride of [aRowStride, aColumnStride, bRowStride, bColumnStride, cRowStride]) {
    f.get(stride).i32(type.bytes).op("i32.mul").set(stride);
  }
  const integer = () => f.local("i32");
  const [small, packed, packedB] = [integer(), integer(), integer()];
  const [column, columns, first, depth, blockB] = [integer(), integer(), integer(), integer(), integer()];

  f.get(m).i32(blocking.smallRows).op("i32.le_s");
  f.get(n).i32(blocking.smallColumns).op("i32.le_s").op("i32.or").set(small);
  f.get(small).op("i32.eqz");
  f.get(bColumnStride).i32(type.bytes).op("i32.ne").op("i32.or").set(packed);
  f.get(workspace).i32(packedBOffset(blocking, type)).op("i32.add").set(packedB);

  const pushBlockOfA = () => {
    f.get(m).get(columns).get(depth);
    pushAddress(f, a, [first, aColumnStride]).get(aRowStride).get(aColumnStride);
  };
  const pushDestination = () => {
    pushAddress(f, c, [column, type.bytes]).get(cRowStride).get(workspace);
    f.get(first).get(first).get(depth).op("i32.add").get(k).op("i32.ge_s");
    f.i32(0).get(column);
    for (const local of extra) f.get(local);
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
  const functions: MatmulFunctions = { gemm: module.add(f), packB, gemmRows };
  if (exported) for (const [name, index] of Object.entries(functions)) module.export(name, index);
  return functions;
}

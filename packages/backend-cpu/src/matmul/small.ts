import type { Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";
import { longTilesOf, type Tile } from "./blocking.ts";
import { namedFunction, pushAddress, pushExtent } from "./emit.ts";
import { emitStridedKernel, type ProductKind } from "./microkernel.ts";
import { vectorBytes } from "./vector-type.ts";

const smallParameters = [
  "m",
  "n",
  "k",
  "a",
  "aRowStride",
  "aColumnStride",
  "b",
  "bRowStride",
  "bPanelStride",
  "c",
  "cRowStride",
  "workspace",
  "accumulate",
] as const;

/**
 * `gemmSmall(m, n, k, a, aRowStride, aColumnStride, b, bRowStride, bPanelStride, c, cRowStride, workspace, accumulate)`: like
 * `gemmRows`, from a where it lies, and b either where it lies or packed:
 * `bPanelStride` leads from one panel of b, as wide as a tile, to the next. Rows are computed by kernels of just as many.
 */
export function emitSmall(module: ModuleBuilder, kind: ProductKind, tile: Tile, copyTile: number): number {
  const { type } = kind;
  const kernelsOf = (vectors: number) =>
    Array.from({ length: tile.rows }, (_, index) => ({ rows: tile.rows - index, vectors })).map((shape) => ({
      ...shape,
      kernel: emitStridedKernel(module, kind, shape),
    }));
  const kernels = kernelsOf(tile.vectors);
  const narrowKernels = kernelsOf(1);
  const longKernels = longTilesOf(tile).map((shape) => ({
    ...shape,
    kernel: emitStridedKernel(module, kind, shape),
  }));

  const { f, parameters } = namedFunction(smallParameters);
  const { m, n, k, a, aRowStride, aColumnStride, b, bRowStride, bPanelStride, c, cRowStride } = parameters;
  const { workspace, accumulate } = parameters;
  const integer = () => f.local("i32");
  const [i, j, rows, panelA, panelB, rowC] = [
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
  ];
  const [restColumns, target, targetStride] = [integer(), integer(), integer()];
  const tileColumns = tile.vectors * type.lanes;
  const tileStride = tile.vectors * vectorBytes;

  const callKernel = (kernel: number) => {
    f.get(k).get(panelA).get(aRowStride).get(aColumnStride).get(panelB).get(bRowStride);
    f.get(target).get(targetStride).get(accumulate).call(kernel);
  };
  const advance = (columns: number) => {
    f.get(panelB);
    f.get(bPanelStride)
      .i32(columns / tileColumns)
      .op("i32.mul");
    f.op("i32.add").set(panelB);
    f.get(j).i32(columns).op("i32.add").set(j);
  };
  const pushEnough = (columns: number) => f.get(n).get(j).op("i32.sub").i32(columns).op("i32.ge_s");
  const copyEdge = (from: readonly [Local, Local], to: readonly [Local, Local]) => {
    f.get(rows).get(restColumns);
    for (const local of [...from, ...to]) f.get(local);
    f.call(copyTile);
  };
  const place: readonly [Local, Local] = [integer(), cRowStride];
  const inTarget: readonly [Local, Local] = [target, targetStride];

  const computeTile = () => {
    pushExtent(f, j, n, tileColumns).set(restColumns);
    pushAddress(f, rowC, [j, type.bytes]).tee(place[0]).set(target).get(cRowStride).set(targetStride);
    const ifEdge = (body: () => void) => f.get(restColumns).i32(tileColumns).op("i32.ne").if(body);
    ifEdge(() => {
      f.get(workspace).set(target).i32(tileStride).set(targetStride);
      f.get(accumulate).if(() => copyEdge(place, inTarget));
    });
    const callKernelOf = (list: typeof kernels) => {
      for (const { rows: count, kernel } of list) {
        f.get(rows)
          .i32(count)
          .op("i32.eq")
          .if(() => callKernel(kernel));
      }
    };
    f.get(restColumns).i32(type.lanes).op("i32.le_s");
    f.if(
      () => callKernelOf(narrowKernels),
      () => callKernelOf(kernels),
    );
    ifEdge(() => copyEdge(inTarget, place));
    advance(tileColumns);
  };

  f.forRange(i, 0, m, tile.rows, () => {
    pushExtent(f, i, m, tile.rows).set(rows);
    pushAddress(f, a, [i, aRowStride]).set(panelA).get(b).set(panelB);
    pushAddress(f, c, [i, cRowStride]).set(rowC).i32(0).set(j);
    for (const { rows: count, vectors, kernel } of longKernels) {
      const columns = vectors * type.lanes;
      const pushMore = () => pushEnough(columns);
      f.get(rows).i32(count).op("i32.eq").get(bPanelStride).i32(tileStride).op("i32.eq").op("i32.and");
      pushMore()
        .op("i32.and")
        .if(() => {
          f.doWhile(() => {
            pushAddress(f, rowC, [j, type.bytes]).set(target).get(cRowStride).set(targetStride);
            callKernel(kernel);
            advance(columns);
          }, pushMore);
        });
    }
    f.get(j)
      .get(n)
      .op("i32.lt_s")
      .if(() => {
        f.doWhile(computeTile, () => f.get(j).get(n).op("i32.lt_s"));
      });
  });
  return module.add(f);
}

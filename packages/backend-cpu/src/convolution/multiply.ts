import { emitAccumulation } from "../matmul/accumulate.ts";
import type { Tile } from "../matmul/blocking.ts";
import { increase, namedFunction, pushAddress, pushExtent, pushProduct } from "../matmul/emit.ts";
import { emitStore } from "../matmul/store.ts";
import { type VectorType, vectorBytes } from "../matmul/vector-type.ts";
import type { Local } from "../wasm/function.ts";
import type { ModuleBuilder } from "../wasm/module.ts";

/**
 * `kernel(depth, a, inputAt, b, c, rowStride, accumulate)`: one tile of c from a panel of packed a, `panel` rows wide,
 * and rows of b that stand where the table `inputAt` says.
 */
function emitTabledKernel(
  module: ModuleBuilder,
  type: VectorType,
  fma: boolean,
  tile: Tile,
  panel: number,
): number {
  const { f, parameters } = namedFunction(["depth", "a", "inputAt", "b", "c", "rowStride", "accumulate"]);
  const { depth, a, inputAt, b } = parameters;
  const address = f.local("i32");
  const accumulators = emitAccumulation(f, type, fma, tile, depth, {
    pushA: (row) => f.get(a).memory(type.splat, row * type.bytes),
    pushB: (vector) => {
      if (vector === 0) f.get(inputAt).memory("i32.load").get(b).op("i32.add").set(address);
      f.get(address).memory("v128.load", vector * vectorBytes);
    },
    advance: () => {
      increase(f, a, panel * type.bytes);
      increase(f, inputAt, 4);
    },
  });
  emitStore(f, type, accumulators, parameters);
  return module.add(f);
}

/** `scatter(rows, columns, from, fromStride, to, rowStride, columnStride, accumulate)`: stores a tile one by one. */
function emitScatter(module: ModuleBuilder, { bytes, load, store }: VectorType): number {
  const { f, parameters } = namedFunction([
    "rows",
    "columns",
    "from",
    "fromStride",
    "to",
    "rowStride",
    "columnStride",
    "accumulate",
  ]);
  const { rows, columns, from, fromStride, to, rowStride, columnStride, accumulate } = parameters;
  const [i, j, target] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const add = bytes === 4 ? "f32.add" : "f64.add";
  f.forRange(i, 0, rows, 1, () => {
    f.get(to).set(target);
    f.forRange(j, 0, columns, 1, () => {
      const pushElement = () => pushAddress(f, from, [j, bytes]).memory(load);
      f.get(accumulate).if(
        () => {
          f.get(target).get(target).memory(load);
          pushElement().op(add).memory(store);
        },
        () => {
          f.get(target);
          pushElement().memory(store);
        },
      );
      increase(f, target, columnStride);
    });
    increase(f, from, fromStride);
    increase(f, to, rowStride);
  });
  return module.add(f);
}

/**
 * `multiply(m, depth, packedA, inputAt, rows, table, columns, b, c, rowStride, columnStride, accumulate, workspace)`:
 * for each row of columns, whose place in b and c the table tells, the products of all of packed a with it. The
 * workspace holds one tile.
 */
export function emitMultiply(module: ModuleBuilder, type: VectorType, fma: boolean, tile: Tile): number {
  const kernelsOf = (vectors: number) =>
    Array.from({ length: tile.rows }, (_, r) => ({
      rows: r + 1,
      kernel: emitTabledKernel(module, type, fma, { rows: r + 1, vectors }, tile.rows),
    })).toReversed();
  const [narrowKernels, kernels] = [kernelsOf(1), kernelsOf(tile.vectors)];
  const scatter = emitScatter(module, type);
  const { f, parameters } = namedFunction([
    "m",
    "depth",
    "packedA",
    "inputAt",
    "rows",
    "table",
    "columns",
    "b",
    "c",
    "rowStride",
    "columnStride",
    "accumulate",
    "workspace",
  ]);
  const { m, depth, packedA, inputAt, rows, table, columns, b, c } = parameters;
  const { rowStride, columnStride, accumulate, workspace } = parameters;
  const integer = () => f.local("i32");
  const [row, j, i, rest, tileRows, panel] = [
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
    integer(),
  ];
  const [fromB, toC, target] = [integer(), integer(), integer()];
  const tileStride = tile.vectors * vectorBytes;

  const callKernel = (kernel: number, pushTarget: () => void, pushAccumulate: () => void) => {
    f.get(depth).get(panel).get(inputAt).get(fromB);
    pushTarget();
    pushAccumulate();
    f.call(kernel);
  };
  const callKernelOf = (list: typeof kernels, call: (kernel: number) => void) => {
    const [full, ...others] = list;
    f.get(tileRows).i32(full!.rows).op("i32.eq");
    f.if(
      () => call(full!.kernel),
      () => {
        for (const other of others) {
          f.get(tileRows)
            .i32(other.rows)
            .op("i32.eq")
            .if(() => call(other.kernel));
        }
      },
    );
  };
  /** All rows of a with the columns that one or more vectors hold. */
  const computeColumns = (vectors: number) => {
    const list = vectors === 1 ? narrowKernels : kernels;
    const direct = () =>
      callKernelOf(list, (kernel) =>
        callKernel(
          kernel,
          () => f.get(target).get(rowStride),
          () => f.get(accumulate),
        ),
      );
    const scattered = () => {
      callKernelOf(list, (kernel) =>
        callKernel(
          kernel,
          () => f.get(workspace).i32(tileStride),
          () => f.i32(0),
        ),
      );
      f.get(tileRows);
      f.get(rest)
        .i32(vectors * type.lanes)
        .get(rest)
        .i32(vectors * type.lanes)
        .op("i32.lt_s")
        .op("select");
      f.get(workspace)
        .i32(tileStride)
        .get(target)
        .get(rowStride)
        .get(columnStride)
        .get(accumulate)
        .call(scatter);
    };
    f.get(packedA).set(panel).get(toC).set(target);
    f.forRange(i, 0, m, tile.rows, () => {
      pushExtent(f, i, m, tile.rows).set(tileRows);
      f.get(columnStride).i32(type.bytes).op("i32.eq");
      f.get(rest)
        .i32(vectors * type.lanes)
        .op("i32.ge_s")
        .op("i32.and");
      f.if(direct, scattered);
      pushProduct(f, depth, tile.rows * type.bytes)
        .get(panel)
        .op("i32.add")
        .set(panel);
      pushProduct(f, rowStride, tile.rows).get(target).op("i32.add").set(target);
    });
  };
  const place = (local: Local, base: Local, field: number) =>
    f
      .get(base)
      .get(table)
      .memory("i32.load", 4 * field)
      .op("i32.add")
      .set(local);
  f.forRange(row, 0, rows, 1, () => {
    place(fromB, b, 0);
    place(toC, c, 1);
    f.forRange(j, 0, columns, tile.vectors * type.lanes, () => {
      f.get(columns).get(j).op("i32.sub").set(rest);
      f.get(rest).i32(type.lanes).op("i32.gt_s");
      f.if(
        () => computeColumns(tile.vectors),
        () => computeColumns(1),
      );
      increase(f, fromB, tileStride);
      pushProduct(f, columnStride, tile.vectors * type.lanes)
        .get(toC)
        .op("i32.add")
        .set(toC);
    });
    increase(f, table, 8);
  });
  return module.add(f);
}

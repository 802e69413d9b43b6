import type { FunctionBuilder, Local } from "../wasm/function.ts";
import { increase } from "./emit.ts";
import type { Epilogue } from "./epilogue.ts";
import { type VectorType, vectorBytes } from "./vector-type.ts";

/** Where the sums of a tile go. */
export interface Destination {
  /** The address of the tile; moved to its last row. */
  readonly c: Local;
  /** From row to row, in bytes. */
  readonly rowStride: Local;
  /** Whether c holds the sum of the blocks before. */
  readonly accumulate: Local;
}

/** What is done to a tile before it is stored, and what it needs to know. */
export interface TileEpilogue {
  readonly epilogue: Epilogue;
  /** Whether this is the last block of k, to which the epilogue applies. */
  readonly last: Local;
  /** Where the tile stands in c, for the epilogue; moved to its last vector. */
  readonly row: Local;
  readonly column: Local;
  readonly extra: readonly Local[];
}

/** Adds what c holds already, applies the epilogue, and stores the tile. */
export function emitStore(
  f: FunctionBuilder,
  { add, lanes }: VectorType,
  accumulators: readonly (readonly Local[])[],
  { c, rowStride, accumulate }: Destination,
  finish?: TileEpilogue,
): void {
  const address = f.local("i32");
  f.get(accumulate).if(() => {
    f.get(c).set(address);
    accumulators.forEach((vectors, index) => {
      if (index > 0) increase(f, address, rowStride);
      vectors.forEach((accumulator, vector) => {
        f.get(address).memory("v128.load", vector * vectorBytes);
        f.get(accumulator).op(add).set(accumulator);
      });
    });
  });
  f.release(address);
  if (finish !== undefined) {
    const { epilogue, last, row, column, extra } = finish;
    f.get(last).if(() => {
      accumulators.forEach((vectors, index) => {
        if (index > 0) increase(f, row, 1);
        vectors.forEach((accumulator, vector) => {
          if (vector > 0) increase(f, column, lanes);
          epilogue.emit(f, accumulator, row, column, extra);
        });
        if (vectors.length > 1) increase(f, column, -lanes * (vectors.length - 1));
      });
    });
  }
  accumulators.forEach((vectors, index) => {
    if (index > 0) increase(f, c, rowStride);
    vectors.forEach((accumulator, vector) => {
      f.get(c)
        .get(accumulator)
        .memory("v128.store", vector * vectorBytes);
    });
  });
}

import type { FunctionBuilder, Local } from "../wasm/function.ts";
import { increase } from "./emit.ts";
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

/** Adds what c holds already, and stores the tile. */
export function emitStore(
  f: FunctionBuilder,
  { add }: VectorType,
  accumulators: readonly (readonly Local[])[],
  { c, rowStride, accumulate }: Destination,
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
  accumulators.forEach((vectors, index) => {
    if (index > 0) increase(f, c, rowStride);
    vectors.forEach((accumulator, vector) => {
      f.get(c)
        .get(accumulator)
        .memory("v128.store", vector * vectorBytes);
    });
  });
}

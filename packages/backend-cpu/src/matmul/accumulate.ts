import type { FunctionBuilder, Local } from "../wasm/function.ts";
import type { Tile } from "./blocking.ts";
import { pushZeroVector, type VectorType } from "./vector-type.ts";

/** How the loop over k finds its operands. */
export interface OperandAccess {
  /** Pushes a vector filled with the element of a in this row of the tile. */
  pushA(row: number): void;
  /** Pushes this vector of the row of b. */
  pushB(vector: number): void;
  /** Moves on to the next k. */
  advance(): void;
}

/**
 * Sums the products of one tile over k into accumulators, by rows: for every k, the outer product of a column of a and
 * a row of b. `depth` is counted down to zero.
 *
 * V8 decides the order of instructions by walking backwards from the accumulators, first to last, and keeps the loads in
 * the order given. The last row is therefore loaded first: then each load ends up just above the products that use it.
 * In any other order all of them move above all products, which takes more registers than there are and costs half of
 * the speed. The same happens if the loop is unrolled, or entered without the test that guards it.
 */
export function emitAccumulation(
  f: FunctionBuilder,
  { add, mul, madd }: VectorType,
  fma: boolean,
  { rows, vectors }: Tile,
  depth: Local,
  operands: OperandAccess,
): Local[][] {
  const accumulators = Array.from({ length: rows }, () =>
    Array.from({ length: vectors }, () => f.local("v128")),
  );
  for (const accumulator of accumulators.flat()) {
    pushZeroVector(f);
    f.set(accumulator);
  }
  const a = f.local("v128");
  const b = Array.from({ length: vectors }, () => f.local("v128"));
  const turn = () => {
    b.forEach((vector, index) => {
      operands.pushB(index);
      f.set(vector);
    });
    for (let row = rows - 1; row >= 0; row--) {
      operands.pushA(row);
      f.set(a);
      accumulators[row]!.forEach((accumulator, vector) => {
        if (fma) f.get(a).get(b[vector]!).get(accumulator).op(madd);
        else f.get(accumulator).get(a).get(b[vector]!).op(mul).op(add);
        f.set(accumulator);
      });
    }
    operands.advance();
  };
  f.get(depth)
    .i32(0)
    .op("i32.gt_s")
    .if(() => {
      f.doWhile(turn, () => f.get(depth).i32(1).op("i32.sub").tee(depth));
    });
  f.release(a);
  for (const vector of b) f.release(vector);
  return accumulators;
}

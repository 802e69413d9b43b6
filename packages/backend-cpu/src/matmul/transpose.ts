import type { FunctionBuilder, Local } from "../wasm/function.ts";

/** The bytes of a shuffle that picks whole elements. */
function elements(indices: readonly number[]): number[] {
  const size = 16 / indices.length;
  return indices.flatMap((index) => Array.from({ length: size }, (_, byte) => index * size + byte));
}

/** Transposes a square of 2 vectors of float64 or 4 of float32 in place. */
export function emitTranspose(f: FunctionBuilder, square: readonly Local[]): void {
  const [a, b, c, d] = square as [Local, Local, Local?, Local?];
  const low = f.local("v128");
  const high = f.local("v128");
  const pick = (left: Local, right: Local, indices: readonly number[], into: Local) =>
    f.get(left).get(right).shuffle(elements(indices)).set(into);
  /** (left, right) becomes their first halves, element by element in turn, and their second halves. */
  const interleave = (left: Local, right: Local, lows: readonly number[], highs: readonly number[]) => {
    pick(left, right, lows, low);
    pick(left, right, highs, high);
    f.get(low).set(left).get(high).set(right);
  };
  if (c === undefined || d === undefined) {
    interleave(a, b, [0, 2], [1, 3]);
  } else {
    // Pairs of elements first, then pairs of pairs.
    interleave(a, b, [0, 4, 1, 5], [2, 6, 3, 7]);
    interleave(c, d, [0, 4, 1, 5], [2, 6, 3, 7]);
    interleave(a, c, [0, 1, 4, 5], [2, 3, 6, 7]);
    interleave(b, d, [0, 1, 4, 5], [2, 3, 6, 7]);
    // Now a and c are the first two columns, b and d the last two.
    f.get(b).get(c).set(b).set(c);
  }
  f.release(low);
  f.release(high);
}

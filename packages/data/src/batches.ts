import { ArgumentError, mapTree, random, type Tensor } from "@amari/core";
import { countRows, type Rows } from "./rows.ts";

/** Options of {@link batches}. */
export interface BatchOptions<Size extends number = number, DropLast extends boolean = boolean> {
  /** How many examples a batch has. */
  readonly size: Size;
  /** Shuffles the examples, each epoch anew; without a key they come in order. */
  readonly key?: Tensor;
  /** Leaves out the last batch of an epoch where it is smaller. Default false. */
  readonly dropLast?: DropLast;
  /** How many times all examples come. Default 1; Infinity goes on for ever. */
  readonly epochs?: number;
}

/**
 * The examples in batches. Every batch has exactly `size` rows, but for the last of an epoch where the size does not
 * divide the number of examples (a jitted step is traced once more for it) and `dropLast` is not set.
 *
 * @param data a tree of tensors with one row per example; anything else in it is kept in every batch
 * @returns an iterable that can be gone through again, and then gives the same batches
 * @throws ArgumentError for a size or number of epochs that is not positive, or a size that leaves no batch; ShapeError
 *   for tensors of different numbers of rows
 * @example
 * for (const { x, y } of batches(train, { size: 32, key: random.key(1), dropLast: true, epochs: 10 })) {
 *   params = step(params, x, y);
 * }
 */
export function batches<T, Size extends number, const DropLast extends boolean = false>(
  data: T,
  options: BatchOptions<Size, DropLast>,
): Iterable<Rows<T, DropLast extends true ? Size : number>> {
  const { size, key, dropLast = false, epochs = 1 } = options;
  const n = countRows(data, "batches");
  if (!Number.isInteger(size) || size < 1 || (dropLast && size > n)) {
    const why = dropLast ? `, and with dropLast at most the ${n} examples` : "";
    throw new ArgumentError(`batches: expected a size of 1 or more${why}; got ${size}`);
  }
  if (!(epochs === Infinity || (Number.isInteger(epochs) && epochs >= 1))) {
    throw new ArgumentError(`batches: expected 1 or more epochs, got ${epochs}`);
  }
  const end = dropLast ? n - (n % size) : n;
  function* iterate(): Generator<unknown> {
    for (let epoch = 0; epoch < epochs; epoch++) {
      // Computed once, not again for each batch.
      const order: Tensor | null =
        key === undefined ? null : random.permutation(random.foldIn(key, epoch), n).realise();
      for (let start = 0; start < end; start += size) {
        const rows = [start, Math.min(start + size, n)] as const;
        yield mapTree(data, (leaf) => (order === null ? leaf.slice(rows) : leaf.take(order.slice(rows))));
      }
    }
  }
  return { [Symbol.iterator]: iterate } as Iterable<never>;
}

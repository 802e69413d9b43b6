import { ArgumentError, arange, mapTree, random, ShapeError, type Tensor, tensor } from "@amari/core";
import { countRows, type Rows } from "./rows.ts";

/** Options of {@link trainTestSplit}. */
export interface SplitOptions {
  /** The share of the examples that are held out, between 0 and 1. Default 0.25. */
  readonly testShare?: number;
  /**
   * Integer labels of shape [examples]: each class is split by the same share, as exactly as whole
   * examples allow. They are read at once.
   */
  readonly stratifyBy?: Tensor;
}

/** Two parts of one data set. */
export interface Split<T> {
  readonly train: Rows<T>;
  readonly test: Rows<T>;
}

/**
 * Divides examples at random into a part to train on and a part to test on.
 *
 * @param data a tree of tensors with one row per example; anything else in it is kept in both parts
 * @throws ArgumentError for a share that leaves a part empty, ShapeError for tensors of different numbers of rows
 * @example
 * const flowers = iris();
 * const { train, test } = trainTestSplit(random.key(0), flowers, { stratifyBy: flowers.y });
 */
export function trainTestSplit<T>(
  key: Tensor,
  data: T,
  { testShare = 0.25, stratifyBy }: SplitOptions = {},
): Split<T> {
  const n = countRows(data, "trainTestSplit");
  const count = Math.round(testShare * n);
  if (!(testShare > 0 && testShare < 1) || count === 0 || count === n) {
    throw new ArgumentError(
      `trainTestSplit: expected a testShare between 0 and 1 that leaves both parts some of the ${n} examples, ` +
        `got ${testShare}, which holds out ${count}`,
    );
  }
  const order: Tensor = random.permutation(key, n);
  const [held, kept] = stratifyBy === undefined ? firstPlaces(n, count) : stratify(order, stratifyBy, count);
  const part = (places: Tensor): Rows<T> => {
    const rows = order.take(places);
    return mapTree(data, (leaf) => leaf.take(rows)) as unknown as Rows<T>;
  };
  return { train: part(kept), test: part(held) };
}

const indices = (list: readonly number[]): Tensor => tensor(list, { dtype: "int32", shape: [list.length] });

/** The first places of an order, and the others. */
const firstPlaces = (n: number, count: number): [held: Tensor, kept: Tensor] => {
  const places: Tensor = arange(n);
  return [places.slice([0, count]), places.slice([count, n])];
};

/** The places of a random order of examples that are held out, a share of each class, and the others. */
function stratify(order: Tensor, labels: Tensor, count: number): [held: Tensor, kept: Tensor] {
  if (labels.rank !== 1 || labels.size !== order.size) {
    throw new ShapeError(
      `trainTestSplit: expected stratifyBy of shape [${order.size}], one label per example, ` +
        `got [${labels.shape.join(", ")}]`,
    );
  }
  const sizes = new Map<number, number>();
  for (const label of labels.dataSync().toSorted()) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const quotas = apportion([...sizes.values()], count);
  const isHeld = [...sizes.values()].flatMap((size, c) =>
    Array.from({ length: size }, (_, i) => i < quotas[c]!),
  );
  // The places of the first class, then of the second; sorted again after the choice, else the parts would be by class.
  const byClass: Tensor = labels.take(order).argsort();
  const chosen = (wanted: boolean): Tensor =>
    byClass.take(indices(isHeld.flatMap((held, i) => (held === wanted ? [i] : [])))).sort();
  return [chosen(true), chosen(false)];
}

/** Shares of `total` in proportion to the counts, by largest remainders: whole numbers whose sum is `total`. */
function apportion(counts: readonly number[], total: number): number[] {
  const all = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (total * count) / all);
  const shares = exact.map(Math.floor);
  const missing = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((share, c) => ({ c, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.c - b.c);
  for (const { c } of byRemainder.slice(0, missing)) shares[c]!++;
  return shares;
}

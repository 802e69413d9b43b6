import { type Split, splitInto, splitOfTiles, whole } from "../dot/split.ts";
import { quad } from "../dot/tiled-product.ts";
import type { ProductVariant } from "../dot/variants.ts";

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Where there are so few rows or columns, tiles of many invocations would be mostly empty. */
const isThin = ({ m, n }: Sizes): boolean => m < quad || n < 4 * quad;

/** Fewer multiplications take less time than a large shader takes to compile. */
const fewMultiplications = 2 ** 15;

const isTiny = ({ m, n, k }: Sizes, matrices: number): boolean => m * n * k * matrices < fewMultiplications;

/** What has one form alone, with invocations that share nothing; null for what has the variants of products. */
export const smallVariant = (sizes: Sizes, matrices: number): ProductVariant | null =>
  isThin(sizes) || isTiny(sizes, matrices)
    ? {
        rows: isTiny(sizes, matrices) ? 1 : Math.min(sizes.m, quad),
        columns: quad,
        height: 1,
        width: 1,
        depth: 0,
      }
    : null;

/** So many invocations keep a device busy. */
const enoughInvocations = 16_384;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * How k is cut, by the shape alone.
 *
 * @param run - pieces begin with a run of so many elements, where it is not too long
 */
export function splitOf(sizes: Sizes, matrices: number, run: number): Split {
  const { m, n, k } = sizes;
  const runs = (16 * run) / gcd(16, run);
  const multiple = runs <= 256 ? runs : 16;
  if (!isThin(sizes)) return splitOfTiles(sizes, matrices, multiple);
  const invocations = Math.ceil(m / quad) * Math.ceil(n / quad) * matrices;
  if (invocations >= enoughInvocations || k < 512) return whole(k);
  return splitInto(Math.ceil((2 * enoughInvocations) / invocations), k, 128, multiple);
}

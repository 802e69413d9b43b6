import { kindOf } from "../define/coerce.ts";
import { isInteger } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors/errors.ts";
import { iota } from "../ops/creation.ts";
import { stack } from "../ops/joining.ts";
import { checkShape, range, sameShape, showShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape-types.ts";
import { fromData, Tensor } from "../tensor.ts";
import { threefry2x32 } from "./threefry.ts";

/** The two words of a counter or of a block. */
export type Words = readonly [high: Tensor, low: Tensor];

/** The two words of a single key. @throws DTypeError, ShapeError, ArgumentError for what is not a key */
function wordsOfKey(key: Tensor, what: string): Words {
  if (!(key instanceof Tensor)) {
    const seed = typeof key === "number" ? String(key) : "0";
    throw new ArgumentError(`random.${what}: expected a key, got ${kindOf(key)}; write random.key(${seed})`);
  }
  if (key.dtype !== "uint32") {
    throw new DTypeError(
      `random.${what}: expected a key, which is uint32[2], got ${key.dtype}${showShape(key.shape)}; write random.key(0)`,
    );
  }
  if (!sameShape(key.shape, [2])) {
    const many = key.rank > 1 && key.shape.at(-1) === 2;
    throw new ShapeError(
      `random.${what}: expected one key, which is uint32[2], got uint32${showShape(key.shape)}; ` +
        (many
          ? `take one of them by keys.slice(0), or write vmap((key) => random.${what}(key, ...))(keys) for all`
          : "write random.key(0)"),
    );
  }
  return [key.slice(0), key.slice(1)];
}

/**
 * The blocks under a key whose counters are the positions 0, 1, ... of `shape` in row-major order: what JAX calls the
 * partitionable use of threefry. A position is below 2^31, so the counter's high word is 0.
 */
export function blocks(key: Tensor, shape: Shape, what: string): Words {
  const [k0, k1] = wordsOfKey(key, what);
  const position = (iota([sizeOf(checkShape(shape))], 0, { dtype: "uint32" }) as Tensor).reshape(shape);
  return encrypt(k0, k1, position);
}

function encrypt(k0: Tensor, k1: Tensor, low: Tensor): Words {
  const high = fromData(new Uint32Array(1), [], "uint32") as Tensor;
  return [threefry2x32(k0, k1, high, low, 0), threefry2x32(k0, k1, high, low, 1)];
}

/**
 * A key from a seed: the 64 bits of the integer, high word first (as JAX does with 64-bit integers; without them it
 * keeps the low 32 bits). Every random function takes a key, and the same key always gives the same numbers, so use
 * each key once and make new ones by {@link split} or {@link foldIn}.
 *
 * @param seed an integer of at most 53 bits, or an integer scalar tensor, whose key has the high word 0
 * @returns uint32 of shape [2]
 * @throws ArgumentError where the seed is not an integer
 * @example random.normal(random.key(0), [3])
 */
export function key(seed: number | Tensor): Tensor<[2]> {
  if (seed instanceof Tensor) {
    const low = scalarWord(seed, "key: expected the seed to be");
    return stack([low.mul(0), low]) as Tensor as Tensor<[2]>;
  }
  if (!Number.isSafeInteger(seed)) {
    throw new ArgumentError(`random.key: expected an integer seed, got ${String(seed)}; write random.key(0)`);
  }
  return fromData(Uint32Array.of(Math.floor(seed / 2 ** 32), seed), [2], "uint32");
}

function scalarWord(value: Tensor, expectation: string): Tensor {
  if (!isInteger(value.dtype) || value.rank !== 0) {
    throw new ArgumentError(
      `random.${expectation} an integer scalar, got ${value.dtype}${showShape(value.shape)}; use vmap for several`,
    );
  }
  return value.astype("uint32");
}

/**
 * New keys from one, as a tensor with a last axis of size 2. Whoever splits a key uses the new keys and no longer the
 * old one.
 *
 * @param count how many keys, or the shape in which they stand; default 2
 * @returns uint32 of shape [count, 2] or [...count, 2]
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key
 * @example vmap((key: Tensor) => random.normal(key, [3]))(random.split(key, 10))
 */
export function split<const N extends number | Shape = 2>(
  key: Tensor,
  count?: N,
): Tensor<N extends Shape ? [...N, 2] : [N, 2]> {
  const shape = typeof count === "object" ? count : [(count as number | undefined) ?? 2];
  return stack(blocks(key, shape, "split"), -1) as Tensor as Tensor<N extends Shape ? [...N, 2] : [N, 2]>;
}

/** A list of N keys. */
type Keys<N extends number, List extends readonly Tensor<[2]>[] = []> = number extends N
  ? Tensor<[2]>[]
  : List["length"] extends N
    ? List
    : Keys<N, [...List, Tensor<[2]>]>;

/**
 * The keys of {@link split} as a list, to take apart by name.
 *
 * @param count how many keys, up to a few hundred; default 2
 * @example const [first, second] = random.keys(random.key(0));
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key
 */
export function keys<N extends number = 2>(key: Tensor, count?: N): Keys<N> {
  const n: number = count ?? 2;
  const rows: Tensor = split(key, n);
  return range(0, n).map((i) => rows.slice(i)) as Keys<N>;
}

/**
 * A new key from a key and a number, such as the index of a step or a layer.
 *
 * @param data an integer from 0 to 2^32 - 1, or an integer scalar tensor
 * @returns uint32 of shape [2]
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key, or `data` not one integer
 */
export function foldIn(key: Tensor, data: number | Tensor): Tensor<[2]> {
  const [k0, k1] = wordsOfKey(key, "foldIn");
  if (!(data instanceof Tensor) && !(Number.isInteger(data) && data >= 0 && data < 2 ** 32)) {
    throw new ArgumentError(`random.foldIn: expected an integer from 0 to 2^32 - 1, got ${String(data)}`);
  }
  const low =
    data instanceof Tensor
      ? scalarWord(data, "foldIn: expected data to be")
      : fromData(Uint32Array.of(data), [], "uint32");
  return stack(encrypt(k0, k1, low)) as Tensor as Tensor<[2]>;
}

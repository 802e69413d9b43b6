import type { DType } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors/errors.ts";
import { arange } from "../ops/creation.ts";
import { range, sizeOf } from "../shape.ts";
import type { Shape, Take } from "../shape-types.ts";
import { Tensor } from "../tensor.ts";
import { keys, split } from "./keys.ts";
import { bits } from "./uniform.ts";

/** Options of {@link randint}. */
export interface RandintOptions {
  /** int32 (the default) or uint32. */
  readonly dtype?: DType;
}

/**
 * Independent integers, uniform on `minval <= x < maxval`. Two draws of 32 bits make a number below 2^64, whose
 * remainder by the width is taken, so the bias is below 2^-32 relative.
 *
 * @throws ArgumentError where the bounds are not integers of the dtype with minval below maxval; ArgumentError,
 *   DTypeError, ShapeError for a bad key or dtype
 * @example random.randint(key, [10], 1, 7) // ten dice
 */
export function randint<const S extends Shape>(
  key: Tensor,
  shape: S,
  minval: number,
  maxval: number,
  { dtype = "int32" }: RandintOptions = {},
): Tensor<[...S]> {
  checkBounds(minval, maxval, dtype);
  const [first, second] = keys(key);
  const [higher, lower]: [Tensor, Tensor] = [bits(first, shape), bits(second, shape)];
  const span = maxval - minval;
  const offset = span === 2 ** 32 ? lower : remainder(higher, lower, span);
  // The cast wraps, so adding after it gives int32 its negative numbers.
  return offset.astype(dtype).add(minval) as Tensor as Tensor<[...S]>;
}

/** `(higher * 2^32 + lower) mod span` in 32-bit arithmetic; the product wraps as in JAX, which defines the bits. */
function remainder(higher: Tensor, lower: Tensor, span: number): Tensor {
  const half = 2 ** 16 % span;
  const multiplier = (Math.imul(half, half) >>> 0) % span;
  return higher.mod(span).mul(multiplier).add(lower.mod(span)).mod(span) as Tensor;
}

function checkBounds(minval: number, maxval: number, dtype: DType): void {
  if (dtype !== "int32" && dtype !== "uint32") {
    throw new DTypeError(
      `random.randint: expected the dtype int32 or uint32, got ${dtype}; for floats write random.uniform`,
    );
  }
  const least = dtype === "int32" ? -(2 ** 31) : 0;
  const fits = Number.isInteger(minval) && Number.isInteger(maxval) && minval < maxval;
  if (!fits || minval < least || maxval > least + 2 ** 32) {
    throw new ArgumentError(
      `random.randint: expected integers minval < maxval from ${least} to ${least + 2 ** 32} for ${dtype}, ` +
        `got ${String(minval)} and ${String(maxval)}`,
    );
  }
}

/**
 * A random order: of the numbers 0 to n - 1 (int32), or of the slices of a tensor along its first axis. Every order is
 * equally likely.
 *
 * @throws ArgumentError where n is not a count; ShapeError for a scalar tensor; ArgumentError, DTypeError, ShapeError
 *   for a bad key
 * @example const order = random.permutation(key, 150); // then x.take(order), y.take(order)
 */
export function permutation<N extends number>(key: Tensor, n: N): Tensor<[N]>;
export function permutation<S extends Shape>(key: Tensor, x: Tensor<S>): Tensor<S>;
export function permutation(key: Tensor, x: number | Tensor): Tensor {
  const n = lengthOf(x, "permutation");
  const order = shuffle(key, n);
  return x instanceof Tensor ? (x.take(order) as Tensor) : order;
}

/**
 * Sorts by random words, in rounds: elements whose words collide in every round keep their order. The number of rounds
 * is JAX's, `ceil(3 log n / log(2^32 - 1))`, which makes such a collision improbable.
 */
function shuffle(key: Tensor, n: number): Tensor {
  let order: Tensor = arange(n) as Tensor;
  let current = key;
  // A key is checked even where nothing is left to shuffle.
  const rounds = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(2 ** 32 - 1));
  if (rounds === 0) split(key);
  for (const _ of range(0, rounds)) {
    const [next, subkey] = keys(current);
    order = order.take(bits(subkey, [n]).argsort() as Tensor) as Tensor;
    current = next;
  }
  return order;
}

/** Options of {@link choice}. */
export interface ChoiceOptions {
  /** Whether an element may be drawn more than once. Default true. */
  readonly replace?: boolean;
}

/**
 * Random elements, each equally likely: of the numbers 0 to n - 1 (int32), or slices of a tensor along its first axis.
 * For unequal probabilities see {@link categorical}.
 *
 * @param shape the shape of the draws; a slice's own axes follow
 * @throws ArgumentError where there are too few elements to draw from; ShapeError for a scalar tensor; ArgumentError,
 *   DTypeError, ShapeError for a bad key
 */
export function choice<const S extends Shape>(
  key: Tensor,
  from: number,
  shape: S,
  options?: ChoiceOptions,
): Tensor<[...S]>;
export function choice<const S extends Shape, T extends Shape>(
  key: Tensor,
  from: Tensor<T>,
  shape: S,
  options?: ChoiceOptions,
): Tensor<Take<T, [...S], 0>>;
export function choice(
  key: Tensor,
  from: number | Tensor,
  shape: Shape,
  { replace = true }: ChoiceOptions = {},
): Tensor {
  const n = lengthOf(from, "choice");
  const draws = sizeOf(shape);
  if (draws > (replace && n > 0 ? Infinity : n)) {
    throw new ArgumentError(
      `random.choice: cannot draw ${draws} of ${n} elements${replace ? "" : " without replacement"}`,
    );
  }
  if (draws === 0)
    return from instanceof Tensor ? (from.take(emptyOrder(shape)) as Tensor) : emptyOrder(shape);
  const indices: Tensor = replace
    ? randint(key, shape, 0, n)
    : shuffle(key, n).slice([0, draws]).reshape(shape);
  return from instanceof Tensor ? (from.take(indices) as Tensor) : indices;
}

const emptyOrder = (shape: Shape): Tensor => (arange(0) as Tensor).reshape(shape);

/** How many elements there are to order or to draw from. */
function lengthOf(x: number | Tensor, what: string): number {
  if (x instanceof Tensor && x.rank === 0) {
    throw new ShapeError(
      `random.${what}: a scalar tensor has no axis; pass a number, or a tensor of rank 1 or more`,
    );
  }
  const n = x instanceof Tensor ? x.shape[0]! : x;
  if (!Number.isInteger(n) || n < 0) {
    throw new ArgumentError(`random.${what}: expected a count 0, 1, 2, ... or a tensor, got ${String(x)}`);
  }
  return n;
}

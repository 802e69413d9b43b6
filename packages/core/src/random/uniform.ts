import { checkDType, type DType, isFloat } from "../dtype.ts";
import { ArgumentError, DTypeError } from "../errors/errors.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { blocks } from "./keys.ts";
import { roundTo } from "./next-after.ts";

/** Which float dtype the samples have; float32 unless said. */
export interface FloatOption {
  readonly dtype?: DType;
}

/** Options of {@link uniform}. */
export interface UniformOptions extends FloatOption {
  /** The least value, included. Default 0. */
  readonly minval?: number;
  /** The bound that is not reached, but for rounding. Default 1. */
  readonly maxval?: number;
}

/**
 * Independent random bits.
 *
 * @returns uint32 of the given shape, each of the 2^32 values equally likely
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key
 */
export function bits<const S extends Shape = []>(key: Tensor, shape?: S): Tensor<[...S]> {
  const [first, second] = blocks(key, shape ?? [], "bits");
  return first.bitwiseXor(second) as Tensor as Tensor<[...S]>;
}

/**
 * Independent samples, uniform on [minval, maxval): multiples of 2^-23 (float32), 2^-52 (float64) or 2^-10 (float16), scaled.
 *
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key, the dtype no float, the bounds no interval
 * @example random.uniform(key, [2, 3], { minval: -1 })
 */
export function uniform<const S extends Shape = []>(
  key: Tensor,
  shape?: S,
  options: UniformOptions = {},
): Tensor<[...S]> {
  return sampleUniform("uniform", key, shape ?? [], options) as Tensor<[...S]>;
}

/** {@link uniform} on behalf of the function `what`, which errors name. */
export function sampleUniform(what: string, key: Tensor, shape: Shape, options: UniformOptions): Tensor {
  const { minval = 0, maxval = 1 } = options;
  const dtype = checkFloat(options.dtype ?? "float32", what);
  if (!(Number.isFinite(minval) && Number.isFinite(maxval) && minval <= maxval)) {
    throw new ArgumentError(
      `random.${what}: expected finite numbers minval <= maxval, got ${String(minval)} and ${String(maxval)}`,
    );
  }
  const fraction = fractions[dtype as keyof typeof fractions](key, shape, what);
  if (minval === 0 && maxval === 1) return fraction;
  const low = roundTo(minval, dtype);
  const width = roundTo(roundTo(maxval, dtype) - low, dtype);
  return fraction.mul(width).add(low);
}

export function checkFloat(dtype: DType, what: string): DType {
  if (isFloat(checkDType(dtype))) return dtype;
  throw new DTypeError(
    `random.${what}: expected a float dtype, got ${dtype}; for integers write random.randint or random.bits`,
  );
}

/** A multiple of 2^-23 below 1: the upper bits of a word, as many as the mantissa of a float32 in [1, 2) has. */
const fraction23 = (key: Tensor, shape: Shape, what: string): Tensor => {
  const [first, second] = blocks(key, shape, what);
  return first
    .bitwiseXor(second)
    .shiftRightLogical(9)
    .astype("float32")
    .mul(2 ** -23);
};

/** A multiple of 2^-10 below 1: the upper bits of the lower half of the same word, as JAX has it. */
const fraction10 = (key: Tensor, shape: Shape, what: string): Tensor => {
  const [first, second] = blocks(key, shape, what);
  const half = first.bitwiseXor(second).bitwiseAnd(0xffff);
  return half
    .shiftRightLogical(6)
    .astype("float16")
    .mul(2 ** -10);
};

/** A multiple of 2^-52 below 1: the upper 52 bits of both words. Every step is exact. */
const fraction52 = (key: Tensor, shape: Shape, what: string): Tensor => {
  const [high, low] = blocks(key, shape, what);
  return high
    .astype("float64")
    .mul(2 ** 20)
    .add(low.shiftRightLogical(12).astype("float64"))
    .mul(2 ** -52);
};

/** A float below 1 for each float dtype, of as many random bits as the mantissas in [1, 2) have. */
const fractions = { float16: fraction10, float32: fraction23, float64: fraction52 };

import { type DType, isFloat } from "../dtype.ts";
import { ArgumentError, ShapeError } from "../errors/errors.ts";
import { erf as erfOfNumber } from "../ops/special-functions.ts";
import { broadcastShapes, resolveAxis, sameShape, showShape } from "../shape.ts";
import type { Reduce, Shape } from "../shape-types.ts";
import { Tensor } from "../tensor.ts";
import { nextAfter, roundTo, smallestNormal } from "./next-after.ts";
import { checkFloat, type FloatOption, sampleUniform } from "./uniform.ts";

/**
 * Independent samples of the standard normal distribution: `sqrt(2) erfinv(u)` with u uniform on (-1, 1).
 *
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float
 * @example random.normal(random.key(0), [4, 3])
 */
export function normal<const S extends Shape = []>(
  key: Tensor,
  shape?: S,
  { dtype = "float32" }: FloatOption = {},
): Tensor<[...S]> {
  const minval = nextAfter(-1, 0, checkFloat(dtype, "normal"));
  const u = sampleUniform("normal", key, shape ?? [], { dtype, minval });
  return u.erfinv().mul(Math.SQRT2) as Tensor<[...S]>;
}

/**
 * Independent samples of the standard normal distribution, given that they lie between two bounds: `sqrt(2) erfinv(u)`
 * with u uniform between `erf(lower / sqrt(2))` and `erf(upper / sqrt(2))`.
 *
 * Far out in a tail erf is near 1, so bounds beyond 3 (float32) or 6 (float64) on one side leave few distinct values.
 *
 * @throws ArgumentError where `lower` is not below `upper`, or so far out that erf rounds both to one number;
 *   ArgumentError, DTypeError, ShapeError for a bad key or dtype
 */
export function truncatedNormal<const S extends Shape = []>(
  key: Tensor,
  lower: number,
  upper: number,
  shape?: S,
  { dtype = "float32" }: FloatOption = {},
): Tensor<[...S]> {
  if (!(lower < upper)) {
    throw new ArgumentError(
      `random.truncatedNormal: expected lower below upper, got ${String(lower)} and ${String(upper)}`,
    );
  }
  checkFloat(dtype, "truncatedNormal");
  const [minval, maxval] = [lower, upper].map((x) => roundTo(erfOfNumber(x / Math.SQRT2), dtype)) as [
    number,
    number,
  ];
  if (minval === maxval) {
    throw new ArgumentError(
      `random.truncatedNormal: the bounds ${lower} and ${upper} are so far out that ${dtype} cannot tell them apart; ` +
        (dtype === "float64" ? "" : 'pass { dtype: "float64" }, or ') +
        "sample the tail by rejection from a shifted random.exponential",
    );
  }
  const u = sampleUniform("truncatedNormal", key, shape ?? [], { dtype, minval, maxval });
  // Rounding may reach -1 and 1, where erfinv is infinite, and the bounds, which do not belong to the interval.
  const finite = u.clip(nextAfter(-1, 0, dtype), nextAfter(1, 0, dtype));
  const inside = (bound: number, towards: number): number | null =>
    Number.isFinite(bound) ? nextAfter(bound, towards, dtype) : null;
  return finite.erfinv().mul(Math.SQRT2).clip(inside(lower, Infinity), inside(upper, -Infinity)) as Tensor<
    [...S]
  >;
}

/**
 * Independent samples of the exponential distribution with rate 1: `-log(1 - u)`.
 *
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float
 */
export function exponential<const S extends Shape = []>(
  key: Tensor,
  shape?: S,
  options: FloatOption = {},
): Tensor<[...S]> {
  const u = sampleUniform("exponential", key, shape ?? [], { dtype: options.dtype ?? "float32" });
  return u.neg().log1p().neg() as Tensor<[...S]>;
}

/**
 * Independent samples of the standard Gumbel distribution: `-log(-log(u))`.
 *
 * @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float
 */
export function gumbel<const S extends Shape = []>(
  key: Tensor,
  shape?: S,
  { dtype = "float32" }: FloatOption = {},
): Tensor<[...S]> {
  return sampleGumbel("gumbel", key, shape ?? [], dtype) as Tensor<[...S]>;
}

const sampleGumbel = (what: string, key: Tensor, shape: Shape, dtype: DType): Tensor =>
  sampleUniform(what, key, shape, { dtype, minval: smallestNormal(dtype) })
    .log()
    .neg()
    .log()
    .neg();

/**
 * Independent coins: true with probability `p`.
 *
 * @param p a probability, or a float tensor of them; default 0.5
 * @param shape a shape that p broadcasts to; default the shape of p
 * @returns bool
 * @throws ArgumentError for a number that is no probability; ShapeError where p does not broadcast to the shape;
 *   ArgumentError, DTypeError, ShapeError for a bad key
 */
export function bernoulli<const S extends Shape = []>(
  key: Tensor,
  p: number | Tensor = 0.5,
  shape?: S,
): Tensor<[...S]> {
  if (!(p instanceof Tensor) && !(p >= 0 && p <= 1)) {
    throw new ArgumentError(`random.bernoulli: expected a probability from 0 to 1, got ${String(p)}`);
  }
  const target = shape ?? (p instanceof Tensor ? p.shape : []);
  if (p instanceof Tensor) checkBroadcast("bernoulli", p.shape, target);
  const dtype = p instanceof Tensor && isFloat(p.dtype) ? p.dtype : "float32";
  const bound = p instanceof Tensor ? p : roundTo(p, dtype);
  return sampleUniform("bernoulli", key, target, { dtype }).lt(bound) as Tensor<[...S]>;
}

/** Options of {@link categorical}. */
export interface CategoricalOptions<A extends number = number> {
  /** The axis of the classes. Default -1. */
  readonly axis?: A;
  /** The shape of the result: that of logits without `axis`, after leading axes of independent draws. */
  readonly shape?: Shape;
}

/**
 * Independent class indices, each with probability `softmax(logits)`: the argmax of logits plus Gumbel noise.
 *
 * @param logits unnormalised log probabilities, float
 * @returns int32 of the shape of logits without the class axis, or of `shape`
 * @throws ShapeError where `shape` does not end in that shape; ArgumentError, DTypeError, ShapeError for a bad key
 * @example random.categorical(key, logits, { shape: [1000] }) // 1,000 draws from one distribution
 */
export function categorical<S extends Shape, const A extends number = -1>(
  key: Tensor,
  logits: Tensor<S>,
  options: CategoricalOptions<A> & { readonly shape?: undefined },
): Tensor<Reduce<S, A>>;
export function categorical<const T extends Shape>(
  key: Tensor,
  logits: Tensor,
  options: CategoricalOptions & { readonly shape: T },
): Tensor<[...T]>;
export function categorical<S extends Shape>(key: Tensor, logits: Tensor<S>): Tensor<Reduce<S, -1>>;
export function categorical(key: Tensor, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  const axis = resolveAxis(options.axis ?? -1, logits.rank, "random.categorical");
  const batch = logits.shape.toSpliced(axis, 1);
  const shape = options.shape ?? batch;
  const draws = shape.slice(0, shape.length - batch.length);
  if (!sameShape(shape, [...draws, ...batch])) {
    throw new ShapeError(
      `random.categorical: expected a shape that ends in ${showShape(batch)}, that of the logits ` +
        `${showShape(logits.shape)} without axis ${axis}; got ${showShape(shape)}`,
    );
  }
  const dtype = isFloat(logits.dtype) ? logits.dtype : "float32";
  const noise = sampleGumbel("categorical", key, [...draws, ...logits.shape], dtype);
  return noise.add(logits).argmax(draws.length + axis) as Tensor;
}

export function checkBroadcast(what: string, from: Shape, to: Shape): void {
  if (!sameShape(broadcastShapes(from, to, `random.${what}`), to)) {
    throw new ShapeError(
      `random.${what}: ${showShape(from)} does not broadcast to the shape ${showShape(to)} of the samples`,
    );
  }
}

import { random, type Shape, type Tensor } from "@amari/core";
import { checkSizes } from "./check-size.ts";
import type { Initialiser } from "./initialisers.ts";

/** The parameters of {@link embedding}. */
export interface EmbeddingParams<Classes extends number = number, Features extends number = number> {
  /** One row for each class. */
  readonly weight: Tensor<[Classes, Features]>;
}

/** Options of {@link embedding}. */
export interface EmbeddingOptions<Classes extends number = number, Features extends number = number> {
  /** How many indices there are. */
  readonly classes: Classes;
  /** The length of the vector that stands for each. */
  readonly features: Features;
  /** Makes the weight. Default: normal with variance `1 / features`, so that a row has about length 1. */
  readonly initialise?: Initialiser;
}

/** A layer of one vector for each class. */
export interface Embedding<Classes extends number, Features extends number> {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): EmbeddingParams<Classes, Features>;
  /**
   * @param indices int32 or uint32, of any shape; one that names no class reads NaN, a negative one counts from the end
   * @throws DTypeError where the indices are no integers
   */
  apply<S extends Shape>(
    params: EmbeddingParams<Classes, Features>,
    indices: Tensor<S>,
  ): Tensor<[...S, Features]>;
}

const rowsOfLengthOne: Initialiser = (key, shape, options) => {
  const samples: Tensor = random.normal(key, shape, options);
  return samples.mul(1 / Math.sqrt(shape.at(-1)!)) as Tensor as Tensor<[...typeof shape]>;
};

/**
 * A vector for each index, out of a table that is learnt.
 *
 * @example
 * const words = embedding({ classes: 10_000, features: 64 });
 * const vectors = words.apply(words.init(random.key(0)), tokens); // [16, 32] to [16, 32, 64]
 * @throws ArgumentError where a size is not a positive integer
 */
export function embedding<Classes extends number, Features extends number>({
  classes,
  features,
  initialise = rowsOfLengthOne,
}: EmbeddingOptions<Classes, Features>): Embedding<Classes, Features> {
  checkSizes("embedding", { classes, features });
  return {
    init: (key, options) => ({ weight: initialise(key, [classes, features], options) }),
    apply: (params, indices) => (params.weight as Tensor).take(indices as Tensor) as never,
  };
}

import { ArgumentError, iota, type random, random as randoms, ShapeError, type Tensor } from "@amari/core";
import { checkSizes } from "./check-size.ts";
import { linear } from "./linear.ts";

/** Options of {@link dotProductAttention}. */
export interface DotProductAttentionOptions {
  /** Whether a query sees only keys up to its own place; the last query is at the place of the last key. Default false. */
  readonly causal?: boolean;
  /** Bool, broadcast to `[...batch, queries, keys]`: true where a query may see a key. Default: everywhere. */
  readonly mask?: Tensor;
  /** What scores are multiplied by. Default `1 / sqrt(features)`. */
  readonly scale?: number;
}

/**
 * Scaled dot-product attention (Vaswani et al. 2017, equation 1): `softmax(queries keysᵀ scale) values`.
 *
 * @param queries `[...batch, queries, features]`
 * @param keys `[...batch, keys, features]`
 * @param values `[...batch, keys, outputs]`
 * @returns `[...batch, queries, outputs]`; NaN for a query that may see no key
 * @throws ShapeError where the shapes do not fit
 */
export function dotProductAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { causal = false, mask, scale }: DotProductAttentionOptions = {},
): Tensor {
  if (queries.rank < 2 || keys.rank < 2 || values.rank < 2) {
    throw new ShapeError(
      "dotProductAttention: expected queries, keys and values of shape [...batch, places, features], got " +
        [queries, keys, values].map(({ shape }) => `[${shape.join(", ")}]`).join(", "),
    );
  }
  const factor = scale ?? 1 / Math.sqrt(queries.shape.at(-1)!);
  let scores: Tensor = queries.matmul(keys.matrixTranspose()).mul(factor);
  if (causal) {
    const places = scores.shape.slice(-2) as [number, number];
    const last: Tensor = iota(places, 0).add(places[1] - places[0]);
    scores = iota(places, 1).le(last).where(scores, Number.NEGATIVE_INFINITY) as Tensor;
  }
  if (mask !== undefined) scores = mask.where(scores, Number.NEGATIVE_INFINITY) as Tensor;
  return scores.softmax(-1).matmul(values);
}

interface Projection {
  readonly weight: Tensor<[number, number]>;
  /** There with the option `bias`. */
  readonly bias?: Tensor<[number]>;
}

/** The parameters of {@link selfAttention}. */
export interface SelfAttentionParams {
  /** To queries, keys and values, in this order along the outputs, each with the heads one after the other. */
  readonly input: Projection;
  readonly output: Projection;
}

/** Options of {@link selfAttention}. */
export interface SelfAttentionOptions {
  /** The size of the last axis, of inputs and outputs. */
  readonly features: number;
  /** How many heads share the features; a divisor of them. */
  readonly heads: number;
  /** Whether a place sees only itself and places before it. Default false. */
  readonly causal?: boolean;
  /** Whether the two linear maps add a bias. Default true. */
  readonly bias?: boolean;
}

/** A layer in which the places of a sequence look at each other. */
export interface SelfAttention {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): SelfAttentionParams;
  /**
   * @param x `[...batch, places, features]`
   * @param options a mask for `[...batch, heads, places, places]`
   * @throws ShapeError where the shape does not fit
   */
  apply(params: SelfAttentionParams, x: Tensor, options?: Pick<DotProductAttentionOptions, "mask">): Tensor;
}

/**
 * Multi-head self-attention (Vaswani et al. 2017, section 3.2.2).
 *
 * @example
 * const layer = selfAttention({ features: 128, heads: 4, causal: true });
 * const y = layer.apply(layer.init(random.key(0)), x); // [16, 64, 128] to the same
 * @throws ArgumentError where a size is not a positive integer or the heads do not divide the features
 */
export function selfAttention({
  features,
  heads,
  causal = false,
  bias = true,
}: SelfAttentionOptions): SelfAttention {
  checkSizes("selfAttention", { features, heads });
  if (features % heads !== 0) {
    throw new ArgumentError(`selfAttention: ${heads} heads do not divide ${features} features`);
  }
  const input = linear({ inputs: features, outputs: 3 * features, bias });
  const output = linear({ inputs: features, outputs: features, bias });
  return {
    init: (key, options) => {
      const [first, second] = randoms.keys(key) as Tensor[];
      return { input: input.init(first!, options), output: output.init(second!, options) };
    },
    apply: (params, x, options = {}) => {
      if (x.rank < 2 || x.shape.at(-1) !== features) {
        throw new ShapeError(
          `selfAttention: expected [...batch, places, ${features}], got the shape [${x.shape.join(", ")}]`,
        );
      }
      const batch = x.shape.slice(0, -2);
      const places = x.shape.at(-2)!;
      const projected: Tensor = input.apply(params.input as never, x);
      // [...batch, places, 3, heads, features / heads]: the three parts to the front, the heads to the batch.
      const split: Tensor = projected.reshape([...batch, places, 3, heads, features / heads]);
      const parts: Tensor = split.moveAxis(batch.length + 1, 0).moveAxis(-2, -3);
      const [queries, keys, values] = [0, 1, 2].map((i) => parts.slice(i)) as [Tensor, Tensor, Tensor];
      const mixed = dotProductAttention(queries, keys, values, { causal, ...options });
      const joined: Tensor = mixed.moveAxis(-3, -2).reshape([...batch, places, features]);
      return output.apply(params.output as never, joined);
    },
  };
}

import { ArgumentError, gelu, random, ShapeError, type Tensor } from "@amari/core";
import { type SelfAttentionParams, selfAttention } from "./attention.ts";
import { checkSizes } from "./check-size.ts";
import { type EmbeddingParams, embedding } from "./embedding.ts";
import { type LayerNormParams, layerNorm } from "./layer-norm.ts";
import { type LinearParams, linear } from "./linear.ts";

/** The parameters of one block of a {@link transformer}. */
export interface TransformerBlockParams {
  readonly attentionNorm: LayerNormParams;
  readonly attention: SelfAttentionParams;
  readonly hiddenNorm: LayerNormParams;
  readonly up: LinearParams;
  readonly down: LinearParams;
}

/** The parameters of {@link transformer}. */
export interface TransformerParams {
  readonly tokens: EmbeddingParams;
  readonly places: EmbeddingParams;
  readonly blocks: readonly TransformerBlockParams[];
  readonly norm: LayerNormParams;
  readonly head: LinearParams<number, number, false>;
}

/** Options of {@link transformer}. */
export interface TransformerOptions {
  /** How many tokens there are. */
  readonly vocabulary: number;
  /** The longest sequence. */
  readonly context: number;
  /** The length of the vector at each place. */
  readonly features: number;
  /** Heads of the attention; a divisor of the features. */
  readonly heads: number;
  /** How many blocks. */
  readonly layers: number;
  /** The width of the perceptron in each block. Default 4 times the features. */
  readonly hidden?: number;
  /** Its activation. Default gelu in the approximation by tanh, as in GPT-2. */
  readonly activation?: (x: Tensor) => Tensor;
  /** Whether the linear maps of the attention add a bias. Default true. */
  readonly attentionBias?: boolean;
}

/** A language model: at each place logits for the next token. */
export interface Transformer {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): TransformerParams;
  /**
   * @param tokens int32 or uint32 `[...batch, places]`, with places up to the context
   * @returns `[...batch, places, vocabulary]`
   * @throws ShapeError for a longer sequence or a scalar, DTypeError where the tokens are no integers
   */
  apply(params: TransformerParams, tokens: Tensor): Tensor;
}

const tanhGelu = (x: Tensor): Tensor => gelu(x, { approximate: true });

/**
 * A causal transformer (Radford et al. 2019, "GPT-2"): embeddings of tokens and places; blocks of self-attention and of a
 * perceptron, each on the normalised stream and added to it; a last norm and a linear map without bias to the
 * vocabulary.
 *
 * @example
 * const model = transformer({ vocabulary: 96, context: 64, features: 128, heads: 4, layers: 2 });
 * const params = model.init(random.key(0));
 * const loss = crossEntropy(model.apply(params, tokens), nextTokens).mean();
 * @throws ArgumentError where a size is not a positive integer or the heads do not divide the features
 */
export function transformer(options: TransformerOptions): Transformer {
  const { vocabulary, context, features, heads, layers, activation = tanhGelu } = options;
  const { hidden = 4 * features, attentionBias = true } = options;
  checkSizes("transformer", { vocabulary, context, features, heads, layers, hidden });
  if (features % heads !== 0) {
    throw new ArgumentError(`transformer: ${heads} heads do not divide ${features} features`);
  }
  const tokenTable = embedding({ classes: vocabulary, features });
  const placeTable = embedding({ classes: context, features });
  const norm = layerNorm({ size: features });
  const attention = selfAttention({ features, heads, causal: true, bias: attentionBias });
  const up = linear({ inputs: features, outputs: hidden });
  const down = linear({ inputs: hidden, outputs: features });
  const head = linear({ inputs: features, outputs: vocabulary, bias: false });

  const initBlock = (key: Tensor, dtype?: random.FloatOption): TransformerBlockParams => {
    const [first, second, third] = random.keys(key, 3) as Tensor[];
    return {
      attentionNorm: norm.init(dtype),
      attention: attention.init(first!, dtype),
      hiddenNorm: norm.init(dtype),
      up: up.init(second!, dtype),
      down: down.init(third!, dtype),
    };
  };

  const applyBlock = (params: TransformerBlockParams, x: Tensor): Tensor => {
    const attended: Tensor = x.add(attention.apply(params.attention, norm.apply(params.attentionNorm, x)));
    const widened: Tensor = up.apply(params.up, norm.apply(params.hiddenNorm, attended));
    return attended.add(down.apply(params.down, activation(widened))) as Tensor;
  };

  return {
    init: (key, dtype) => {
      const [first, second, third, ...rest] = random.keys(key, (3 + layers) as number) as Tensor[];
      return {
        tokens: tokenTable.init(first!, dtype),
        places: placeTable.init(second!, dtype),
        blocks: rest.map((blockKey) => initBlock(blockKey, dtype)),
        norm: norm.init(dtype),
        head: head.init(third!, dtype),
      };
    },
    apply: (params, tokens) => {
      const places = tokens.shape.at(-1);
      if (places === undefined || places > context) {
        throw new ShapeError(
          `transformer: expected tokens [...batch, places] with up to ${context} places, got the shape ` +
            `[${tokens.shape.join(", ")}]`,
        );
      }
      const embedded: Tensor = tokenTable
        .apply(params.tokens, tokens)
        .add((params.places.weight as Tensor).slice([0, places]));
      const streamed = params.blocks.reduce((x, block) => applyBlock(block, x), embedded);
      return head.apply(params.head, norm.apply(params.norm, streamed)) as Tensor;
    },
  };
}

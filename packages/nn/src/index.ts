/**
 * Layers and losses: pure functions of trees of tensors.
 *
 * @packageDocumentation
 */
export {
  type DotProductAttentionOptions,
  dotProductAttention,
  type SelfAttention,
  type SelfAttentionOptions,
  type SelfAttentionParams,
  selfAttention,
} from "./attention.ts";
export { accuracy, type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
export { type DropoutOptions, dropout } from "./dropout.ts";
export { type Embedding, type EmbeddingOptions, type EmbeddingParams, embedding } from "./embedding.ts";
export {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initialiser,
  leCunNormal,
  leCunUniform,
  torchUniform,
} from "./initialisers.ts";
export { type LayerNorm, type LayerNormOptions, type LayerNormParams, layerNorm } from "./layer-norm.ts";
export { type Linear, type LinearOptions, type LinearParams, linear } from "./linear.ts";
export { binaryCrossEntropyWithLogits, meanSquaredError, squaredError } from "./losses.ts";
export { type Lstm, type LstmOptions, type LstmParams, type LstmState, lstm } from "./lstm.ts";
export { type Mlp, type MlpOptions, type MlpParams, mlp } from "./mlp.ts";
export {
  type Transformer,
  type TransformerBlockParams,
  type TransformerOptions,
  type TransformerParams,
  transformer,
} from "./transformer.ts";

/**
 * Layers and losses: pure functions of trees of tensors.
 *
 * @packageDocumentation
 */
export { accuracy, type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
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
export { type Linear, type LinearOptions, type LinearParams, linear } from "./linear.ts";
export { binaryCrossEntropyWithLogits, meanSquaredError, squaredError } from "./losses.ts";
export { type Mlp, type MlpOptions, type MlpParams, mlp } from "./mlp.ts";

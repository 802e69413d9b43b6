/**
 * Random numbers from splittable keys: the bits of JAX 0.5 and later (threefry, partitionable), on every backend.
 *
 * @example
 * const [first, second] = random.keys(random.key(0));
 * random.normal(first, [4, 3]);
 */
export {
  bernoulli,
  type CategoricalOptions,
  categorical,
  exponential,
  gumbel,
  normal,
  truncatedNormal,
} from "./distributions.ts";
export { foldIn, key, keys, split } from "./keys.ts";
export {
  type ChoiceOptions,
  choice,
  permutation,
  type RandintOptions,
  randint,
} from "./selection.ts";
export { threefry2x32, type Word } from "./threefry.ts";
export { bits, type FloatOption, type UniformOptions, uniform } from "./uniform.ts";

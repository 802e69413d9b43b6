import { ArgumentError, type DType, random, type Tensor, zeros } from "@amari/core";
import { categorical } from "../distributions/categorical.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { type AffineParameters, affine } from "./affine.ts";
import type { Model } from "./model.ts";

/** The layers of {@link multilayerPerceptron}, from the input on. */
export type PerceptronParameters = readonly AffineParameters[];

/** Options of {@link multilayerPerceptron}. */
export interface PerceptronOptions {
  /** The distribution whose parameters the last layer gives. Default {@link categorical}, by logits. */
  readonly distribution?: Distribution<Tensor>;
}

/**
 * Affine layers with tanh between them: a smooth model that is not a generalised linear one, so that its Fisher matrix
 * and its Hessian differ.
 *
 * @example const params = perceptronParameters(random.key(0), [2, 3, 3], { dtype: "float64" });
 */
export function multilayerPerceptron({
  distribution = categorical,
}: PerceptronOptions = {}): Model<PerceptronParameters> {
  return {
    apply: (layers, x) => {
      const [first, ...rest] = layers;
      if (first === undefined)
        throw new ArgumentError("multilayerPerceptron: expected at least one layer, got none");
      return rest.reduce((hidden, layer) => affine(layer, hidden.tanh()), affine(first, x));
    },
    distribution,
  };
}

/**
 * Random parameters of a perceptron: weights of variance 1 / (number of inputs), biases 0.
 *
 * @param sizes the numbers of inputs, of hidden units layer by layer, and of outputs
 */
export function perceptronParameters(
  key: Tensor,
  sizes: readonly number[],
  { dtype = "float32" }: { readonly dtype?: DType } = {},
): PerceptronParameters {
  return sizes.slice(1).map((outputs, layer) => {
    const inputs = sizes[layer]!;
    const w = random.normal(random.foldIn(key, layer), [inputs, outputs], { dtype }) as Tensor;
    return { w: w.div(Math.sqrt(inputs)), b: zeros([outputs], { dtype }) as Tensor };
  });
}

import {
  ArgumentError,
  type MatMul,
  type MatMulCheck,
  random,
  relu,
  type Shape,
  type Tensor,
} from "@amari/core";
import type { Initialiser } from "./initialisers.ts";
import { type LinearParams, linear } from "./linear.ts";

/** The parameters of {@link mlp}: one pair of weight and bias from each size to the next. */
export type MlpParams<Sizes extends Shape = Shape> = number extends Sizes["length"]
  ? LinearParams[]
  : Sizes extends readonly [
        infer Inputs extends number,
        infer Outputs extends number,
        ...infer Rest extends Shape,
      ]
    ? [LinearParams<Inputs, Outputs>, ...MlpParams<[Outputs, ...Rest]>]
    : [];

/** The shape of the matrix that has an mlp's inputs and outputs. */
type Ends<Sizes extends Shape> = number extends Sizes["length"]
  ? Shape
  : Sizes extends readonly [infer First extends number, ...Shape, infer Last extends number]
    ? [First, Last]
    : Shape;

/** Options of {@link mlp}. */
export interface MlpOptions<Sizes extends Shape = Shape> {
  /** The sizes of the last axis from the inputs, over the hidden layers, to the outputs; at least two. */
  readonly sizes: Sizes;
  /** Between the layers, not after the last. Default relu. */
  readonly activation?: (x: Tensor) => Tensor;
  /** Makes the weights. Default leCunNormal; for relu see heNormal. */
  readonly initialise?: Initialiser;
}

/** A multi-layer perceptron. */
export interface Mlp<Sizes extends Shape> {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): MlpParams<Sizes>;
  /** @throws ShapeError where the last axis of x is not of the first size */
  apply<S extends Shape>(
    params: MlpParams<Sizes>,
    x: Tensor<S> & MatMulCheck<S, Ends<Sizes>>,
  ): Tensor<MatMul<S, Ends<Sizes>>>;
}

/**
 * Layers `x weight + bias` with an activation between them; any axes of x before the last are a batch.
 *
 * @example
 * const model = mlp({ sizes: [784, 128, 10], activation: tanh });
 * const params = model.init(random.key(0));
 * const logits = model.apply(params, images); // [batch, 784] to [batch, 10]
 * @throws ArgumentError where there are fewer than two sizes or one is not a positive integer
 */
export function mlp<const Sizes extends Shape>(options: MlpOptions<Sizes>): Mlp<Sizes> {
  const { sizes, activation = relu, initialise } = options;
  if (sizes.length < 2) {
    throw new ArgumentError(
      `mlp: expected the sizes of inputs, hidden layers and outputs, at least two; got [${sizes.join(", ")}]`,
    );
  }
  const layers = sizes
    .slice(1)
    .map((outputs, i) => linear({ inputs: sizes[i]!, outputs, ...(initialise && { initialise }) }));
  const init = (key: Tensor, dtype?: random.FloatOption): LinearParams[] => {
    const keys: Tensor[] = random.keys(key, layers.length as number);
    return layers.map((layer, i) => layer.init(keys[i]!, dtype));
  };
  const apply = (params: readonly LinearParams[], x: Tensor): Tensor =>
    layers.reduce<Tensor>(
      (input, layer, i) => layer.apply(params[i]!, i === 0 ? input : activation(input)),
      x,
    );
  return { init, apply } as unknown as Mlp<Sizes>;
}

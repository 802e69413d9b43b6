import { type MatMul, type MatMulCheck, type random, type Shape, type Tensor, zeros } from "@amari/core";
import { checkSizes } from "./check-size.ts";
import { type Initialiser, leCunNormal } from "./initialisers.ts";

/** The parameters of {@link linear}. */
export type LinearParams<
  Inputs extends number = number,
  Outputs extends number = number,
  Bias extends boolean = true,
> = Bias extends true
  ? { readonly weight: Tensor<[Inputs, Outputs]>; readonly bias: Tensor<[Outputs]> }
  : { readonly weight: Tensor<[Inputs, Outputs]> };

/** Options of {@link linear}. */
export interface LinearOptions<
  Inputs extends number = number,
  Outputs extends number = number,
  Bias extends boolean = boolean,
> {
  /** The size of the last axis of the inputs. */
  readonly inputs: Inputs;
  /** The size of the last axis of the outputs. */
  readonly outputs: Outputs;
  /** Whether a vector is added, which begins as zeros. Default true. */
  readonly bias?: Bias;
  /** Makes the weight. Default {@link leCunNormal}. */
  readonly initialise?: Initialiser;
}

/** A layer: a maker of parameters, and a pure function of them. */
export interface Linear<Inputs extends number, Outputs extends number, Bias extends boolean> {
  /** @throws ArgumentError, DTypeError, ShapeError where `key` is not one key or the dtype no float */
  init(key: Tensor, options?: random.FloatOption): LinearParams<Inputs, Outputs, Bias>;
  /** @throws ShapeError where the last axis of x is not of the size `inputs` */
  apply<S extends Shape>(
    params: LinearParams<Inputs, Outputs, Bias>,
    x: Tensor<S> & MatMulCheck<S, [Inputs, Outputs]>,
  ): Tensor<MatMul<S, [Inputs, Outputs]>>;
}

/**
 * The affine map `x weight + bias` along the last axis; any axes before it are a batch.
 *
 * @example
 * const layer = linear({ inputs: 4, outputs: 3 });
 * const params = layer.init(random.key(0)); // { weight: Tensor<[4, 3]>, bias: Tensor<[3]> }
 * const logits = layer.apply(params, x);
 * @throws ArgumentError where a size is not a positive integer
 */
export function linear<Inputs extends number, Outputs extends number, Bias extends boolean = true>(
  options: LinearOptions<Inputs, Outputs, Bias>,
): Linear<Inputs, Outputs, Bias> {
  const { inputs, outputs, initialise = leCunNormal } = options;
  checkSizes("linear", { inputs, outputs });
  const init = (key: Tensor, { dtype = "float32" }: random.FloatOption = {}): unknown => {
    const weight = initialise(key, [inputs, outputs], { dtype });
    return options.bias === false ? { weight } : { weight, bias: zeros([outputs], { dtype }) };
  };
  const apply = (params: { readonly weight: Tensor; readonly bias?: Tensor }, x: Tensor): Tensor => {
    const product: Tensor = x.matmul(params.weight);
    return params.bias === undefined ? product : product.add(params.bias);
  };
  return { init, apply } as unknown as Linear<Inputs, Outputs, Bias>;
}

import { ArgumentError, ones, type random, type Shape, ShapeError, type Tensor, zeros } from "@amari/core";
import { checkSizes } from "./check-size.ts";

/** The parameters of {@link layerNorm}. */
export interface LayerNormParams<Size extends number = number> {
  readonly scale: Tensor<[Size]>;
  readonly shift: Tensor<[Size]>;
}

/** Options of {@link layerNorm}. */
export interface LayerNormOptions<Size extends number = number> {
  /** The size of the last axis, which is normalised. */
  readonly size: Size;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
}

/** A layer that normalises the last axis. */
export interface LayerNorm<Size extends number = number> {
  /** Ones and zeros: it needs no key. */
  init(options?: random.FloatOption): LayerNormParams<Size>;
  /** @throws ShapeError where the last axis of x is not of the size */
  apply<S extends Shape>(params: LayerNormParams<Size>, x: Tensor<S>): Tensor<S>;
}

/**
 * Layer normalisation (Ba, Kiros, Hinton 2016): along the last axis less the mean, over the root of the variance (of all
 * elements, not of a sample) plus epsilon, times `scale`, plus `shift`.
 *
 * @example
 * const norm = layerNorm({ size: 128 });
 * const y = norm.apply(norm.init(), x); // of the shape of x, [..., 128]
 * @throws ArgumentError where the size is not a positive integer or epsilon is negative
 */
export function layerNorm<Size extends number>({
  size,
  epsilon = 1e-5,
}: LayerNormOptions<Size>): LayerNorm<Size> {
  checkSizes("layerNorm", { size });
  if (!(epsilon >= 0)) throw new ArgumentError(`layerNorm: expected an epsilon of 0 or more, got ${epsilon}`);
  return {
    init: ({ dtype = "float32" } = {}) => ({
      scale: ones([size], { dtype }),
      shift: zeros([size], { dtype }),
    }),
    apply: <S extends Shape>(params: LayerNormParams<Size>, given: Tensor<S>): Tensor<S> => {
      const x: Tensor = given;
      if (x.shape.at(-1) !== size) {
        throw new ShapeError(
          `layerNorm: expected a last axis of ${size}, got the shape [${x.shape.join(", ")}]`,
        );
      }
      const centred: Tensor = x.sub(x.mean(-1, { keepDims: true }));
      const variance: Tensor = centred.square().mean(-1, { keepDims: true });
      const normalised: Tensor = centred.mul(variance.add(epsilon).rsqrt());
      return normalised.mul(params.scale).add(params.shift) as Tensor as Tensor<S>;
    },
  };
}

import { random, type Shape, ShapeError, type Tensor } from "@amari/core";

/** Makes the first values of a weight of the given shape. */
export type Initialiser = <const S extends Shape>(
  key: Tensor,
  shape: S,
  options?: random.FloatOption,
) => Tensor<[...S]>;

/** How many inputs one output sums over, and how many outputs one input reaches. */
interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** The last two axes of a weight are inputs and outputs; axes before them, as of a convolution, are summed over. */
function fansOf(shape: Shape): Fans {
  if (shape.length < 2) {
    throw new ShapeError(
      `an initialiser by fans expects a weight with axes for inputs and outputs, got the shape [${shape.join(", ")}]; ` +
        "for a bias write zeros(shape)",
    );
  }
  const window = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  return { fanIn: window * shape.at(-2)!, fanOut: window * shape.at(-1)! };
}

const normalOf =
  (variance: (fans: Fans) => number): Initialiser =>
  (key, shape, options) => {
    const samples: Tensor = random.normal(key, shape, options);
    return samples.mul(Math.sqrt(variance(fansOf(shape)))) as Tensor as Tensor<[...typeof shape]>;
  };

const uniformOf =
  (bound: (fans: Fans) => number): Initialiser =>
  (key, shape, options) => {
    const maxval = bound(fansOf(shape));
    return random.uniform(key, shape, { ...options, minval: -maxval, maxval });
  };

/** Normal with variance `1 / fanIn`, which keeps the variance of sums (LeCun et al., "Efficient backprop", 1998). */
export const leCunNormal: Initialiser = normalOf(({ fanIn }) => 1 / fanIn);

/** Uniform on ±sqrt(3 / fanIn), with the variance of {@link leCunNormal}. */
export const leCunUniform: Initialiser = uniformOf(({ fanIn }) => Math.sqrt(3 / fanIn));

/** Normal with variance `2 / (fanIn + fanOut)`, between what values and gradients want (Glorot, Bengio 2010). */
export const glorotNormal: Initialiser = normalOf(({ fanIn, fanOut }) => 2 / (fanIn + fanOut));

/** Uniform on ±sqrt(6 / (fanIn + fanOut)), with the variance of {@link glorotNormal}. */
export const glorotUniform: Initialiser = uniformOf(({ fanIn, fanOut }) => Math.sqrt(6 / (fanIn + fanOut)));

/** Normal with variance `2 / fanIn`, since a rectifier halves the second moment (He et al. 2015). */
export const heNormal: Initialiser = normalOf(({ fanIn }) => 2 / fanIn);

/** Uniform on ±sqrt(6 / fanIn), with the variance of {@link heNormal}. */
export const heUniform: Initialiser = uniformOf(({ fanIn }) => Math.sqrt(6 / fanIn));

/** Uniform on ±1 / sqrt(fanIn): what PyTorch's `Linear` does for its weight. */
export const torchUniform: Initialiser = uniformOf(({ fanIn }) => 1 / Math.sqrt(fanIn));

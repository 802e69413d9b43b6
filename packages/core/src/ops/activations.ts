import { type Case, composite, type Defined, type Domain, define, on, reals } from "../define/definition.ts";
import { accepted } from "../define/elementwise.ts";
import type { Unary } from "../define/signatures.ts";
import type { Shape } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";

// All of these propagate NaN, and write the untaken side of a condition so that it has no NaN in its derivative.

const casesOf = (call: (x: Tensor) => Tensor, domain: Domain): Case[] =>
  [[5], [], [2, 3]].map((shape) => on([shape], call, domain));

const awayFromZero = reals(-3, 3, [0]);

function activation(name: string, expand: (x: Tensor) => Tensor, domain: Domain, ulp: number): Unary {
  const call = (operand: Tensor): Tensor => expand(accepted([operand], "float", name)[0]!);
  return define(composite(name, casesOf(call, domain), ulp), call) as unknown as Unary;
}

/** The rectifier `max(x, 0)`; its derivative at 0 is 0. */
export const relu: Unary = activation("relu", (x) => x.le(0).where(0, x), awayFromZero, 0);

/** The swish or sigmoid-weighted linear unit, `x sigmoid(x)` (Elfwing, Uchibe, Doya 2017). */
export const silu: Unary = activation("silu", (x) => x.mul(x.sigmoid()), reals(-4, 4), 4);

type WithNumber = Defined<
  <S extends Shape>(x: Tensor<S>, parameter?: number) => Tensor<S>,
  <S extends Shape>(this: Tensor<S>, parameter?: number) => Tensor<S>
>;

function parametrised(
  name: string,
  standard: number,
  expand: (x: Tensor, parameter: number) => Tensor,
  ulp: number,
): WithNumber {
  const call = (operand: Tensor, parameter = standard): Tensor =>
    expand(accepted([operand], "float", name)[0]!, parameter);
  const cases = [...casesOf((x) => call(x), awayFromZero), on([[4]], (x) => call(x, 0.5), awayFromZero)];
  return define(composite(name, cases, ulp), call) as unknown as WithNumber;
}

/** `x` where it is not negative, else `slope * x`; `slope` is 0.01 unless given (Maas, Hannun, Ng 2013). */
export const leakyRelu: WithNumber = parametrised(
  "leakyRelu",
  0.01,
  (x, slope) => x.ge(0).where(x, x.mul(slope)),
  1,
);

/**
 * The exponential linear unit: `x` where it is positive, else `alpha (exp(x) - 1)`; `alpha` is 1 unless given
 * (Clevert, Unterthiner, Hochreiter 2015).
 */
export const elu: WithNumber = parametrised(
  "elu",
  1,
  (x, alpha) => x.gt(0).where(x, x.minimum(0).expm1().mul(alpha)),
  4,
);

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** Whether the normal distribution function is replaced by a tanh, as in GPT-2. Default false. */
  readonly approximate?: boolean;
}

type Gelu = Defined<
  <S extends Shape>(x: Tensor<S>, options?: GeluOptions) => Tensor<S>,
  <S extends Shape>(this: Tensor<S>, options?: GeluOptions) => Tensor<S>
>;

const exactGelu = (x: Tensor): Tensor => x.mul(x.mul(-Math.SQRT1_2).erfc()).mul(0.5);

const tanhGelu = (x: Tensor): Tensor => {
  const inner = x.add(x.mul(x.square()).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(inner.tanh().add(1)).mul(0.5);
};

/**
 * The Gaussian error linear unit (Hendrycks, Gimpel 2016): `x P(N <= x)` for a standard normal N, which is
 * `x erfc(-x / sqrt(2)) / 2`; or the paper's approximation
 * `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
 */
export const gelu: Gelu = define(
  composite(
    "gelu",
    [
      ...casesOf((x) => gelu(x), reals(-3, 3)),
      on([[4]], (x) => gelu(x, { approximate: true }), reals(-3, 3)),
    ],
    8,
  ),
  ((operand: Tensor, { approximate = false }: GeluOptions = {}): Tensor => {
    const x = accepted([operand], "float", "gelu")[0]!;
    return approximate ? tanhGelu(x) : exactGelu(x);
  }) as unknown as <S extends Shape>(x: Tensor<S>, options?: GeluOptions) => Tensor<S>,
);

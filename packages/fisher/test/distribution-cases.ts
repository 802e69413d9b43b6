import { jit, type Tensor } from "@amari/core";
import { fc } from "@fast-check/vitest";
import { overInputs } from "../src/batch.ts";
import {
  bernoulli,
  categorical,
  type Distribution,
  type Entropy,
  type ExponentialFamily,
  exponential,
  gaussianLogScale,
  gaussianScale,
  gaussianVariance,
  geometric,
  isotropicGaussian,
  poisson,
} from "../src/index.ts";
import { t64, tensors } from "./support.ts";

/** Outcomes with weights, such that sum_i weight_i f(y_i) is the integral or sum of f over the space of outcomes. */
export interface Quadrature {
  readonly outcomes: Tensor;
  readonly weights: Tensor;
}

const counts = (n: number): Quadrature => ({
  outcomes: t64(Array.from({ length: n }, (_, i) => i)),
  weights: t64(Array.from({ length: n }, () => 1)),
});

/**
 * The trapezoidal rule: for an analytic integrand that falls off at both ends its error is exponentially small in 1 / step. For a
 * Gaussian and a step of half a standard deviation it is about exp(-2 pi^2 / 0.25) = 1e-34.
 */
function trapezoids(low: number, high: number, n: number): Quadrature {
  const h = (high - low) / n;
  return {
    outcomes: t64(Array.from({ length: n + 1 }, (_, i) => low + i * h)),
    weights: t64(Array.from({ length: n + 1 }, () => h)),
  };
}

/**
 * The half line by y = e^s, so that the integrand in s falls off at both ends. It is analytic in the strip |Im s| < pi / 2, so
 * the error of the trapezoidal rule with step 1/4 is about exp(-2 pi (pi / 2) / 0.25) = 1e-17.
 */
function halfLine(scale: number): Quadrature {
  const { outcomes, weights } = trapezoids(-46, 5, 204);
  const y = outcomes.exp().mul(scale);
  return { outcomes: y, weights: weights.mul(y) };
}

export interface Case<P> {
  readonly distribution: Distribution<P> & Partial<ExponentialFamily<P>> & Partial<Entropy<P>>;
  readonly parameters: fc.Arbitrary<P>;
  readonly quadrature: (parameters: P) => Quadrature;
}

const scalar = (min: number, max: number): fc.Arbitrary<Tensor> =>
  fc.double({ min, max, noNaN: true }).map((x) => t64([x], []));
const logits = tensors([4], 3);
const around = (mean: Tensor, scale: number): Quadrature => {
  const center = mean.itemSync();
  return trapezoids(center - 12 * scale, center + 12 * scale, 48);
};

const erase = <P>(item: Case<P>): Case<unknown> => item as unknown as Case<unknown>;
/** Every family on the line, with a rule of integration that is exact to rounding. */
export const cases: readonly Case<unknown>[] = [
  erase({ distribution: bernoulli, parameters: scalar(-6, 6), quadrature: () => counts(2) }),
  erase({ distribution: categorical, parameters: logits, quadrature: () => counts(4) }),
  erase({ distribution: poisson, parameters: scalar(-2, 2), quadrature: () => counts(45) }),
  erase({ distribution: geometric, parameters: scalar(0.2, 0.9), quadrature: () => counts(220) }),
  erase({
    distribution: exponential,
    parameters: scalar(0.2, 5),
    quadrature: (rate) => halfLine(1 / rate.itemSync()),
  }),
  erase({
    distribution: gaussianLogScale,
    parameters: fc.record({ mean: scalar(-2, 2), logScale: scalar(-1, 1) }),
    quadrature: ({ mean, logScale }) => around(mean, Math.exp(logScale.itemSync())),
  }),
  erase({
    distribution: gaussianScale,
    parameters: fc.record({ mean: scalar(-2, 2), scale: scalar(0.4, 3) }),
    quadrature: ({ mean, scale }) => around(mean, scale.itemSync()),
  }),
  erase({
    distribution: gaussianVariance,
    parameters: fc.record({ mean: scalar(-2, 2), variance: scalar(0.2, 9) }),
    quadrature: ({ mean, variance }) => around(mean, Math.sqrt(variance.itemSync())),
  }),
  erase({
    distribution: isotropicGaussian(2),
    parameters: scalar(-2, 2),
    quadrature: (mean) => around(mean, Math.SQRT2),
  }),
];

/** E[f(y)] under the distribution, by quadrature. */
export function expectation(
  distribution: Distribution<unknown>,
  parameters: unknown,
  { outcomes, weights }: Quadrature,
  f: (y: Tensor) => Tensor,
): Tensor {
  const mass = overInputs((y) => distribution.logProbability(parameters, y))(outcomes)
    .exp()
    .mul(weights);
  const values = overInputs(f)(outcomes);
  return values.mul(mass.reshape([mass.shape[0]!, ...values.shape.slice(1).map(() => 1)])).sum(0) as Tensor;
}

// A sum of up to 220 terms whose parts were computed by a dozen operations, each within an ulp; the terms of the Fisher
// information are up to 50 times larger than it where the scores are: 1e5 u, and ten times that for products of scores.
export const tolerance = 1e-10;

/**
 * A function of two sets of parameters and the rule of integration for the first, compiled once and run for each of the
 * hundred examples of a property.
 */
export function compiled<R>(
  item: Case<unknown>,
  f: (p: unknown, q: unknown, rule: Quadrature) => R,
): (p: unknown, q?: unknown) => R {
  const run = jit(f as never) as unknown as (p: unknown, q: unknown, rule: Quadrature) => R;
  return (p, q = p) => run(p, q, item.quadrature(p));
}

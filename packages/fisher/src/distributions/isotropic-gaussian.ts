import { eye, random, type Tensor } from "@amari/core";
import type { Distribution, ExponentialFamily } from "./distribution.ts";

/**
 * The Gaussian of a given variance in every component, by its mean, a tensor of any shape with D elements: the output of
 * a regression with squared error. Fisher matrix I / variance; the divergence is exactly the quadratic form of it.
 *
 * @param variance of each component, default 1
 */
export function isotropicGaussian(variance = 1): Distribution<Tensor> & ExponentialFamily<Tensor> {
  const flat = (x: Tensor): Tensor => x.reshape([x.size]);
  return {
    name: `isotropicGaussian(mean), variance ${variance}`,
    logProbability: (mean, outcome) =>
      outcome
        .astype(mean.dtype)
        .sub(mean)
        .square()
        .sum()
        .div(-2 * variance)
        .sub((mean.size * Math.log(2 * Math.PI * variance)) / 2) as Tensor,
    fisher: (mean) => (eye(mean.size, undefined, { dtype: mean.dtype }) as Tensor).div(variance),
    sample: (key, mean, shape = []) =>
      (random.normal(key, [...shape, ...mean.shape], { dtype: mean.dtype }) as Tensor)
        .mul(Math.sqrt(variance))
        .add(mean),
    kl: (p, q) =>
      p
        .sub(q)
        .square()
        .sum()
        .div(2 * variance) as Tensor,
    sufficientStatistic: (mean, outcome) => flat(outcome.astype(mean.dtype)),
    logPartition: (natural) =>
      natural
        .square()
        .sum()
        .mul(variance / 2) as Tensor,
    toNatural: (mean) => flat(mean).div(variance),
    fromNatural: (natural) => natural.mul(variance),
    toMean: flat,
    fromMean: (mean) => mean,
  };
}

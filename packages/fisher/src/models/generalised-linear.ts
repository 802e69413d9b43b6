import { bernoulli } from "../distributions/bernoulli.ts";
import { categorical } from "../distributions/categorical.ts";
import { isotropicGaussian } from "../distributions/isotropic-gaussian.ts";
import { poisson } from "../distributions/poisson.ts";
import { type AffineParameters, type AffineScalarParameters, affine } from "./affine.ts";
import type { Model } from "./model.ts";

// Generalised linear models with the canonical link: the natural parameter of the outcome is affine in the parameters.
// The second derivative of their loss does not depend on the labels, so the Fisher matrix is the Hessian, and natural
// gradient descent is Newton's method.

/**
 * Linear regression: the outcome is Gaussian with mean x w + b, `[k]`, and a given variance. Fisher matrix
 * mean_n(x~ x~') (x) I / variance with x~ = (x, 1): constant, so one natural gradient step of rate 1 is least squares.
 *
 * @param variance of each output, default 1: the loss is half the squared error, up to a constant
 */
export const linearRegression = (variance = 1): Model<AffineParameters> => ({
  apply: affine,
  distribution: isotropicGaussian(variance),
});

/** Logistic regression: the outcome is 0 or 1, with logit x w + b. Fisher matrix mean_n(p (1 - p) x~ x~'). */
export const logisticRegression: Model<AffineScalarParameters> = { apply: affine, distribution: bernoulli };

/** Poisson regression: the outcome is a count, with log-rate x w + b. Fisher matrix mean_n(rate x~ x~'). */
export const poissonRegression: Model<AffineScalarParameters> = { apply: affine, distribution: poisson };

/**
 * Multinomial logistic regression: the outcome is a class index, with logits x w + b. Fisher matrix
 * mean_n((diag p - p p') (x) x~ x~'), which is singular: d + 1 directions shift all logits alike.
 *
 * @example const F = exactFisher(softmaxRegression, { w, b }, x);
 */
export const softmaxRegression: Model<AffineParameters> = { apply: affine, distribution: categorical };

/**
 * Exact and approximate Fisher information, natural gradients and the distributions they are exact for.
 *
 * @packageDocumentation
 */
export * from "./distributions/bernoulli.ts";
export * from "./distributions/categorical.ts";
export type * from "./distributions/distribution.ts";
export * from "./distributions/exponential.ts";
export * from "./distributions/gaussian.ts";
export * from "./distributions/geometric.ts";
export * from "./distributions/isotropic-gaussian.ts";
export * from "./distributions/multivariate-gaussian.ts";
export * from "./distributions/poisson.ts";
export * from "./divergence.ts";
export * from "./errors.ts";
export * from "./geometry.ts";
export * from "./information/empirical.ts";
export { type ExactFisherOptions, exactFisher, exactFisherDiagonal } from "./information/exact.ts";
export { perExampleGradientMatrix, perExampleGradients } from "./information/per-example.ts";
export * from "./information/products.ts";
export * from "./information/sampled.ts";
export type { AffineParameters, AffineScalarParameters } from "./models/affine.ts";
export * from "./models/generalised-linear.ts";
export { type Model, negativeLogLikelihood } from "./models/model.ts";
export * from "./models/multilayer-perceptron.ts";
export * from "./natural-gradient/conjugate-gradient.ts";
export * from "./natural-gradient/descent.ts";
export { type NaturalGradientOptions, naturalGradient } from "./natural-gradient/natural-gradient.ts";
export { type Raveled, ravel } from "./ravel.ts";

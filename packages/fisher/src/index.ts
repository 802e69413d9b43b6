/**
 * Exact and approximate Fisher information, natural gradients and the distributions they are exact for.
 *
 * @packageDocumentation
 */
export * from "./distributions/categorical.ts";
export type * from "./distributions/distribution.ts";
export * from "./errors.ts";
export { type ExactFisherOptions, exactFisher, exactFisherDiagonal } from "./information/exact.ts";
export { type Model, negativeLogLikelihood } from "./models/model.ts";
export * from "./models/softmax-regression.ts";
export * from "./natural-gradient/conjugate-gradient.ts";
export { type NaturalGradientOptions, naturalGradient } from "./natural-gradient/natural-gradient.ts";
export { type Raveled, ravel } from "./ravel.ts";

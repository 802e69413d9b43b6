import type { Tensor } from "@amari/core";
import { exactFisher, fisherCosine, naturalGradient, ravel } from "@amari/fisher";
import type { Split } from "./split.ts";
import { gradientOf } from "./step.ts";
import type { Parameters, Subject } from "./subjects.ts";

/** The exact natural gradient of the whole training part, and the metric to compare directions in. */
export interface Reference {
  /** `[P, P]` */
  readonly fisher: Tensor;
  /** The full-batch gradient, `[P]`. */
  readonly gradient: Tensor;
  /** F^+ gradient, `[P]`: the pseudo-inverse, since F is singular for softmax outputs. */
  readonly natural: Tensor;
}

/** The reference at one point of the parameters. */
export function referenceAt(subject: Subject, params: Parameters, { trainX, trainY }: Split): Reference {
  const fisher = exactFisher(subject.model, params, trainX);
  const gradient = ravel(gradientOf(subject, params, trainX, trainY)).vector;
  return { fisher, gradient, natural: naturalGradient(fisher, gradient, { method: "pseudoInverse" }) };
}

/**
 * The share of the natural gradient's squared length g'F^+g that lies along the eigenvector of F with the largest
 * eigenvalue. Near 1 the path oscillates across its steepest valley, and every direction with a part in it seems near.
 */
export function steepestShare({ fisher, gradient, natural }: Reference): Tensor {
  const [values, vectors] = fisher.eigh();
  const along = vectors.slice(null, -1).mul(gradient).sum();
  return along.square().div(values.slice(-1)).div(gradient.mul(natural).sum()) as Tensor;
}

/** The cosine between the descent direction `direction` and exact natural gradient descent, in the Fisher metric. */
export const cosineToNatural = ({ fisher, natural }: Reference, direction: Tensor): Tensor =>
  fisherCosine(fisher, direction, natural.neg() as Tensor);

/**
 * What diagonal preconditioning can and cannot do: the full-batch gradient, without momentum and without noise, divided
 * by powers of the estimated and of the exact Fisher diagonal.
 *
 * @param estimate FAdam's f, `[P]`
 * @param exact the diagonal of F, `[P]`
 */
export function diagonalDirections(
  { gradient }: Reference,
  estimate: Tensor,
  exact: Tensor,
): Readonly<Record<DiagonalDirection, Tensor>> {
  const descent = gradient.neg();
  return {
    gradient: descent,
    rootEstimate: descent.div(estimate.sqrt()),
    estimate: descent.div(estimate),
    rootExact: descent.div(exact.sqrt()),
    exact: descent.div(exact),
  };
}

/** The keys of {@link diagonalDirections}. */
export type DiagonalDirection = "gradient" | "rootEstimate" | "estimate" | "rootExact" | "exact";

import type { Tensor } from "@amari/core";
import { exactFisherDiagonal, perExampleGradientMatrix, ravel } from "@amari/fisher";
import type { Split } from "./split.ts";
import type { Parameters, Subject } from "./subjects.ts";

/** Diagonals, `[P]`, at one point of the parameters. */
export interface Diagonals {
  /** The Fisher matrix's: the mean over the training inputs, the model's own labels enumerated. */
  readonly exact: Tensor;
  /** The conditional empirical Fisher matrix's: the labels of the data. */
  readonly empirical: Tensor;
  /** The expected squared minibatch gradient: what f would be if it averaged at these parameters only. */
  readonly squaredMinibatch: Tensor;
}

/**
 * The diagonals that an average of squared minibatch gradients can be compared with.
 *
 * For a minibatch of B of the N examples, drawn without replacement, E[g_B^2] = mean^2 + variance / B (N - B) / (N - 1), where
 * mean and variance are those of the per-example gradients. At a minimum the mean is 0 and, were the labels the model's
 * own, the variance would be F's diagonal: hence about F / B.
 */
export function diagonals(
  subject: Subject,
  params: Parameters,
  { trainX, trainY }: Split,
  batchSize: number,
): Diagonals {
  const n = trainX.shape[0]!;
  const gradients = perExampleGradientMatrix(subject.model, params, trainX, trainY);
  const mean = gradients.mean(0) as Tensor;
  const empirical = gradients.square().mean(0) as Tensor;
  const variance = empirical.sub(mean.square());
  const share = (n - batchSize) / (n - 1) / batchSize;
  return {
    exact: ravel(exactFisherDiagonal(subject.model, params, trainX)).vector,
    empirical,
    squaredMinibatch: mean.square().add(variance.mul(share)) as Tensor,
  };
}

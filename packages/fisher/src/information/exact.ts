import { ArgumentError, einsum, grad, type Tensor } from "@amari/core";
import { overInputs } from "../batch.ts";
import type { Distribution, Enumerable } from "../distributions/distribution.ts";
import type { Model } from "../models/model.ts";
import { ravel } from "../ravel.ts";
import { outputFisher, outputJacobian } from "./jacobian.ts";

/** Options of {@link exactFisher}. */
export interface ExactFisherOptions {
  /**
   * How the expectation over the model's outcomes is taken; both give the same matrix.
   * - `"jacobian"` (default): J' F_out J with the output distribution's closed form, for any distribution.
   * - `"enumeration"`: the sum over all outcomes of P(y) score score', straight from the definition, for
   *   distributions whose outcomes can be listed.
   */
  readonly form?: "jacobian" | "enumeration";
}

/**
 * The exact Fisher information matrix of a conditional model, averaged over inputs: `[P, P]`, rows and columns in the
 * order of `ravel`.
 *
 * F = 1/N sum_n E_{y ~ P(y | x_n, params)} [grad log P(y | x_n, params) grad log P(y | x_n, params)'], which is Eq 7 of the
 * FAdam paper for a conditional model, and Eq 55 before the diagonal is taken: the labels are the model's own, all of
 * them, each with its probability.
 *
 * @param x inputs, `[N, ...]`
 * @example exactFisher(softmaxRegression, { w, b }, x)
 * @throws ArgumentError for the form `"enumeration"` of a distribution whose outcomes cannot be listed
 */
export function exactFisher<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  { form = "jacobian" }: ExactFisherOptions = {},
): Tensor {
  const n = x.shape[0]!;
  if (form === "enumeration") {
    const { scores, probabilities } = enumeratedScores(model, params, x);
    return einsum("nmp,nm,nmq->pq", scores, probabilities, scores).div(n);
  }
  const jacobian = outputJacobian(model, params, x);
  return einsum("ndp,ndq->pq", jacobian, outputFisher(model, params, x).matmul(jacobian) as Tensor).div(n);
}

/**
 * The diagonal of {@link exactFisher} as a tree like the parameters (Eq 14, 55): what FAdam's moving average of squared
 * gradients approximates, and what can be injected into it.
 */
export function exactFisherDiagonal<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  { form = "jacobian" }: ExactFisherOptions = {},
): Params {
  const n = x.shape[0]!;
  const { unravel } = ravel(params);
  if (form === "enumeration") {
    const { scores, probabilities } = enumeratedScores(model, params, x);
    return unravel(einsum("nmp,nm->p", scores.square(), probabilities).div(n));
  }
  const jacobian = outputJacobian(model, params, x);
  const weighted = outputFisher(model, params, x).matmul(jacobian) as Tensor;
  return unravel(jacobian.mul(weighted).sum([0, 1]).div(n) as Tensor);
}

interface EnumeratedScores {
  /** grad log P(y_m | x_n), `[N, M, P]`. */
  readonly scores: Tensor;
  /** P(y_m | x_n), `[N, M]`. */
  readonly probabilities: Tensor;
}

/** The scores of all M outcomes at all N inputs, with the probabilities the model gives them. */
export function enumeratedScores<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
): EnumeratedScores {
  const { distribution } = model;
  const { vector, unravel } = ravel(params);
  const logProbability = (theta: Tensor, input: Tensor, outcome: Tensor): Tensor =>
    distribution.logProbability(model.apply(unravel(theta), input), outcome);
  const overOutcomes = (input: Tensor, f: (outcome: Tensor) => Tensor): Tensor =>
    overInputs(f)(supportOf(distribution, model.apply(params, input)));
  const score = grad(logProbability as (theta: Tensor, input: Tensor, outcome: Tensor) => Tensor<[]>);
  return {
    scores: overInputs((input) => overOutcomes(input, (outcome) => score(vector, input, outcome)))(x),
    probabilities: overInputs((input) =>
      overOutcomes(input, (outcome) => logProbability(vector, input, outcome).exp()),
    )(x),
  };
}

function supportOf<Output>(distribution: Distribution<Output>, parameters: Output): Tensor {
  const { support } = distribution as Partial<Enumerable<Output>>;
  if (support === undefined) {
    throw new ArgumentError(
      `exactFisher: the outcomes of ${distribution.name} cannot be listed; use the form "jacobian", or sampledFisher`,
    );
  }
  return support(parameters);
}

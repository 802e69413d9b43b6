import type { Tensor } from "@amari/core";
import { overInputs } from "./batch.ts";
import { fisherVectorProduct } from "./information/products.ts";
import type { Model } from "./models/model.ts";
import { vectorOf } from "./ravel.ts";

/**
 * The Kullback-Leibler divergence of a model at parameters q from the model at p, averaged over inputs:
 * 1/N sum_n D(P(. | x_n, p) || P(. | x_n, q)), in nats. Its second derivative by q at q = p is the exact Fisher matrix
 * (FAdam paper, Eq 39 to 46).
 */
export function modelDivergence<Params, Output>(
  model: Model<Params, Output>,
  p: Params,
  q: Params,
  x: Tensor,
): Tensor {
  const { distribution, apply } = model;
  return overInputs((input) => distribution.kl(apply(p, input), apply(q, input)))(x).mean() as Tensor;
}

/**
 * The symmetric divergence of Jeffreys, D(p || q) + D(q || p), averaged over inputs. Against d'Fd with F at the midpoint
 * of p and q the error is of fourth order in d, where D(p || q) against 1/2 d'Fd errs in the third.
 *
 * @see Jeffreys, "An invariant form for the prior probability in estimation problems" (1946)
 */
export function jeffreysDivergence<Params, Output>(
  model: Model<Params, Output>,
  p: Params,
  q: Params,
  x: Tensor,
): Tensor {
  return modelDivergence(model, p, q, x).add(modelDivergence(model, q, p, x));
}

/**
 * 1/2 d'Fd with the exact Fisher matrix at `params`: what the divergence between `params` and `params + d` is to second
 * order (Eq 9 and 39).
 */
export function quadraticDivergence<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  d: Params,
  x: Tensor,
): Tensor {
  return vectorOf(d)
    .mul(vectorOf(fisherVectorProduct(model, params, x, d)))
    .sum()
    .div(2) as Tensor;
}

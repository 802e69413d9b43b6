import { jacrev, type Tensor } from "@amari/core";
import { overInputs } from "../batch.ts";
import type { Model } from "../models/model.ts";
import { ravel, vectorOf } from "../ravel.ts";

/** The Jacobian of the distribution's D parameters by the model's P parameters at every input: `[N, D, P]`. */
export function outputJacobian<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
): Tensor {
  const { vector, unravel } = ravel(params);
  return overInputs(
    (input) => jacrev((theta: Tensor) => vectorOf(model.apply(unravel(theta), input)))(vector) as Tensor,
  )(x);
}

/** The Fisher matrix of the output's distribution, by its own parameters, at every input: `[N, D, D]`. */
export function outputFisher<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
): Tensor {
  return overInputs((input) => model.distribution.fisher(model.apply(params, input)))(x);
}

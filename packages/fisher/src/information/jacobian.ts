import { jacrev, type Tensor, vmap } from "@amari/core";
import type { Model } from "../models/model.ts";
import { ravel, vectorOf } from "../ravel.ts";

type OfInput = (x: Tensor) => Tensor;
/** `vmap` of a function of one input; its types follow shapes that are not known here. */
export const overInputs = (f: OfInput): OfInput => vmap(f as never) as unknown as OfInput;

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

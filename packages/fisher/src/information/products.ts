import { hessian, hvp, jvp, type Tensor, vjp } from "@amari/core";
import { overInputs, overPairs } from "../batch.ts";
import { type Model, negativeLogLikelihood } from "../models/model.ts";
import { ravel, vectorOf } from "../ravel.ts";
import { outputJacobian } from "./jacobian.ts";

/**
 * F v without the matrix: 1/N sum_n J_n' F_out(n) J_n v, by a forward derivative, the output distribution's Fisher matrix in
 * closed form, and a reverse derivative. It costs about as much as two gradients, and no `[P, P]` memory.
 *
 * @param x inputs, `[N, ...]`
 * @param v a tree like the parameters
 * @returns a tree like the parameters
 * @example conjugateGradient((v) => fisherVectorProduct(model, params, x, v), gradient)
 * @see Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent" (2002)
 */
export function fisherVectorProduct<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  v: Params,
): Params {
  const { distribution } = model;
  return throughOutputs(model, params, x, v, (outputs, tangents) => {
    const { unravel } = ravel(example(model, params, x));
    return overPairs((output, tangent) => distribution.fisher(unravel(output)).matmul(tangent) as Tensor)(
      outputs,
      tangents,
    );
  });
}

/**
 * The product of the generalised Gauss-Newton matrix with v: 1/N sum_n J_n' H_n J_n v, where H_n is the Hessian of
 * -log P(y_n | output) by the output. For a distribution by its natural parameters H_n is F_out(n), whatever the labels, so
 * this is {@link fisherVectorProduct} (Martens, "New insights and perspectives on the natural gradient method", 2020).
 *
 * @param x inputs, `[N, ...]`
 * @param y outcomes, `[N, ...]`
 */
export function gaussNewtonVectorProduct<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
  v: Params,
): Params {
  return throughOutputs(model, params, x, v, (outputs, tangents) => {
    const loss = outputLoss(model, params, x);
    const total = (all: Tensor): Tensor<[]> => overPairs(loss)(all, y).sum() as Tensor<[]>;
    return hvp(total, [outputs], [tangents]);
  });
}

/** The generalised Gauss-Newton matrix of {@link gaussNewtonVectorProduct}, `[P, P]` in the order of `ravel`. */
export function gaussNewtonMatrix<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  const loss = outputLoss(model, params, x);
  const curvature = overPairs(
    (input, outcome) =>
      hessian((output: Tensor) => loss(output, outcome))(vectorOf(model.apply(params, input))) as Tensor,
  )(x, y);
  const jacobian = outputJacobian(model, params, x);
  const rows = jacobian.shape[0]! * jacobian.shape[1]!;
  const flat = (a: Tensor): Tensor => a.reshape([rows, jacobian.shape[2]!]);
  return (
    flat(jacobian)
      .matrixTranspose()
      .matmul(flat(curvature.matmul(jacobian) as Tensor)) as Tensor
  ).div(jacobian.shape[0]!);
}

/** J' C(J v) / N, with the model's outputs as rows of an `[N, D]` matrix. */
function throughOutputs<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  v: Params,
  curvature: (outputs: Tensor, tangents: Tensor) => Tensor,
): Params {
  const outputsOf = (p: Params): Tensor => overInputs((input) => vectorOf(model.apply(p, input)))(x);
  const [outputs, tangents] = jvp(outputsOf, [params], [v]) as unknown as [Tensor, Tensor];
  const [, pullback] = vjp(outputsOf, params) as unknown as [Tensor, (cotangent: Tensor) => [Params]];
  return pullback(curvature(outputs, tangents).div(x.shape[0]!))[0];
}

/** The distribution's parameters at the first input: the structure that every output has. */
const example = <Params, Output>(model: Model<Params, Output>, params: Params, x: Tensor): Output =>
  model.apply(params, x.slice(0));

/** -log P(y | output) as a function of the output laid out as a vector. */
function outputLoss<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
): (output: Tensor, outcome: Tensor) => Tensor<[]> {
  const { unravel } = ravel(example(model, params, x));
  return (output, outcome) =>
    model.distribution.logProbability(unravel(output), outcome).neg() as Tensor as Tensor<[]>;
}

/** The Hessian of the mean negative log-likelihood at given labels, `[P, P]`: what Newton's method uses (Eq 49). */
export function lossHessian<Params, Output>(
  model: Model<Params, Output>,
  params: Params,
  x: Tensor,
  y: Tensor,
): Tensor {
  const { vector, unravel } = ravel(params);
  const loss = (theta: Tensor): Tensor<[]> =>
    negativeLogLikelihood(model, unravel(theta), x, y) as Tensor<[]>;
  return hessian(loss)(vector) as Tensor;
}

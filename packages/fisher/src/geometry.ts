import { einsum, jacfwd, type Tensor } from "@amari/core";
import type { LinearOperator } from "./natural-gradient/conjugate-gradient.ts";
import { operatorOf } from "./natural-gradient/natural-gradient.ts";
import { vectorOf } from "./ravel.ts";

/**
 * The inner product u'Fv of two tangent vectors in the Fisher metric (FAdam paper, Eq 1 and 6).
 *
 * @param fisher the Fisher matrix, `[P, P]` in the order of `ravel`, or a map v -> F v on trees
 * @param u a tree like the parameters
 * @param v a tree like the parameters
 */
export function fisherInnerProduct<V>(fisher: Tensor | LinearOperator<V>, u: V, v: V): Tensor {
  return vectorOf(u)
    .mul(vectorOf(operatorOf(fisher, v)(v)))
    .sum() as Tensor;
}

/** The length sqrt(v'Fv) of a tangent vector (Eq 10). For the natural gradient it is sqrt(g'F^-1 g), Eq 25. */
export const fisherNorm = <V>(fisher: Tensor | LinearOperator<V>, v: V): Tensor =>
  fisherInnerProduct(fisher, v, v).sqrt();

/** The cosine of the angle between two directions in the Fisher metric; NaN where one has length 0. */
export const fisherCosine = <V>(fisher: Tensor | LinearOperator<V>, u: V, v: V): Tensor =>
  fisherInnerProduct(fisher, u, v).div(fisherNorm(fisher, u).mul(fisherNorm(fisher, v)));

/**
 * The Christoffel symbols of the Levi-Civita connection of a metric at a point, `[P, P, P]`: element `[k, i, j]` is
 * Gamma^k_ij = 1/2 g^kl (d_i g_jl + d_j g_il - d_l g_ij), which the covariant derivative of the FAdam paper's appendix A.1
 * needs. A geodesic satisfies theta''^k = -Gamma^k_ij theta'^i theta'^j.
 *
 * @param metric from a point, `[P]`, to the metric's matrix there, `[P, P]`, by differentiable operations
 * @throws AmariError as the operations of `metric`; infinite or NaN where the metric is singular
 */
export function christoffelSymbols(metric: (point: Tensor) => Tensor, point: Tensor): Tensor {
  const derivative = jacfwd(metric)(point) as Tensor; // [j, l, i] = d_i g_jl
  const lowered = einsum("jli->lij", derivative)
    .add(einsum("ilj->lij", derivative))
    .sub(einsum("ijl->lij", derivative));
  return einsum("kl,lij->kij", metric(point).inverse(), lowered).div(2);
}

import { eye, type Tensor } from "@amari/core";
import { epsilonOf } from "@amari/core/backend";
import { SingularFisherError } from "../errors.ts";

/** F + damping I. */
export const damped = (fisher: Tensor, damping: number): Tensor =>
  damping === 0
    ? fisher
    : fisher.add((eye(fisher.shape[0]!, undefined, { dtype: fisher.dtype }) as Tensor).mul(damping));

/**
 * Solves F x = b by the Cholesky factorisation.
 *
 * The factorisation of a singular matrix rarely meets a pivot of exactly zero: rounding leaves one of size
 * P u F_ii, and the solution is noise. A pivot below 8 P u F_ii is therefore refused, which does not depend on the units of
 * the parameters.
 *
 * @throws SingularFisherError where F is numerically singular; inside `jit` and `vmap`, where no value can be looked at,
 * the solution is NaN or noise instead
 */
export function solveCholesky(fisher: Tensor, b: Tensor): Tensor {
  const factor = fisher.cholesky();
  if (factor.node.placeholderScope() === undefined) checkPivots(fisher, factor);
  return factor.matrixTranspose().triangularSolve(factor.triangularSolve(b), { lower: false });
}

function checkPivots(fisher: Tensor, factor: Tensor): void {
  const pivots = factor.diagonal().dataSync();
  const scales = fisher.diagonal().dataSync();
  const relative = 8 * pivots.length * epsilonOf(fisher.dtype);
  for (let i = 0; i < pivots.length; i++) {
    const pivot = pivots[i]! ** 2;
    if (pivot > relative * scales[i]!) continue;
    throw new SingularFisherError(
      `the Fisher matrix (${pivots.length} x ${pivots.length}) is singular: pivot ${i} of its Cholesky factorisation is ` +
        `${Number.isNaN(pivot) ? "not positive" : pivot}, against a diagonal entry of ${scales[i]}. Some direction of the ` +
        "parameters leaves the distribution unchanged (softmax logits always have one: their sum). Use " +
        '{ method: "pseudoInverse" } for the step of least norm, or { damping: 1e-6 } to solve F + damping I.',
    );
  }
}

/**
 * F^+ b with the Moore-Penrose inverse, by the eigendecomposition: the solution of least norm. Eigenvalues up to
 * `cutoff` times the largest one count as zero.
 */
export function solvePseudoInverse(fisher: Tensor, b: Tensor, cutoff?: number): Tensor {
  const [values, vectors] = fisher.eigh();
  const relative = cutoff ?? defaultCutoff(fisher);
  const counts = values.gt(values.abs().max().mul(relative));
  const inverse = counts.where(counts.where(values, 1).reciprocal(), 0);
  return vectors.matmul(inverse.mul(vectors.matrixTranspose().matmul(b))) as Tensor;
}

/** 8 P u: above the rounding of a sum of outer products and of the eigenvalues, which both are a few P u. */
export const defaultCutoff = (fisher: Tensor): number => 8 * fisher.shape[0]! * epsilonOf(fisher.dtype);

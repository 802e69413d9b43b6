import { ArgumentError, ShapeError, Tensor } from "@amari/core";
import { ravel } from "../ravel.ts";
import {
  type ConjugateGradientOptions,
  conjugateGradient,
  type LinearOperator,
} from "./conjugate-gradient.ts";
import { damped, solveCholesky, solvePseudoInverse } from "./solvers.ts";

/** How {@link naturalGradient} solves F x = gradient. */
export interface NaturalGradientOptions
  extends Pick<ConjugateGradientOptions, "tolerance" | "maxIterations"> {
  /**
   * - `"cholesky"` (default for a matrix): exact, for a positive definite F.
   * - `"pseudoInverse"`: by the eigendecomposition, for a singular F too; the solution of least norm.
   * - `"conjugateGradient"` (default for an operator): needs products F v only; see {@link conjugateGradient}.
   */
  readonly method?: "cholesky" | "pseudoInverse" | "conjugateGradient";
  /** Solves F + damping I (Tikhonov's regularisation, Levenberg-Marquardt). Default 0. */
  readonly damping?: number;
  /**
   * For the pseudo-inverse: eigenvalues up to this share of the largest one count as zero. Default 8 P epsilon, with P
   * parameters and the epsilon of the dtype.
   */
  readonly cutoff?: number;
}

/**
 * The natural gradient F^-1 g of a loss (Amari 1998; FAdam paper, Eq 11 and 12): the direction of steepest descent where
 * lengths are measured by the Fisher metric.
 *
 * @param fisher the Fisher matrix, `[P, P]` in the order of `ravel`, or a map v -> F v on trees like the gradient
 * @param gradient the gradient of the loss, a tree like the parameters
 * @returns a tree like the gradient; subtract it, times a learning rate, from the parameters (Eq 13)
 * @example naturalGradient(exactFisher(model, params, x), gradient, { method: "pseudoInverse" })
 * @throws SingularFisherError for `"cholesky"` and a singular F
 * @throws ShapeError where the matrix does not fit the gradient
 * @throws ArgumentError where an operator comes with a method that needs the matrix
 */
export function naturalGradient<G>(
  fisher: Tensor | LinearOperator<G>,
  gradient: G,
  options: NaturalGradientOptions = {},
): G {
  const { damping = 0, method = fisher instanceof Tensor ? "cholesky" : "conjugateGradient" } = options;
  if (method === "conjugateGradient") {
    return conjugateGradient(operatorOf(fisher, gradient), gradient, options).solution;
  }
  if (!(fisher instanceof Tensor)) {
    throw new ArgumentError(
      `naturalGradient: the method "${method}" needs the Fisher matrix, got a function; ` +
        'pass exactFisher(model, params, x), or use { method: "conjugateGradient" }',
    );
  }
  const { vector, unravel } = ravel(gradient);
  checkSize(fisher, vector);
  const matrix = damped(fisher, damping);
  return unravel(
    method === "cholesky"
      ? solveCholesky(matrix, vector)
      : solvePseudoInverse(matrix, vector, options.cutoff),
  );
}

/** A Fisher matrix as the map v -> F v on trees like `example`; an operator as it is. */
export function operatorOf<G>(fisher: Tensor | LinearOperator<G>, example: G): LinearOperator<G> {
  if (!(fisher instanceof Tensor)) return fisher;
  checkSize(fisher, ravel(example).vector);
  return (v) => {
    const { vector, unravel } = ravel(v);
    return unravel(fisher.matmul(vector) as Tensor);
  };
}

function checkSize(fisher: Tensor, vector: Tensor): void {
  const p = vector.shape[0]!;
  if (fisher.rank === 2 && fisher.shape[0] === p && fisher.shape[1] === p) return;
  throw new ShapeError(
    `the gradient has ${p} elements, so the Fisher matrix must have the shape [${p}, ${p}], got [${fisher.shape.join(", ")}]; ` +
      "its rows and columns stand in the order of ravel(gradient)",
  );
}

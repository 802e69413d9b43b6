import type { Tensor } from "@amari/core";
import { epsilonOf } from "@amari/core/backend";
import { ravel, vectorOf } from "../ravel.ts";

/** A symmetric positive semi-definite map on trees like the parameters, such as v -> F v. */
export type LinearOperator<T> = (v: T) => T;

/** Options of {@link conjugateGradient}. */
export interface ConjugateGradientOptions {
  /** Stops when the norm of the residual is at most this share of the norm of b. Default: 64 times the dtype's epsilon. */
  readonly tolerance?: number;
  /** Stops after so many products with the operator. Default: twice the number of parameters. */
  readonly maxIterations?: number;
  /** Solves A + damping I. Default 0. */
  readonly damping?: number;
}

/** What {@link conjugateGradient} found. */
export interface ConjugateGradientResult<T> {
  readonly solution: T;
  /** How many products with the operator were taken. */
  readonly iterations: number;
  /** The norm of b - A x, relative to that of b. */
  readonly residual: number;
  /** Whether the tolerance was reached before the limit of iterations. */
  readonly converged: boolean;
}

/**
 * Solves A x = b by conjugate gradients from x = 0, with products A v only: as many as A has distinct eigenvalues, in
 * exact arithmetic. For a singular A and b in its range it finds the solution of least norm, since it never leaves the
 * range.
 *
 * Reads one number per iteration, so it does not run inside `jit` or `vmap`.
 *
 * @see Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems" (1952)
 * @example conjugateGradient((v) => fisherVectorProduct(model, params, x, v), gradient).solution
 * @throws PlaceholderError inside `jit` and `vmap`
 */
export function conjugateGradient<T>(
  apply: LinearOperator<T>,
  b: T,
  options: ConjugateGradientOptions = {},
): ConjugateGradientResult<T> {
  const { vector: right, unravel } = ravel(b);
  const size = right.shape[0]!;
  const { tolerance = 64 * epsilonOf(right.dtype), maxIterations = 2 * size, damping = 0 } = options;
  const product = (v: Tensor): Tensor => vectorOf(apply(unravel(v))).add(v.mul(damping));
  const dot = (u: Tensor, v: Tensor): Tensor => u.mul(v).sum();

  let x: Tensor = right.mul(0);
  let residual = right;
  let direction = right;
  let squared = dot(right, right).itemSync();
  const norm = Math.sqrt(squared);
  let iterations = 0;
  while (Math.sqrt(squared) > tolerance * norm && iterations < maxIterations) {
    const image = product(direction).realise();
    const curvature = dot(direction, image).itemSync();
    if (!(curvature > 0)) break; // the direction is in the null space: b has no more to give
    iterations++;
    const step = squared / curvature;
    x = x.add(direction.mul(step)).realise();
    residual = residual.sub(image.mul(step)).realise();
    const next = dot(residual, residual).itemSync();
    direction = residual.add(direction.mul(next / squared)).realise();
    squared = next;
  }
  const relative = norm === 0 ? 0 : Math.sqrt(squared) / norm;
  return { solution: unravel(x), iterations, residual: relative, converged: relative <= tolerance };
}

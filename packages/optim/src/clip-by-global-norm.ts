import { full, mapTree, type Tensor } from "@amari/core";
import type { Optimizer, StateKind } from "./optimizer.ts";
import { checkPositive } from "./options.ts";
import { rootMeanSquare } from "./root-mean-square.ts";
import { leavesLike, parameterLeaves } from "./trees.ts";

/** The state of a part that needs none: an empty tree. */
export interface EmptyKind extends StateKind {
  readonly state: Record<never, never>;
}

/**
 * The Euclidean norm of all tensors of a list together, in the dtype of the first; 0 for none. Squares neither under-
 * nor overflow.
 */
export function globalNorm(leaves: readonly Tensor[]): Tensor {
  const norms = leaves.map((leaf) => rootMeanSquare(leaf).mul(Math.sqrt(leaf.size)));
  return norms.reduce((a, b) => {
    // |a, b| = larger * sqrt(1 + (smaller / larger)^2)
    const larger = a.maximum(b.astype(a.dtype));
    const ratio = a.minimum(b.astype(a.dtype)).div(larger.eq(0).where(1, larger));
    return larger.mul(ratio.square().add(1).sqrt());
  }, norms.shift() ?? full([], 0));
}

/**
 * Shortens all gradients by one factor so that their common norm is at most `maximum` (Pascanu et al. 2013, arXiv
 * 1211.5063); the direction stays.
 *
 * @throws ArgumentError unless maximum is a finite number > 0
 */
export function clipByGlobalNorm(maximum: number): Optimizer<EmptyKind> {
  checkPositive("clipByGlobalNorm", "maximum", maximum);
  const update = (gradients: unknown, state: unknown, params: unknown): [unknown, unknown] => {
    const norm = globalNorm(leavesLike(params, gradients, "clipByGlobalNorm: the gradients"));
    const divisor = norm.div(maximum).maximum(1);
    return [mapTree(gradients, (gradient) => gradient.div(divisor.astype(gradient.dtype))), state];
  };
  return {
    name: "clipByGlobalNorm",
    traits: {
      signEquivariance: "satisfies",
      permutationEquivariance: "satisfies",
      partitionInvariance: "satisfies",
      orthogonalEquivariance: "satisfies",
      transposeEquivariance: "satisfies",
      translationInvariance: "satisfies",
      zeroGradientFixedPoint: "satisfies",
    },
    init: (params: unknown) => {
      parameterLeaves(params, "clipByGlobalNorm");
      return {};
    },
    update,
  } as unknown as Optimizer<EmptyKind>;
}

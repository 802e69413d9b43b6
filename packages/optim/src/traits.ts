/** Whether a law holds for an optimizer, or must fail for it. A law that is not named is claimed neither way. */
export type Trait = "satisfies" | "violates";

/**
 * Laws that an optimizer declares about itself, as data; a test is generated from each declaration. "Equivariance" under
 * a change of coordinates means that parameters and gradients in the new coordinates give the update in them.
 */
export interface Traits {
  /** S1: gradients times a power of two leave every step bitwise equal. */
  readonly lossScaleInvariance?: Trait;
  /** S3: flipping the sign of a coordinate of parameter and gradient flips its update, bitwise. */
  readonly signEquivariance?: Trait;
  /** S4: permuting the elements of a tensor permutes its update. */
  readonly permutationEquivariance?: Trait;
  /** S5: cutting a tensor in two changes no update. */
  readonly partitionInvariance?: Trait;
  /** S6: rotating parameters and gradients rotates the update. */
  readonly orthogonalEquivariance?: Trait;
  /** S9: scaling a coordinate by s, and so its gradient by 1 / s, scales its update by s. */
  readonly diagonalEquivariance?: Trait;
  /** S11: transposing a matrix, or permuting its rows or columns, does the same to the update. */
  readonly transposeEquivariance?: Trait;
  /** S12: adding a constant to the parameters changes no update. */
  readonly translationInvariance?: Trait;
  /** E2: the first value of the Fisher estimate, whatever it is, has no influence. */
  readonly fisherInitialisationInvariance?: Trait;
  /** E19: a convex quadratic falls at every step while the learning rate is below 2 / its largest curvature. */
  readonly monotoneOnQuadratics?: Trait;
  /** B2: the root mean square of the update of a tensor is at most this many times the learning rate. */
  readonly rmsStepBound?: number;
  /** B5: parameters whose gradients have always been zero do not move, and nothing becomes NaN. */
  readonly zeroGradientFixedPoint?: Trait;
  /** B8: weight decay contracts: under equal gradients any two parameters come nearer to each other. */
  readonly contractingDecay?: Trait;
}

/** Turns a condition into a declaration. */
export const traitIf = (holds: boolean): Trait => (holds ? "satisfies" : "violates");

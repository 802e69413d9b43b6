/** Whether a law holds for an optimizer, or must fail for it. A law that is not named is claimed neither way. */
export type Trait = "satisfies" | "violates";

/** Laws that an optimizer declares about itself, as data; a test is generated from each declaration. */
export interface Traits {
  /** S1: gradients times a power of two leave every step bitwise equal (any epsilon scales along, or is 0). */
  readonly lossScaleInvariance?: Trait;
  /** S3: flipping the sign of a coordinate of parameter and gradient flips its update, bitwise. */
  readonly signEquivariance?: Trait;
  /** S4: permuting the coordinates of a tensor permutes its update. */
  readonly permutationEquivariance?: Trait;
  /** S5: splitting a tensor in two changes no update. */
  readonly partitionInvariance?: Trait;
  /** S6: rotating parameters and gradients rotates the update. */
  readonly orthogonalEquivariance?: Trait;
  /** S9: scaling a coordinate by s, and so its gradient by 1/s, scales its update by s. */
  readonly diagonalEquivariance?: Trait;
  /** S11: transposing a matrix and its gradient transposes the update. */
  readonly transposeEquivariance?: Trait;
  /** S12: adding a constant to the parameters changes no update. */
  readonly translationInvariance?: Trait;
  /** E2: the first value of the Fisher estimate, whatever it is, has no influence. */
  readonly fisherInitialisationInvariance?: Trait;
  /** E10: L2 regularisation added to the gradient equals decay added to the update. */
  readonly l2EqualsDecoupledDecay?: Trait;
  /** E19: the loss of every convex quadratic falls at every step once the learning rate is below 2 / curvature. */
  readonly monotoneOnQuadratics?: Trait;
  /** B2: the root mean square of a step is at most learningRate * clip * (1 - beta1^t + weightDecay). */
  readonly boundedStep?: Trait;
  /** B5: parameters whose gradients have always been zero do not move, and nothing becomes NaN. */
  readonly zeroGradientFixedPoint?: Trait;
  /** B8: with gradients of zero from now on, weight decay brings every parameter nearer to zero by a fixed factor. */
  readonly contractingDecay?: Trait;
}

/** Turns a condition into a declaration. */
export const traitIf = (holds: boolean): Trait => (holds ? "satisfies" : "violates");

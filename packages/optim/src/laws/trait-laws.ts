import type { Traits } from "../traits.ts";
import { contractingDecay, rmsStepBound, zeroGradientFixedPoint } from "./bounds.ts";
import { fisherInitialisationInvariance } from "./fisher-initialisation.ts";
import { monotoneOnQuadratics } from "./quadratics.ts";
import {
  diagonalEquivariance,
  lossScaleInvariance,
  orthogonalEquivariance,
  partitionInvariance,
  permutationEquivariance,
  signEquivariance,
  translationInvariance,
  transposeEquivariance,
} from "./symmetries.ts";
import type { AnyTraitLaw } from "./trait-law.ts";

/** One law for each trait; the compiler finds a trait without one. */
export const traitLaws: { readonly [T in keyof Required<Traits>]: AnyTraitLaw } = {
  lossScaleInvariance,
  signEquivariance,
  permutationEquivariance,
  partitionInvariance,
  orthogonalEquivariance,
  diagonalEquivariance,
  transposeEquivariance,
  translationInvariance,
  fisherInitialisationInvariance,
  monotoneOnQuadratics,
  rmsStepBound,
  zeroGradientFixedPoint,
  contractingDecay,
};

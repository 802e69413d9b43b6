import { type Traits, traitIf } from "./traits.ts";

interface AdamSettings {
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly decayForm: "l2" | "decoupled";
  readonly amsgrad: false | "raw" | "corrected";
}

/** The laws of {@link adam} and {@link adamw} as they follow from the options. */
export function adamTraits({ epsilon, weightDecay, decayForm }: AdamSettings): Traits {
  const decays = weightDecay > 0;
  return {
    lossScaleInvariance: traitIf(epsilon === 0 && (!decays || decayForm === "decoupled")),
    signEquivariance: "satisfies",
    permutationEquivariance: "satisfies",
    partitionInvariance: "satisfies",
    orthogonalEquivariance: "violates",
    diagonalEquivariance: "violates",
    transposeEquivariance: "satisfies",
    translationInvariance: traitIf(!decays),
    monotoneOnQuadratics: "violates",
    zeroGradientFixedPoint: traitIf(!decays),
    ...(decays && decayForm === "decoupled" && { contractingDecay: "satisfies" }),
  };
}

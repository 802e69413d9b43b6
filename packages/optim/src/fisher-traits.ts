import type { FisherSettings } from "./fisher-step.ts";
import { type Traits, traitIf } from "./traits.ts";

/** The laws of {@link fadam} as they follow from its options. */
export function fadamTraits(settings: FisherSettings): Traits {
  const unclipped = settings.clip === null;
  const undecayed = settings.weightDecay === 0;
  const epsilonFree = settings.epsilonBound === "min" && (settings.epsilon === 0 || settings.epsilon2 === 0);
  const relativeEpsilon = settings.epsilonBound === "min" && settings.epsilon === Infinity;
  // With a gradient of zero; then 0 / 0 leaves the parameters alone, where a positive epsilon would divide them.
  const epsilonVanishes = epsilonFree || (settings.epsilonBound === "min" && settings.epsilon2 !== Infinity);
  const naturalDecay = !undecayed && settings.decayForm === "natural";
  return {
    // Only the square root cancels the scale; with natural decay the Fisher information scales the decay too.
    lossScaleInvariance: traitIf((epsilonFree || relativeEpsilon) && settings.rho === 0.5 && !naturalDecay),
    signEquivariance: "satisfies",
    permutationEquivariance: "satisfies",
    // The RMS of a tensor is not that of its parts.
    partitionInvariance: traitIf(
      unclipped && (epsilonFree || settings.epsilon2 === Infinity) && settings.epsilonBound === "min",
    ),
    orthogonalEquivariance: "violates",
    diagonalEquivariance: traitIf(unclipped && undecayed && epsilonFree && settings.rho === 1),
    transposeEquivariance: "satisfies",
    translationInvariance: traitIf(undecayed),
    fisherInitialisationInvariance: "satisfies",
    monotoneOnQuadratics: "violates",
    ...(settings.clip !== null &&
      settings.clipForm === "threshold" &&
      !settings.momentumBias &&
      (undecayed || naturalDecay) && { rmsStepBound: settings.clip * (1 + settings.weightDecay) }),
    ...(settings.zeroDivision === "zero" && {
      zeroGradientFixedPoint: traitIf(undecayed || (naturalDecay && epsilonVanishes)),
    }),
    ...(!undecayed && { contractingDecay: traitIf(!naturalDecay) }),
  };
}

/** The laws of {@link fadafactor}: means of rows and columns mix the coordinates of a matrix. */
export const fadafactorTraits = (settings: FisherSettings): Traits => ({
  ...fadamTraits(settings),
  // A scale that factors over rows and columns is respected, one for each coordinate is not; parts have other means.
  permutationEquivariance: "violates",
  partitionInvariance: "violates",
  diagonalEquivariance: "violates",
});

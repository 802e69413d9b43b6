import type { Tensor } from "@amari/core";
import {
  type AverageWeights,
  biasCorrection,
  exponentialAverage,
  unbiasedWeights,
} from "./moving-average.ts";
import {
  checkBound,
  checkChoice,
  checkFraction,
  checkNonNegative,
  checkPositive,
  checkThreshold,
  required,
  withDefaults,
} from "./options.ts";
import type { RuleInput, StepTime } from "./per-tensor.ts";
import { clipToRms, rootMeanSquare, safeSqrt } from "./root-mean-square.ts";
import { checkLearningRate, type LearningRate, learningRateAt } from "./schedule.ts";

/** Options of {@link fadam} and {@link fadafactor}. Defaults are those of the later version of the paper. */
export interface FisherOptions {
  readonly learningRate: LearningRate;
  /** Decay of the momentum, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the Fisher estimate, in [0, 1]; 1 is the mean over all steps. Default 0.999. */
  readonly beta2?: number;
  /** Upper bound of the adaptive epsilon; Infinity for none. Default 1e-8. */
  readonly epsilon?: number;
  /** The adaptive epsilon as a fraction of the gradient's RMS; Infinity for a fixed epsilon. Default 1e-2. */
  readonly epsilon2?: number;
  /** The largest RMS of the natural gradient, and of the decay, of one tensor; null for no clipping. Default 1. */
  readonly clip?: number | null;
  /** Default 1e-3. 0 skips the computation of the decay. */
  readonly weightDecay?: number;
  /** The exponent of the Fisher information: 1/2 as in Adam, 1 for the natural gradient. Default 0.5. */
  readonly rho?: number;
  /**
   * Where the samples of the Fisher diagonal come from: the squared gradient, or the `fisherDiagonal` that each call of
   * `update` is given. The squared gradient of a mean over B examples estimates the Fisher information over B; with an
   * injected one, keep to one scale. Default "minibatch".
   */
  readonly fisher?: "minibatch" | "injected";
  /** Whether the momentum is divided by 1 - beta1^t; the paper leaves its warmup in. Default false. */
  readonly momentumBias?: boolean;
  /** Decay through the inverse Fisher information (Eq. 28), or plainly along the parameters. Default "natural". */
  readonly decayForm?: "natural" | "decoupled";
  /**
   * What division by a Fisher information of zero (and an epsilon of zero) gives: 0, so that a tensor never seen does
   * not move, as by the pseudo-inverse; or IEEE's NaN and infinity, as printed. Default "zero".
   */
  readonly zeroDivision?: "zero" | "ieee";
  /** Whether epsilon-hat is the smaller or the larger of its two bounds; the larger is a known port's. Default "min". */
  readonly epsilonBound?: "min" | "max";
  /** The exponent that epsilon-hat is raised to: 2 rho as printed, or 1 as in known ports. Default "2rho". */
  readonly epsilonExponent?: "2rho" | "1";
  /** Clipping as printed, `x / max(1, RMS / c)`, or as in known ports, `x / (max(1, RMS) / c)`. Default "threshold". */
  readonly clipForm?: "threshold" | "multiplier";
}

/** {@link FisherOptions} with every default filled in. */
export type FisherSettings = Required<FisherOptions>;

/** Fills in the defaults. @throws ArgumentError for an unknown option or a value out of range */
export function fisherSettings(name: string, options: FisherOptions): FisherSettings {
  const settings: FisherSettings = withDefaults(name, options, defaults);
  checkLearningRate(name, settings.learningRate);
  checkFraction(name, "beta1", settings.beta1);
  checkFraction(name, "beta2", settings.beta2, true);
  checkBound(name, "epsilon", settings.epsilon);
  checkBound(name, "epsilon2", settings.epsilon2);
  checkThreshold(name, "clip", settings.clip);
  checkNonNegative(name, "weightDecay", settings.weightDecay);
  checkPositive(name, "rho", settings.rho);
  checkChoice(name, "fisher", settings.fisher, ["minibatch", "injected"]);
  checkChoice(name, "decayForm", settings.decayForm, ["natural", "decoupled"]);
  checkChoice(name, "zeroDivision", settings.zeroDivision, ["zero", "ieee"]);
  checkChoice(name, "epsilonBound", settings.epsilonBound, ["min", "max"]);
  checkChoice(name, "epsilonExponent", settings.epsilonExponent, ["2rho", "1"]);
  checkChoice(name, "clipForm", settings.clipForm, ["threshold", "multiplier"]);
  return settings;
}

const defaults = {
  learningRate: required,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  epsilon2: 1e-2,
  clip: 1,
  weightDecay: 1e-3,
  rho: 0.5,
  fisher: "minibatch",
  momentumBias: false,
  decayForm: "natural",
  zeroDivision: "zero",
  epsilonBound: "min",
  epsilonExponent: "2rho",
  clipForm: "threshold",
} as const;

/** What all tensors share in one step. */
export interface FisherScalars {
  readonly learningRate: Tensor | number;
  readonly fisherWeights: AverageWeights;
  readonly momentumCorrection: Tensor | number;
}

export const fisherScalars = (settings: FisherSettings, time: StepTime): FisherScalars => ({
  learningRate: learningRateAt(settings.learningRate, time),
  fisherWeights: unbiasedWeights(settings.beta2, time.t),
  momentumCorrection: settings.momentumBias ? biasCorrection(settings.beta1, time.t) : 1,
});

/** The sample that the Fisher estimate averages: the squared gradient or the injected diagonal. */
export const fisherSample = ({ gradient, fisherDiagonal }: RuleInput): Tensor =>
  fisherDiagonal ?? gradient.square();

/**
 * Lines 8 to 14 of Algorithm 1 (and 10 to 16 of Algorithm 2) of arXiv 2405.12807: from the gradient and the Fisher
 * diagonal `fisher` to the update, and the next momentum.
 */
export function fisherStep(
  settings: FisherSettings,
  { gradient, parameter }: RuleInput,
  fisher: Tensor,
  momentum: Tensor,
  scalars: FisherScalars,
): { readonly update: Tensor; readonly momentum: Tensor } {
  const denominator = power(fisher, settings.rho).add(adaptiveEpsilon(settings, gradient));
  const naturalGradient = clip(settings, quotient(settings, gradient, denominator));
  const next = exponentialAverage(momentum, naturalGradient, settings.beta1);
  const direction = settings.momentumBias ? next.mul(scalars.momentumCorrection) : next;
  const step =
    settings.weightDecay === 0
      ? direction
      : direction.add(decay(settings, parameter, denominator).mul(settings.weightDecay));
  return { update: step.mul(scalars.learningRate).neg(), momentum: next };
}

/** Eq. 28. A parameter with no Fisher information at all is left where it is. */
function decay(settings: FisherSettings, parameter: Tensor, denominator: Tensor): Tensor {
  if (settings.decayForm === "decoupled") return parameter;
  return clip(settings, quotient(settings, parameter, denominator));
}

/**
 * x / denominator, and 0 where the denominator is: no information, no movement. So for a Fisher diagonal of zeros this
 * is the pseudo-inverse, and squares that underflow make no infinity.
 */
function quotient(settings: FisherSettings, x: Tensor, denominator: Tensor): Tensor {
  if (settings.zeroDivision === "ieee") return x.div(denominator);
  const isZero = denominator.eq(0);
  return isZero.where(0, x.div(isZero.where(1, denominator))) as Tensor;
}

/** `min(epsilon, epsilon2 * RMS(g))^(2 rho)`, line 8. */
function adaptiveEpsilon(settings: FisherSettings, gradient: Tensor): Tensor | number {
  const { epsilon, epsilon2, rho } = settings;
  const exponent = settings.epsilonExponent === "1" ? 1 : 2 * rho;
  if (settings.epsilonBound === "min") {
    if (epsilon === 0 || epsilon2 === 0) return 0;
    if (epsilon2 === Infinity) return epsilon ** exponent;
  }
  const adaptive = rootMeanSquare(gradient).mul(epsilon2);
  if (settings.epsilonBound === "max") return power(adaptive.maximum(epsilon), exponent);
  return power(epsilon === Infinity ? adaptive : adaptive.minimum(epsilon), exponent);
}

/** x^exponent, by the exact operation where there is one: pow(x, 1/2) is not everywhere sqrt(x) to the last bit. */
function power(x: Tensor, exponent: number): Tensor {
  if (exponent === 1) return x;
  if (exponent === 0.5) return safeSqrt(x);
  return exponent === 2 ? x.square() : x.pow(exponent);
}

function clip({ clip: threshold, clipForm }: FisherSettings, x: Tensor): Tensor {
  if (threshold === null) return x;
  if (clipForm === "threshold") return clipToRms(x, threshold);
  return x.div(rootMeanSquare(x).maximum(1).div(threshold));
}

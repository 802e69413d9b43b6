import type { FisherOptions } from "./fisher-step.ts";

/** Options to spread into `fadam` or `fadafactor`: everything but the learning rate. */
export type FisherPreset = Omit<FisherOptions, "learningRate">;

/**
 * The numbers of arXiv 2405.12807v2, Algorithms 1 and 2. The paper leaves 0 / 0 undefined; here it is 0.
 *
 * @example fadam({ ...paperV2, learningRate: 1e-3 })
 */
export const paperV2: FisherPreset = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  epsilon2: 1e-4,
  clip: 1,
  weightDecay: 1e-3,
  rho: 0.5,
};

/** The numbers of later versions of the paper, where epsilon2 is 0.01: the defaults, spelled out. */
export const paperLater: FisherPreset = { ...paperV2, epsilon2: 1e-2 };

/**
 * The behaviour of github.com/lessw2020/FAdam_PyTorch at c32faab (July 2025), in exact arithmetic. It departs from the
 * paper: epsilon is multiplied by max(1, RMS(g)) and so grows with the gradient, it is not raised to 2 rho, and for a
 * clip other than 1 the threshold stays 1 and the clip multiplies what comes out.
 */
export const lessw2020: FisherPreset = {
  ...paperV2,
  epsilon2: 1e-8,
  epsilonBound: "max",
  epsilonExponent: "1",
  clipForm: "multiplier",
  weightDecay: 0.1,
  zeroDivision: "ieee",
};

/**
 * The behaviour of github.com/kozistr/pytorch_optimizer at 7a076d2 (February 2026). It departs from the paper: epsilon is
 * multiplied by min(1, RMS(g)), is not raised to 2 rho, and the clip is that of {@link lessw2020}. A tensor whose first
 * gradient is all zeros becomes NaN.
 */
export const kozistr: FisherPreset = { ...lessw2020, epsilonBound: "min" };

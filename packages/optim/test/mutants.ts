import { rms } from "../src/laws/numbers.ts";

// FAdam on plain numbers, with places where it can be made wrong. Without a mutation it is Algorithm 1 again, written
// apart from the implementation.

export interface Settings {
  readonly learningRate: number | ((t: number) => number);
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly epsilon2: number;
  readonly clip: number | null;
  readonly weightDecay: number;
  readonly rho: number;
  /** The Fisher diagonal of each step, in place of squared gradients. */
  readonly injected?: readonly number[];
  /** What the Fisher estimate starts with. */
  readonly initialFisher?: number;
}

interface Trajectory {
  readonly updates: readonly (readonly number[])[];
  readonly parameters: readonly (readonly number[])[];
}

/** Something that claims to be FAdam. The gradient of step t may depend on the parameters. */
export type Implementation = (
  settings: Settings,
  start: readonly number[],
  gradients: readonly ((theta: readonly number[]) => readonly number[])[],
) => Trajectory;

/** Plausible mistakes; those with a name after "known" have been seen in public code or print. */
export const mutations = [
  "ascends",
  "no bias correction of the Fisher estimate",
  "bias correction one step late",
  "Fisher estimate is not stored (known)",
  "Fisher estimate squares the averaged gradient",
  "RMS without the mean",
  "RMS without the root",
  "clip lengthens what is short (known)",
  "clip is a multiplier (known)",
  "clip of each element by itself",
  "clip after the momentum",
  "gradient is not clipped",
  "decay is not clipped",
  "epsilon without the exponent 2 rho (known)",
  "epsilon is the larger bound (known)",
  "epsilon is fixed",
  "epsilon inside the root",
  "exponent rho is always 1/2",
  "momentum of the raw gradient",
  "momentum without 1 - beta1",
  "momentum weights swapped",
  "momentum is bias corrected",
  "learning rate inside the momentum (known)",
  "decay along the parameters",
  "decay not times the learning rate (known)",
  "decay after the update",
  "decay has the wrong sign",
  "0 / 0 is NaN (known)",
] as const;

export type Mutation = (typeof mutations)[number];

/** FAdam with one mistake, or with none. */
export const mutant =
  (mutation: Mutation | null): Implementation =>
  (settings, start, gradients) => {
    const is = (name: Mutation): boolean => mutation === name;
    const { beta1, beta2, clip, weightDecay } = settings;
    const rho = is("exponent rho is always 1/2") ? 0.5 : settings.rho;
    let theta = [...start];
    let fisher = theta.map(() => settings.initialFisher ?? 1);
    let mean = theta.map(() => 0);
    let momentum = theta.map(() => 0);
    const updates: number[][] = [];
    const parameters: number[][] = [];

    const size = (x: readonly number[]): number => {
      if (is("RMS without the mean")) return rms(x) * Math.sqrt(x.length);
      return is("RMS without the root") ? rms(x) ** 2 : rms(x);
    };
    const clipped = (x: readonly number[]): readonly number[] => {
      if (clip === null) return x;
      if (is("clip of each element by itself")) return x.map((xi) => xi / Math.max(1, Math.abs(xi) / clip));
      let divisor = Math.max(1, size(x) / clip);
      if (is("clip lengthens what is short (known)")) divisor = Math.min(1, size(x) / clip) || 1;
      if (is("clip is a multiplier (known)")) divisor = Math.max(1, size(x)) / clip;
      return x.map((xi) => xi / divisor);
    };
    const over = (x: number, d: number): number => (d === 0 && !is("0 / 0 is NaN (known)") ? 0 : x / d);

    gradients.forEach((gradient, step) => {
      const t = step + 1;
      const rate =
        typeof settings.learningRate === "number" ? settings.learningRate : settings.learningRate(t);
      const g = gradient(theta);
      const shift = is("bias correction one step late") ? 1 : 0;
      let kept = (beta2 * (1 - beta2 ** (t - 1 + shift))) / (1 - beta2 ** (t + shift));
      if (beta2 === 1) kept = (t - 1) / t;
      if (is("no bias correction of the Fisher estimate")) kept = beta2;
      mean = mean.map((x, i) => kept * x + (1 - kept) * g[i]!);
      const sample = is("Fisher estimate squares the averaged gradient")
        ? mean.map((x) => x * x)
        : g.map((x) => x * x);
      const before = is("Fisher estimate is not stored (known)")
        ? theta.map(() => settings.initialFisher ?? 1)
        : fisher;
      fisher = before.map((f, i) => kept * f + (1 - kept) * (settings.injected ?? sample)[i]!);

      const adaptive = settings.epsilon2 === Infinity ? Infinity : settings.epsilon2 * size(g);
      let bound = Math.min(settings.epsilon, adaptive);
      if (is("epsilon is the larger bound (known)")) bound = Math.max(settings.epsilon, adaptive);
      if (is("epsilon is fixed")) bound = settings.epsilon;
      const epsilon = is("epsilon without the exponent 2 rho (known)") ? bound : bound ** (2 * rho);
      const denominator = fisher.map((f) =>
        is("epsilon inside the root") ? (f + epsilon) ** rho : f ** rho + epsilon,
      );

      const natural = g.map((x, i) => over(x, denominator[i]!));
      const unclipped = is("gradient is not clipped") || is("clip after the momentum");
      let input = unclipped ? natural : clipped(natural);
      if (is("momentum of the raw gradient")) input = g;
      const inner = is("learning rate inside the momentum (known)") ? rate : 1;
      const weights = is("momentum weights swapped") ? [1 - beta1, beta1] : [beta1, 1 - beta1];
      if (is("momentum without 1 - beta1")) weights[1] = 1;
      momentum = momentum.map((m, i) => weights[0]! * m + weights[1]! * input[i]! * inner);
      let direction: readonly number[] = momentum;
      if (is("momentum of the raw gradient")) {
        direction = clipped(momentum.map((m, i) => over(m, denominator[i]!)));
      }
      if (is("momentum is bias corrected")) direction = momentum.map((m) => m / (1 - beta1 ** t));
      if (is("clip after the momentum")) direction = clipped(momentum);

      const outer = is("learning rate inside the momentum (known)") ? 1 : rate;
      const moved = theta.map((x, i) => x - outer * direction[i]!);
      const decayed = is("decay after the update") ? moved : theta;
      let decay: readonly number[] = decayed.map((x, i) => over(x, denominator[i]!));
      if (!is("decay is not clipped")) decay = clipped(decay);
      if (is("decay along the parameters")) decay = decayed;
      const decayRate = is("decay not times the learning rate (known)") ? weightDecay : rate * weightDecay;
      const update = direction.map((m, i) => {
        const part = weightDecay === 0 ? 0 : decayRate * decay[i]!;
        return -outer * m - (is("decay has the wrong sign") ? -part : part);
      });
      updates.push(is("ascends") ? update.map((u) => -u) : update);
      theta = theta.map((x, i) => x + updates.at(-1)![i]!);
      parameters.push(theta);
    });
    return { updates, parameters };
  };

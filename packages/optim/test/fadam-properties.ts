import fc from "fast-check";
import { nonzero, real, vector } from "../src/laws/arbitraries.ts";
import { relativeDistance, rms } from "../src/laws/numbers.ts";
import type { Implementation, Settings } from "./mutants.ts";

/** Whether an implementation of FAdam has a property, on a sample of inputs. */
export interface Property {
  readonly name: string;
  readonly holds: (implementation: Implementation) => boolean;
}

const size = 3;
const steps = 5;
const start = [0.5, -1, 2];
const bare: Settings = {
  learningRate: 0.05,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 0,
  epsilon2: Infinity,
  clip: null,
  weightDecay: 0,
  rho: 0.5,
};
const usual: Settings = { ...bare, epsilon: 1e-8, epsilon2: 1e-2, clip: 1, weightDecay: 1e-3 };
/** Epsilon is always the fraction epsilon2 of the gradient's RMS. */
const relative: Settings = { ...bare, epsilon: Infinity, epsilon2: 1e-2 };

const vectors = (element: fc.Arbitrary<number>, n = steps) =>
  fc.array(vector(element, size), { minLength: n, maxLength: n });
const given = (gradients: readonly (readonly number[])[]) => gradients.map((g) => () => g);
const scaled = (gradients: readonly (readonly number[])[], s: number) =>
  gradients.map((g) => g.map((x) => x * s));

/** A property of the updates on 40 sampled sequences of gradients; NaN anywhere breaks it. */
const onSamples = <T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  residual: (implementation: Implementation, sample: T) => number,
  tolerance = 1e-12,
): Property => {
  let samples: T[] | undefined;
  return {
    name,
    holds: (implementation) => {
      samples ??= fc.sample(arbitrary, { numRuns: 40, seed: 20240519 });
      return samples.every((sample) => residual(implementation, sample) <= tolerance);
    },
  };
};

export const properties: readonly Property[] = [
  onSamples("first step is -learningRate (1 - beta1) sign(g)", vectors(nonzero, 1), (f, g) => {
    const expected = g[0]!.map((x) => -0.05 * 0.1 * Math.sign(x));
    return relativeDistance(f(bare, start, given(g)).updates, [expected]);
  }),
  onSamples(
    "the first Fisher estimate has no influence",
    vectors(nonzero),
    (f, g) => {
      const other = f({ ...usual, initialFisher: 1e30 }, start, given(g)).updates;
      return relativeDistance(other, f(usual, start, given(g)).updates);
    },
    0,
  ),
  onSamples("RMS of the step <= learningRate c (1 - beta1^t + weightDecay)", vectors(real), (f, g) => {
    const settings = { ...usual, clip: 0.5, weightDecay: 0.3 };
    const lengths = f(settings, start, given(g)).updates.map(rms);
    return Math.max(...lengths.map((length, t) => length / (0.05 * 0.5 * (1 - 0.9 ** (t + 1) + 0.3)) - 1));
  }),
  onSamples(
    "a clip that is not reached changes nothing",
    vectors(nonzero),
    (f, g) =>
      relativeDistance(
        f({ ...bare, clip: 1e3, weightDecay: 1e-3 }, start, given(g)).updates,
        f({ ...bare, weightDecay: 1e-3 }, start, given(g)).updates,
      ),
    0,
  ),
  onSamples(
    "clipping keeps the direction of the natural gradient, and makes its RMS c",
    vectors(nonzero, 1),
    (f, g) => {
      const settings = { ...bare, rho: 0.9, clip: 1e-3 };
      const [update] = f(settings, start, given(g)).updates;
      const raw = f({ ...settings, clip: null }, start, given(g)).updates[0]!;
      const expected = raw.map((x) => (x / rms(raw)) * 0.05 * 0.1 * 1e-3);
      return rms(raw) < 0.05 * 0.1 * 1e-3 ? 0 : relativeDistance([update!], [expected]);
    },
  ),
  onSamples("the momentum averages clipped natural gradients", vectors(nonzero, 2), (f, g) => {
    const settings = { ...bare, rho: 1, beta2: 0, clip: 0.5 };
    const parts = g.map((gt) => {
      const natural = gt.map((x) => 1 / x);
      return natural.map((x) => x / Math.max(1, rms(natural) / 0.5));
    });
    const expected = parts[0]!.map((x, i) => -0.05 * (0.9 * 0.1 * x + 0.1 * parts[1]![i]!));
    return relativeDistance([f(settings, start, given(g)).updates[1]!], [expected]);
  }),
  onSamples(
    "scaling the loss by a power of two changes nothing",
    vectors(nonzero),
    (f, g) => {
      const settings = { ...relative, clip: 1 };
      const changed = f(settings, start, given(scaled(g, 2 ** 37))).updates;
      return relativeDistance(changed, f(settings, start, given(g)).updates);
    },
    0,
  ),
  onSamples("scaling the gradients by s scales the step by s^(1 - 2 rho)", vectors(nonzero), (f, g) => {
    const settings = { ...relative, rho: 0.8, epsilon2: 0.5 };
    const changed = f(settings, start, given(scaled(g, 10))).updates;
    return relativeDistance(changed, scaled(f(settings, start, given(g)).updates, 10 ** (1 - 1.6)));
  }),
  onSamples(
    "for tiny gradients the default epsilon has no scale either",
    vectors(nonzero),
    (f, g) => {
      const [a, b] = [2 ** -60, 2 ** -70].map(
        (s) => f({ ...usual, weightDecay: 0 }, start, given(scaled(g, s))).updates,
      );
      return relativeDistance(a!, b!);
    },
    0,
  ),
  onSamples("epsilon is the smaller of its bounds", vectors(nonzero, 1), (f, g) => {
    const settings = { ...bare, epsilon: 0.5, epsilon2: 0.25 };
    const epsilon = Math.min(0.5, 0.25 * rms(g[0]!));
    const expected = g[0]!.map((x) => (-0.05 * 0.1 * x) / (Math.abs(x) + epsilon));
    return relativeDistance(f(settings, start, given(g)).updates, [expected]);
  }),
  onSamples("with learningRate / (1 - beta1^t) it is LaProp", vectors(nonzero), (f, g) => {
    const settings = { ...bare, learningRate: (t: number) => 0.05 / (1 - 0.9 ** t) };
    const v = [0, 0, 0];
    const m = [0, 0, 0];
    const laprop = g.map((gt, step) =>
      gt.map((x, i) => {
        v[i] = 0.99 * v[i]! + 0.01 * x * x;
        m[i] = 0.9 * m[i]! + 0.1 * (x / Math.sqrt(v[i]! / (1 - 0.99 ** (step + 1))));
        return (-0.05 * m[i]!) / (1 - 0.9 ** (step + 1));
      }),
    );
    return relativeDistance(f(settings, start, given(g)).updates, laprop);
  }),
  onSamples("without momentum it is Adam without momentum", vectors(nonzero), (f, g) => {
    const v = [0, 0, 0];
    const adam = g.map((gt, step) =>
      gt.map((x, i) => {
        v[i] = 0.99 * v[i]! + 0.01 * x * x;
        return (-0.05 * x) / (Math.sqrt(v[i]! / (1 - 0.99 ** (step + 1))) + 1e-2);
      }),
    );
    return relativeDistance(f({ ...bare, beta1: 0, epsilon: 1e-2 }, start, given(g)).updates, adam);
  }),
  onSamples(
    "with an injected Fisher diagonal and rho = 1 it is the diagonal natural gradient",
    fc.tuple(vector(nonzero, size), vector(nonzero, size)),
    (f, [g, root]) => {
      const injected = root.map((x) => x * x);
      const settings = { ...bare, rho: 1, beta1: 0, beta2: 0, injected };
      const expected = g.map((x, i) => (-0.05 * x) / injected[i]!);
      return relativeDistance(f(settings, start, given([g])).updates, [expected]);
    },
  ),
  onSamples(
    "with rho = 1 it is equivariant under rescaled coordinates",
    fc.tuple(vectors(nonzero), vector(fc.integer({ min: -8, max: 8 }), size)),
    (f, [g, exponents]) => {
      const changed = g.map((gt) => gt.map((x, i) => x / 2 ** exponents[i]!));
      const expected = f({ ...bare, rho: 1 }, start, given(g)).updates.map((u) =>
        u.map((x, i) => x * 2 ** exponents[i]!),
      );
      return relativeDistance(f({ ...bare, rho: 1 }, start, given(changed)).updates, expected);
    },
    0,
  ),
  onSamples(
    "with beta2 = 1 it divides by the root of the mean squared gradient",
    vectors(nonzero),
    (f, g) => {
      const expected = g.map((gt, t) =>
        gt.map((x, i) => {
          const mean = g.slice(0, t + 1).reduce((sum, past) => sum + past[i]! ** 2, 0) / (t + 1);
          return (-0.05 * x) / Math.sqrt(mean);
        }),
      );
      return relativeDistance(f({ ...bare, beta1: 0, beta2: 1 }, start, given(g)).updates, expected);
    },
  ),
  onSamples(
    "parameters that were never seen stay where they are",
    vector(real, size),
    (f, theta) => {
      const updates = f(usual, theta, given(Array(steps).fill([0, 0, 0]))).updates.flat();
      return updates.some(Number.isNaN) ? NaN : Math.max(...updates.map(Math.abs));
    },
    0,
  ),
  onSamples(
    "the decay is learningRate * weightDecay times the clipped theta / f^rho",
    vectors(nonzero, 1),
    (f, g) => {
      const settings = { ...bare, clip: 0.5, weightDecay: 0.2 };
      const withDecay = f(settings, start, given(g)).updates[0]!;
      const without = f({ ...settings, weightDecay: 0 }, start, given(g)).updates[0]!;
      const natural = start.map((x, i) => x / Math.abs(g[0]![i]!));
      const expected = natural.map((x) => (-0.05 * 0.2 * x) / Math.max(1, rms(natural) / 0.5));
      return relativeDistance([withDecay.map((x, i) => x - without[i]!)], [expected]);
    },
  ),
];

/** The test that optimizers are usually given: that the loss of a small convex problem falls. */
export const convergence: Property = {
  name: "the loss of a convex quadratic falls by a factor of two in 200 steps",
  holds: (implementation) => {
    const curvature = [1, 2, 0.5];
    const gradient = (theta: readonly number[]) => theta.map((x, i) => curvature[i]! * x);
    const loss = (theta: readonly number[]) =>
      theta.reduce((sum, x, i) => sum + (curvature[i]! * x * x) / 2, 0);
    const { parameters } = implementation(usual, start, Array(200).fill(gradient));
    return loss(parameters.at(-1)!) < loss(start) / 2;
  },
};

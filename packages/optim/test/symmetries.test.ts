import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adam, adamw, fadam, type Optimizer } from "../src/index.ts";
import { nonzero, vector } from "../src/laws/arbitraries.ts";
import { relativeDistance } from "../src/laws/numbers.ts";
import { stepsOf } from "./steps.ts";
import "./setup.ts";

// The symmetries that hold for some options and scales only. Those that an optimizer has, or has not, as it was made are
// among its traits: see traits.test.ts.

const learningRate = 0.05;
const runs = { numRuns: 100 };
const gradients = fc.array(vector(nonzero, 3), { minLength: 3, maxLength: 3 });
const theta = [0.5, -1, 2];

const scaled = (g: readonly number[][], s: number) => g.map((gt) => gt.map((x) => x * s));

describe("S1: the scale of the loss", () => {
  const change = (optimizer: Optimizer) => {
    const run = stepsOf(optimizer);
    return (g: number[][], s: number) =>
      relativeDistance(run(theta, scaled(g, s)).updates, run(theta, g).updates);
  };

  test("S1b: with the default epsilon FAdam is nearly invariant where RMS(g) is far above epsilon / epsilon2", () => {
    const changeOf = change(fadam({ learningRate, weightDecay: 0 }));
    fc.assert(
      fc.property(gradients, (g) => {
        // |g| >= 2^-6: epsilon is at most 1e-8 / 2^-6 = 7e-7 of the root, in each of 3 averaged terms.
        expect(changeOf(g, 1024)).toBeLessThanOrEqual(2e-6);
      }),
      runs,
    );
  });

  test("S1b: for gradients of 1e-9 Adam's epsilon shows, FAdam's relative one does far less", () => {
    const g = [
      [1, -0.5, 0.25],
      [0.5, 1, -1],
      [1, 1, 1],
    ];
    const ofAdam = change(adam({ learningRate }))(g, 1e-9);
    const ofFAdam = change(fadam({ learningRate, weightDecay: 0, epsilon2: 1e-4 }))(g, 1e-9);
    expect(ofAdam).toBeGreaterThan(0.5);
    expect(ofFAdam).toBeLessThan(1e-3);
    expect(ofFAdam).toBeGreaterThan(0);
  });

  test("S1c: natural weight decay breaks the invariance for large gradients, decoupled decay does not", () => {
    const g = [
      [1, -0.5, 0.25],
      [0.5, 1, -1],
      [1, 1, 1],
    ];
    const options = { learningRate, weightDecay: 0.1, epsilon: 0 } as const;
    expect(change(fadam(options))(g, 2 ** 10)).toBeGreaterThan(1e-3);
    expect(change(fadam({ ...options, decayForm: "decoupled" }))(g, 2 ** 10)).toBe(0);
    expect(change(adamw(options))(g, 2 ** 10)).toBe(0);
  });
});

describe("S2: rho-homogeneity", () => {
  test.each([0.3, 0.5, 0.7, 1])(
    "scaling the gradients by s scales the step by s^(1 - 2 rho), rho = %d",
    (rho) => {
      const run = stepsOf(fadam({ learningRate, rho, clip: null, weightDecay: 0, epsilon: Infinity }));
      fc.assert(
        fc.property(gradients, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (g, s) => {
          const expected = scaled(run(theta, g).updates as number[][], s ** (1 - 2 * rho));
          // Squares and powers of 6 u each, three averaged terms that may cancel: 100 u.
          expect(relativeDistance(run(theta, scaled(g, s)).updates, expected)).toBeLessThanOrEqual(1e-13);
        }),
        runs,
      );
    },
  );
});

describe("S9: rescaled coordinates", () => {
  const bare = { learningRate, clip: null, weightDecay: 0, epsilon: 0 } as const;
  const exponents = vector(fc.integer({ min: -8, max: 8 }), 3);
  const rescale = (g: readonly number[][], e: readonly number[]) =>
    g.map((gt) => gt.map((x, i) => x / 2 ** e[i]!));

  test("with rho = 1/2 the components of the step do not change at all, so the step is not equivariant", () => {
    const run = stepsOf(fadam(bare));
    fc.assert(
      fc.property(gradients, exponents, (g, e) => {
        expect(run(theta, rescale(g, e)).updates).toEqual(run(theta, g).updates);
      }),
      runs,
    );
  });

  test("with rho = 1 they scale as coordinates do", () => {
    const run = stepsOf(fadam({ ...bare, rho: 1 }));
    fc.assert(
      fc.property(gradients, exponents, (g, e) => {
        const expected = run(theta, g).updates.map((u) => u.map((x, i) => x * 2 ** e[i]!));
        expect(run(theta, rescale(g, e)).updates).toEqual(expected);
      }),
      runs,
    );
  });
});

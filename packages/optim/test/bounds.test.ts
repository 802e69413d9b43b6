import { type Tensor, tensor } from "@amari/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adam, adamw, fadafactor, fadam, paperV2, sgd, skipNonFinite } from "../src/index.ts";
import { nonzero, real, vector } from "../src/laws/arbitraries.ts";
import { rms, unitRoundoff } from "../src/laws/numbers.ts";
import { clipToRms, rootMeanSquare } from "../src/root-mean-square.ts";
import { f64, values } from "./setup.ts";
import { stepsOf } from "./steps.ts";

const learningRate = 0.05;
const runs = { numRuns: 100 };
const steps = 6;
const size = 8;
const gradients = fc.array(vector(real, size), { minLength: steps, maxLength: steps });
const ones = Array<number>(size).fill(1);

describe("B1: clipping by the root mean square", () => {
  const wide = fc
    .tuple(nonzero, fc.integer({ min: -300, max: 300 }))
    .map(([x, exponent]) => x * 10 ** exponent);

  test("the result is within c (1 + (N + 4) u), over the whole range of float64", () => {
    fc.assert(
      fc.property(vector(wide, size), nonzero.map(Math.abs), (x, c) => {
        expect(rms(values(clipToRms(f64(x), c)))).toBeLessThanOrEqual(
          c * (1 + 2 * (size + 4) * unitRoundoff),
        );
      }),
      runs,
    );
  });

  test("what is within the threshold stays bitwise as it is", () => {
    fc.assert(
      fc.property(vector(real, size), (x) => {
        const threshold = rms(x) * 1.001 + 1e-300;
        expect(values(clipToRms(f64(x), threshold))).toEqual(x);
      }),
      runs,
    );
  });

  test("the root mean square neither over- nor underflows, and knows zero, infinity and nothing", () => {
    expect(rootMeanSquare(f64([3e300, 4e300])).itemSync()).toBeCloseTo(Math.sqrt(12.5) * 1e300, -287);
    expect(rootMeanSquare(f64([3e-300, 4e-300])).itemSync() / (Math.sqrt(12.5) * 1e-300)).toBeCloseTo(1, 14);
    expect(rootMeanSquare(f64([0, 0])).itemSync()).toBe(0);
    expect(rootMeanSquare(f64([])).itemSync()).toBe(0);
    expect(rootMeanSquare(f64([1, Infinity])).itemSync()).toBe(Infinity);
    expect(rootMeanSquare(f64([1, NaN])).itemSync()).toBeNaN();
    expect(rootMeanSquare(tensor([1e30, 1e30])).itemSync()).toBe(Math.fround(1e30));
  });
});

describe("B2: the length of FAdam's step", () => {
  const settings = [
    { beta1: 0.9, clip: 1, weightDecay: 1e-3 },
    { beta1: 0, clip: 0.25, weightDecay: 0 },
    { beta1: 0.5, clip: 2, weightDecay: 0.5, rho: 0.7 },
    { beta1: 0.9, clip: 1, weightDecay: 0.1, rho: 1 },
  ];

  test.each(settings)("RMS <= learningRate c (1 - beta1^t + weightDecay) with %o", (options) => {
    const run = stepsOf(fadam({ learningRate, ...options }));
    fc.assert(
      fc.property(vector(real, size), gradients, (theta, g) => {
        run(theta, g).updates.forEach((update, t) => {
          const bound = learningRate * options.clip * (1 - options.beta1 ** (t + 1) + options.weightDecay);
          expect(rms(update)).toBeLessThanOrEqual(bound * (1 + 60 * unitRoundoff));
        });
      }),
      runs,
    );
  });

  test("the bound is attained: constant gradients, and parameters of their signs", () => {
    const run = stepsOf(fadam({ learningRate, epsilon: 0, weightDecay: 0.1 }));
    const signs = ones.map((_, i) => (i % 2 === 0 ? 1 : -1));
    run(signs, Array(steps).fill(signs.map((s) => s / 10))).updates.forEach((update, t) => {
      expect(rms(update) / (learningRate * (1 - 0.9 ** (t + 1) + 0.1))).toBeCloseTo(1, 12);
    });
  });
});

describe("B3: the elements of FAdam's momentum", () => {
  const [beta1, beta2, clip] = [0.9, 0.99, 1];
  const options = { learningRate, beta1, beta2, clip };
  const run = stepsOf(fadam(options));
  const momentum = (state: unknown) => values((state as { momentum: Tensor }).momentum);

  test("|m| <= (1 - beta1^t) min(sqrt((1 - beta2^t) / (1 - beta2)), c sqrt(N))", () => {
    const bound =
      (1 - beta1 ** steps) * Math.min(Math.sqrt((1 - beta2 ** steps) / (1 - beta2)), clip * Math.sqrt(size));
    fc.assert(
      fc.property(gradients, (g) => {
        for (const m of momentum(run(ones, g).state)) {
          expect(Math.abs(m)).toBeLessThanOrEqual(bound * (1 + 100 * unitRoundoff));
        }
      }),
      runs,
    );
  });

  test("the first bound is the natural gradient of a single gradient after zeros: sqrt((1 - beta2^t) / (1 - beta2))", () => {
    const single = [0, 0, 0, 0, 0, 1].map((x) => ones.map((_, i) => (i === 0 ? x : 0)));
    const unclipped = stepsOf(fadam({ ...options, clip: null, epsilon: 0, beta1: 0 }));
    const expected = Math.sqrt((1 - beta2 ** steps) / (1 - beta2));
    expect(momentum(unclipped(ones, single).state)[0]).toBeCloseTo(expected, 12);
  });

  test("FAdafactor has only c sqrt(N): its first step reaches sqrt(n) where FAdam's is at most 1", () => {
    // All the gradient is on the diagonal, so that the factored estimate is n times too small there.
    const n = 50;
    const diagonal = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => Number(i === j)),
    );
    const bare = { learningRate, beta1: 0, clip: null, weightDecay: 0, epsilon: 0 };
    const largest = (update: number[]) => Math.max(...update.map(Math.abs)) / learningRate;
    const first = (optimizer: Parameters<typeof stepsOf>[0]) =>
      largest(stepsOf(optimizer)(diagonal, [diagonal]).updates[0]!);
    expect(first(fadafactor(bare))).toBeCloseTo(Math.sqrt(n), 12);
    expect(first(fadam(bare))).toBeCloseTo(1, 12);
    expect(first(fadafactor({ ...bare, clip: 1 }))).toBeLessThanOrEqual(n);
  });
});

describe("B4: the step of Adam", () => {
  const [beta1, beta2] = [0.9, 0.999];
  const supremum = (1 - beta1) / Math.sqrt((1 - beta2) * (1 - beta1 ** 2 / beta2));
  const claimed = (1 - beta1) / Math.sqrt(1 - beta2);
  const optimizer = adam({ learningRate: 1, beta1, beta2, epsilon: 0 });
  const run = stepsOf(optimizer);

  test("|step| <= (1 - beta1) / sqrt((1 - beta2) (1 - beta1^2 / beta2)) by Cauchy and Schwarz", () => {
    // The bias corrections add at most (1 - beta1)^-1 in the first steps, so the law is stated for m and v themselves.
    fc.assert(
      fc.property(gradients, (g) => {
        const state = run(ones, g).state as { momentum: Tensor; secondMoment: Tensor };
        const v = values(state.secondMoment);
        values(state.momentum).forEach((m, i) => {
          expect(Math.abs(m)).toBeLessThanOrEqual(supremum * Math.sqrt(v[i]!) * (1 + 100 * unitRoundoff));
        });
      }),
      runs,
    );
  });

  test("the bound of the Adam paper, 3.16, is exceeded: growing gradients after 5,000 zeros step by 7.25", () => {
    // A run of zero gradients leaves both moments zero, so its end can be written down.
    const parameter = f64([0]);
    let state = { ...optimizer.init(parameter), count: tensor(5000, { dtype: "int32" }) };
    let largest = 0;
    for (let i = 0; i < 60; i++) {
      const [update, next] = optimizer.update(f64([(beta2 / beta1) ** i]), state, parameter);
      state = next;
      largest = Math.max(largest, Math.abs(values(update)[0]!));
    }
    expect(claimed).toBeCloseTo(3.16, 2);
    expect(supremum).toBeCloseTo(7.27, 2);
    expect(largest).toBeGreaterThan(7.2);
    // The bias corrections at t = 5000 are sqrt(1 - 0.999^5000) = 0.997.
    expect(largest).toBeLessThanOrEqual(supremum);
  });
});

describe("B5 to B7: zeros, NaN and the range of float32", () => {
  test("B5: rows that are never seen neither move nor decay, and become no NaN; IEEE division makes them NaN", () => {
    const zero = [0, 0];
    expect(stepsOf(fadam({ learningRate }))([1, 2], [zero, zero]).parameters).toEqual([
      [1, 2],
      [1, 2],
    ]);
    const literal = stepsOf(fadam({ ...paperV2, learningRate, zeroDivision: "ieee" }));
    expect(literal([1, 2], [zero]).parameters[0]).toEqual([NaN, NaN]);
    const factored = stepsOf(fadafactor({ learningRate }));
    expect(factored([zero, [1, 2]], [[zero, zero]]).parameters[0]).toEqual([0, 0, 1, 2]);
  });

  test("B5: an injected Fisher diagonal acts by its pseudo-inverse: where it is zero nothing moves", () => {
    const bare = { learningRate, clip: null, weightDecay: 0, epsilon: 0, beta1: 0, beta2: 0 } as const;
    const optimizer = fadam({ ...bare, rho: 1, fisher: "injected" });
    const theta = f64([1, 1]);
    const fisherDiagonal = f64([4, 0]);
    const [update] = optimizer.update(f64([2, 2]), optimizer.init(theta), theta, { fisherDiagonal });
    expect(values(update)).toEqual([-learningRate / 2, -0]);
  });

  test("B7: float32 gradients whose squares underflow make no infinity, even where epsilon underflows too", () => {
    const theta = tensor([1, 2]);
    for (const rho of [0.5, 1]) {
      const optimizer = fadam({ learningRate, rho });
      const [update] = optimizer.update(tensor([1e-24, -1e-24]), optimizer.init(theta), theta);
      for (const x of values(update)) expect(Math.abs(x)).toBeLessThanOrEqual(learningRate * 0.11);
    }
  });

  test("B6: a NaN gradient becomes NaN parameters, in FAdam those of its whole tensor and of no other", () => {
    const optimizer = fadam({ learningRate });
    const params = { a: f64([1, 2]), b: f64([3]) };
    const [updates] = optimizer.update({ a: f64([NaN, 1]), b: f64([1]) }, optimizer.init(params), params);
    expect(values(updates.a)).toEqual([NaN, NaN]);
    expect(values(updates.b)[0]).toBeCloseTo(-learningRate * (0.1 + 1e-3), 9);
  });

  test("B6: skipNonFinite leaves parameters and state as they were, then goes on as if nothing had been", () => {
    const plain = stepsOf(fadam({ learningRate }));
    const skipping = stepsOf(skipNonFinite(fadam({ learningRate })));
    fc.assert(
      fc.property(
        vector(nonzero, 2),
        vector(nonzero, 2),
        fc.constantFrom(NaN, Infinity, -Infinity),
        (g, h, bad) => {
          const expected = plain([1, 2], [g, h]);
          const actual = skipping([1, 2], [g, [bad, 1], h]);
          expect([actual.parameters[0], actual.parameters[2]]).toEqual(expected.parameters);
          expect(actual.updates[1]).toEqual([0, 0]);
        },
      ),
      runs,
    );
  });

  test("B7: in float32, gradients from 1e-18 to 1e18 give finite parameters and a Fisher estimate >= 0", () => {
    // The mantissa is 1/64 at least.
    const exponent = fc.integer({ min: -16, max: 18 });
    const single = fc.tuple(nonzero, exponent).map(([x, e]) => Math.fround((x / 64) * 10 ** e));
    for (const optimizer of [
      fadam({ learningRate }),
      fadafactor({ learningRate }),
      fadam({ learningRate, rho: 1 }),
    ]) {
      const parameters = tensor([
        [1, 2],
        [3, 4],
      ]) as Tensor;
      fc.assert(
        fc.property(vector(single, 4), (g) => {
          const [updates, state] = optimizer.update(
            tensor(Float32Array.from(g), { shape: [2, 2] }),
            optimizer.init(parameters),
            parameters,
          );
          const fisher = (state as { fisher: Tensor | { rows: Tensor; columns: Tensor } }).fisher;
          const estimates = "rows" in fisher ? [fisher.rows, fisher.columns] : [fisher];
          for (const f of estimates) for (const x of values(f)) expect(x).toBeGreaterThanOrEqual(0);
          for (const x of values(updates)) expect(Math.abs(x)).toBeLessThanOrEqual(learningRate * 2.1);
        }),
        runs,
      );
    }
  });
});

describe("B8: weight decay", () => {
  test("AdamW's decay multiplies by 1 - learningRate * weightDecay; FAdam's does not shrink with the parameters", () => {
    const zero = [0, 0];
    const decayed = stepsOf(adamw({ learningRate, weightDecay: 0.1 }))([1, -2], [zero, zero]).parameters[1]!;
    expect(decayed[0]).toBeCloseTo((1 - learningRate * 0.1) ** 2, 14);
    const steady = (theta: number) =>
      stepsOf(fadam({ learningRate, weightDecay: 0.1, beta1: 0 }))([theta, theta], [[1e-6, -1e-6]])
        .updates[0]!;
    // The gradients cancel in the sum of the two elements; what is left is the decay, once per element.
    const decay = (theta: number) => -(steady(theta)[0]! + steady(theta)[1]!) / 2;
    expect(decay(0.02)).toBeCloseTo(learningRate * 0.1, 12);
    expect(decay(2e-4)).toBeCloseTo(learningRate * 0.1, 12);
  });

  test("under equal gradients, decoupled decay brings any two parameters nearer by exactly that factor each step", () => {
    const options = { learningRate, weightDecay: 0.1 };
    const factor = (1 - learningRate * 0.1) ** steps;
    for (const optimizer of [adamw(options), fadam({ ...options, decayForm: "decoupled" })]) {
      const run = stepsOf(optimizer);
      fc.assert(
        fc.property(vector(real, size), vector(nonzero, size), gradients, (theta, offset, gs) => {
          const last = (at: readonly number[]) => run([...at], gs).parameters.at(-1)!;
          const [a, b] = [last(theta), last(theta.map((x, i) => x + offset[i]!))];
          const largest = Math.max(1, ...theta.map(Math.abs), ...offset.map(Math.abs));
          // Each of the steps rounds both parameters a few times: some 10 u of the largest magnitude per step.
          offset.forEach((d, i) => {
            expect(Math.abs(b[i]! - a[i]! - factor * d)).toBeLessThanOrEqual(
              20 * steps * unitRoundoff * largest,
            );
          });
        }),
        runs,
      );
    }
  });

  test("coordinates that were never seen take all of FAdam's decay: c sqrt(N / k) each for k of N", () => {
    const run = stepsOf(fadam({ ...paperV2, learningRate, weightDecay: 1, beta1: 0 }));
    const [update] = run([1, 1, 1, 1], [[0, 1, -1, 1]]).updates;
    expect(update![0]).toBeCloseTo(-learningRate * Math.sqrt(4), 9);
    // The seen ones hardly decay: their update is that of the gradient, which is clipped to RMS sqrt(3 / 4).
    expect(Math.abs(update![1]! + learningRate)).toBeLessThan(1e-6);
  });

  test("such coordinates cross zero and rattle about it; decoupled decay only shrinks them", () => {
    const gradients = Array<number[]>(4).fill([0, 1, -1, 1]);
    const options = { ...paperV2, learningRate, weightDecay: 0.1 };
    const first = (decayForm: "natural" | "decoupled") =>
      stepsOf(fadam({ ...options, decayForm }))([0.015, 1, 1, 1], gradients).parameters.map((x) => x[0]!);
    // Each step of decay has the length learningRate * weightDecay * sqrt(4) = 0.01, wherever the parameter is.
    [0.005, -0.005, 0.005, -0.005].forEach((x, t) => {
      expect(first("natural")[t]).toBeCloseTo(x, 6);
    });
    first("decoupled").forEach((x, t) => {
      expect(x).toBeCloseTo(0.015 * (1 - learningRate * 0.1) ** (t + 1), 12);
    });
  });

  test("SGD with decay contracts by exactly 1 - learningRate * weightDecay without a gradient", () => {
    const run = stepsOf(sgd({ learningRate, weightDecay: 0.5 }));
    expect(run([2, -4], [[0, 0]]).parameters[0]).toEqual([2 - 2 * 0.025, -4 + 4 * 0.025]);
  });
});

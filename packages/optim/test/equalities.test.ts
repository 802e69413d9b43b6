import { grad, mapTree, type Tensor, tensor, treeLeaves } from "@amari/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimateOf } from "../src/factored.ts";
import {
  adafactor,
  adam,
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  cosineDecay,
  type Factored,
  fadafactor,
  fadam,
  inverseSqrt,
  laprop,
  type Optimizer,
  type Schedule,
  scaleByLearningRate,
  sgd,
  traceMomentum,
} from "../src/index.ts";
import { matrix, nonzero, real, sample, vector } from "../src/laws/arbitraries.ts";
import { distance, relativeDistance, unitRoundoff } from "../src/laws/numbers.ts";
import { problems } from "./problems.ts";
import { f64, values } from "./setup.ts";
import { stepsOf } from "./steps.ts";

const learningRate = 0.05;
const runs = { numRuns: 100 };
/** No clipping, no decay, no epsilon: what remains is the moving averages. */
const bare = { learningRate, clip: null, weightDecay: 0, epsilon: 0 } as const;

const steps = 6;
const gradientsOf = (size: number, element = nonzero) =>
  fc.array(vector(element, size), { minLength: steps, maxLength: steps });

// A moving average of nonnegative terms of t steps has relative error 3 t u, roots and quotients a few u more, and the
// momentum may cancel, for which distances are relative to the largest update: (3 * 6 + 20) u * 6 = 3e-14.
const fewSteps = 1e-13;

describe("E1 to E5: the moving averages", () => {
  test.each([0.5, 0.9, 0.999, 0.999999])(
    "E1: the unbiased Fisher average with beta2 = %d is Adam's second moment over 1 - beta2^t",
    (beta2) => {
      const fisher = stepsOf(fadam({ ...bare, beta2 }));
      const moment = stepsOf(adam({ learningRate, beta2 }));
      fc.assert(
        fc.property(gradientsOf(3), (gradients) => {
          const f = values((fisher([1, 1, 1], gradients).state as { fisher: Tensor }).fisher);
          const v = values((moment([1, 1, 1], gradients).state as { secondMoment: Tensor }).secondMoment);
          const total = -Math.expm1(steps * Math.log(beta2));
          // The plain average multiplies by 1 - beta2, the unbiased one by weights from expm1: 10 u for each step.
          v.forEach((vi, i) => {
            expect(Math.abs(f[i]! / (vi / total) - 1)).toBeLessThanOrEqual(10 * steps * unitRoundoff);
          });
        }),
        runs,
      );
    },
  );

  test("E2: after the first step the Fisher estimate is the squared gradient exactly, whatever it was before", () => {
    for (const optimizer of [fadam({ learningRate }), fadam({ learningRate, beta2: 0.999999999 })]) {
      for (const initial of [0, 1, 1e30]) {
        const parameters = f64([1, 2, 3]);
        const state = { ...optimizer.init(parameters), fisher: parameters.mul(0).add(initial) };
        const [, after] = optimizer.update(f64([0.1, -3, 0]), state, parameters);
        expect(values(after.fisher)).toEqual([0.1 * 0.1, 9, 0]);
      }
    }
  });

  test("E3: with beta2 = 1 the Fisher estimate is the mean of the squared gradients", () => {
    const run = stepsOf(fadam({ ...bare, beta2: 1 }));
    fc.assert(
      fc.property(gradientsOf(3), (gradients) => {
        const f = values((run([1, 1, 1], gradients).state as { fisher: Tensor }).fisher);
        f.forEach((fi, i) => {
          const mean = gradients.reduce((sum, g) => sum + g[i]! ** 2, 0) / steps;
          expect(Math.abs(fi / mean - 1)).toBeLessThanOrEqual(6 * steps * unitRoundoff);
        });
      }),
      runs,
    );
  });

  test("E4: the first step is -learningRate (1 - beta1) g / (|g| + epsilon-hat)", () => {
    const epsilon2 = 1e-2;
    const optimizers = [
      { run: stepsOf(fadam({ learningRate, clip: null, weightDecay: 0 })), epsilon: 1e-8 },
      {
        run: stepsOf(fadam({ learningRate, clip: null, weightDecay: 0, epsilon: Infinity })),
        epsilon: Infinity,
      },
    ];
    fc.assert(
      fc.property(vector(nonzero, 3), (g) => {
        for (const { run, epsilon } of optimizers) {
          const rms = Math.sqrt(g.reduce((sum, gi) => sum + gi * gi, 0) / 3);
          const epsilonHat = Math.min(epsilon, epsilon2 * rms);
          const expected = g.map((gi) => (-learningRate * 0.1 * gi) / (Math.abs(gi) + epsilonHat));
          // Thirteen roundings: 2e-15.
          expect(relativeDistance(run([1, 1, 1], [g]).updates, [expected])).toBeLessThanOrEqual(2e-15);
        }
      }),
      runs,
    );
  });

  test("E5: the weights of the momentum add up to 1 - beta1^t: a warmup is built in", () => {
    const betas = [0, 0.5, 0.9, 0.99].map((beta1) => ({ beta1, run: stepsOf(fadam({ ...bare, beta1 })) }));
    fc.assert(
      fc.property(fc.constantFrom(...betas), vector(nonzero, 3), ({ beta1, run }, g) => {
        // A constant gradient has natural gradients of one: m is the sum of the weights.
        run([1, 1, 1], Array(steps).fill(g)).updates.forEach((update, t) => {
          const expected = g.map((gi) => -learningRate * Math.sign(gi) * (1 - beta1 ** (t + 1)));
          expect(relativeDistance([update], [expected])).toBeLessThanOrEqual(fewSteps);
        });
      }),
      runs,
    );
  });
});

describe("E6 to E11: what FAdam becomes for certain options", () => {
  const warmupRate: Schedule = (count, dtype) =>
    count.add(1).astype(dtype).mul(Math.log(0.9)).expm1().neg().reciprocal().mul(learningRate);

  test("E6: FAdam with the rate eta / (1 - beta1^t), or with unbiased momentum, is LaProp", () => {
    const reference = stepsOf(laprop({ learningRate, epsilon: 0 }));
    const same = [
      stepsOf(fadam({ ...bare, learningRate: warmupRate })),
      stepsOf(fadam({ ...bare, momentumBias: true })),
    ];
    fc.assert(
      fc.property(gradientsOf(3), (gradients) => {
        const expected = reference([1, 1, 1], gradients).updates;
        for (const run of same) {
          expect(relativeDistance(run([1, 1, 1], gradients).updates, expected)).toBeLessThanOrEqual(fewSteps);
        }
      }),
      runs,
    );
  });

  test("E6: with a rate that varies they differ, since LaProp has the rate inside the momentum", () => {
    const rate = inverseSqrt(learningRate);
    const inside = stepsOf(laprop({ learningRate: rate, epsilon: 0 }));
    const outside = stepsOf(fadam({ ...bare, learningRate: rate, momentumBias: true }));
    const gradients = Array(steps).fill([1, -2, 0.5]);
    const difference = relativeDistance(
      inside([1, 1, 1], gradients).updates,
      outside([1, 1, 1], gradients).updates,
    );
    expect(difference).toBeGreaterThan(1e-2);
  });

  test("E7: FAdam without momentum, clip, decay and adaptive epsilon is Adam without momentum", () => {
    const options = { learningRate, beta1: 0 };
    const ours = stepsOf(fadam({ ...options, clip: null, weightDecay: 0, epsilon2: Infinity }));
    const reference = stepsOf(adam(options));
    fc.assert(
      fc.property(gradientsOf(3), (gradients) => {
        const expected = reference([1, 1, 1], gradients).updates;
        expect(relativeDistance(ours([1, 1, 1], gradients).updates, expected)).toBeLessThanOrEqual(fewSteps);
      }),
      runs,
    );
  });

  test("E8: FAdam without momentum, with beta2 = 1 and the rate eta / sqrt(t), is AdaGrad", () => {
    const ours = stepsOf(fadam({ ...bare, beta1: 0, beta2: 1, learningRate: inverseSqrt(learningRate) }));
    fc.assert(
      fc.property(gradientsOf(3), (gradients) => {
        const accumulated = [0, 0, 0];
        const expected = gradients.map((g) =>
          g.map((gi, i) => (-learningRate * gi) / Math.sqrt((accumulated[i]! += gi * gi))),
        );
        expect(relativeDistance(ours([1, 1, 1], gradients).updates, expected)).toBeLessThanOrEqual(fewSteps);
      }),
      runs,
    );
  });

  test("E9: RMSProp is Adam without momentum, times sqrt(1 - beta2^t)", () => {
    const beta2 = 0.99;
    const ours = stepsOf(adam({ learningRate, beta1: 0, beta2, epsilon: 0 }));
    fc.assert(
      fc.property(gradientsOf(3), (gradients) => {
        const average = [0, 0, 0];
        const rmsprop = gradients.map((g) =>
          g.map((gi, i) => {
            average[i] = beta2 * average[i]! + (1 - beta2) * gi * gi;
            return (-learningRate * gi) / Math.sqrt(average[i]!);
          }),
        );
        const scaled = ours([1, 1, 1], gradients).updates.map((update, t) =>
          update.map((x) => x * Math.sqrt(-Math.expm1((t + 1) * Math.log(beta2))) ** -1),
        );
        expect(relativeDistance(scaled, rmsprop)).toBeLessThanOrEqual(fewSteps);
      }),
      runs,
    );
  });

  test("E10: for SGD, L2 regularisation is decoupled decay; for Adam it is not", () => {
    const weightDecay = 0.1;
    const l2 = stepsOf(sgd({ learningRate, weightDecay }));
    const plain = stepsOf(sgd({ learningRate }));
    const adamL2 = stepsOf(adam({ learningRate, weightDecay }));
    const decoupled = stepsOf(adamw({ learningRate, weightDecay }));
    fc.assert(
      fc.property(vector(real, 3), vector(nonzero, 3), (theta, g) => {
        const gradientStep = plain(theta, [g]).updates[0]!;
        const expected = gradientStep.map((u, i) => u - learningRate * weightDecay * theta[i]!);
        const scale = Math.max(...theta.map(Math.abs), ...g.map(Math.abs));
        expect(distance(l2(theta, [g]).updates[0]!, expected)).toBeLessThanOrEqual(4 * unitRoundoff * scale);
      }),
      runs,
    );
    const [theta, g] = [
      [1, 2, 3],
      [1, -2, 0.5],
    ];
    expect(relativeDistance(adamL2(theta, [g]).updates, decoupled(theta, [g]).updates)).toBeGreaterThan(1e-2);
  });

  const injected = fadam({ ...bare, beta1: 0, beta2: 0, rho: 1, fisher: "injected" });

  test("E11: with an injected Fisher diagonal and rho = 1 the step is the diagonal natural gradient", () => {
    fc.assert(
      fc.property(vector(nonzero, 3), vector(nonzero, 3), (g, root) => {
        const fisherDiagonal = f64(root.map((x) => x * x));
        const parameters = f64([1, 1, 1]);
        const [update] = injected.update(f64(g), injected.init(parameters), parameters, { fisherDiagonal });
        const expected = g.map((gi, i) => (-learningRate * gi) / root[i]! ** 2);
        expect(relativeDistance([values(update)], [expected])).toBeLessThanOrEqual(4 * unitRoundoff);
      }),
      runs,
    );
  });

  test("E11: without injection the same options step by 1 / g", () => {
    const [update] = ((optimizer: Optimizer) => stepsOf(optimizer)([1, 1, 1], [[2, -4, 0.5]]).updates)(
      fadam({ ...bare, beta1: 0, beta2: 0, rho: 1 }),
    );
    expect(update).toEqual([-learningRate / 2, learningRate / 4, -learningRate / 0.5]);
  });
});

describe("E12 to E14: the factored Fisher estimate", () => {
  const whole = stepsOf(fadam({ ...bare }));
  const factored = stepsOf(fadafactor({ ...bare }));

  test("E12: it is FAdam's where all squared gradients are multiples of one matrix of rank one", () => {
    fc.assert(
      fc.property(vector(nonzero, 3), vector(nonzero, 2), vector(nonzero, steps), (r, c, s) => {
        const gradients = s.map((st) => r.map((ri) => c.map((cj) => st * ri * cj)));
        const expected = whole(gradients[0]!, gradients).updates;
        expect(relativeDistance(factored(gradients[0]!, gradients).updates, expected)).toBeLessThanOrEqual(
          fewSteps,
        );
      }),
      runs,
    );
  });

  test("E12: a row factor that stays constant is enough", () => {
    fc.assert(
      fc.property(
        vector(nonzero, 3),
        fc.array(vector(nonzero, 2), { minLength: steps, maxLength: steps }),
        (r, cs) => {
          const gradients = cs.map((c) => r.map((ri) => c.map((cj) => ri * cj)));
          const expected = whole(gradients[0]!, gradients).updates;
          expect(relativeDistance(factored(gradients[0]!, gradients).updates, expected)).toBeLessThanOrEqual(
            fewSteps,
          );
        },
      ),
      runs,
    );
  });

  test("E12: gradients each of rank one, with both factors varying, are not enough", () => {
    const gradients = [
      [
        [1, 0.01],
        [0.01, 0.0001],
      ],
      [
        [0.0001, 0.01],
        [0.01, 1],
      ],
    ];
    const expected = whole(gradients[0]!, gradients).updates;
    expect(relativeDistance(factored(gradients[0]!, gradients).updates, expected)).toBeGreaterThan(0.1);
  });

  const positive = matrix(
    nonzero.map((x) => x * x),
    3,
    4,
  );
  const factorsOf = (f: number[][]): Factored => ({
    rows: f64(f).mean(-1) as Tensor,
    columns: f64(f).mean(-2) as Tensor,
  });
  const rowSums = (f: readonly (readonly number[])[]) => f.map((row) => row.reduce((a, b) => a + b, 0));
  const columnSums = (f: readonly (readonly number[])[]) =>
    f[0]!.map((_, j) => f.reduce((sum, row) => sum + row[j]!, 0));
  const estimate = (f: number[][]) => estimateOf(factorsOf(f)).arraySync() as number[][];

  test("E13: it preserves the sums of rows and columns", () => {
    fc.assert(
      fc.property(positive, (f) => {
        const g = estimate(f);
        for (const [kept, original] of [
          [rowSums(g), rowSums(f)],
          [columnSums(g), columnSums(f)],
        ] as const) {
          // Sums of positive terms: each has relative error of its number of terms times u.
          kept.forEach((k, i) => {
            expect(Math.abs(k / original[i]! - 1)).toBeLessThanOrEqual(20 * unitRoundoff);
          });
        }
      }),
      runs,
    );
  });

  test("E13: no other matrix of rank one has a smaller I-divergence from the matrix", () => {
    const divergence = (f: number[][], g: readonly (readonly number[])[]) =>
      f.flat().reduce((sum, x, i) => {
        const y = g.flat()[i]!;
        return sum + x * Math.log(x / y) - x + y;
      }, 0);
    fc.assert(
      fc.property(positive, vector(nonzero, 3), vector(nonzero, 4), (f, r, c) => {
        const other = r.map((ri) => c.map((cj) => Math.abs(ri * cj)));
        const total = f.flat().reduce((a, b) => a + b, 0);
        // Twelve terms of the size of the total cancel.
        expect(divergence(f, estimate(f))).toBeLessThanOrEqual(divergence(f, other) + 1e-13 * total);
      }),
      runs,
    );
  });

  test("E14: sums in place of means, as printed, give the same estimate", () => {
    fc.assert(
      fc.property(positive, (f) => {
        const [rows, columns] = [rowSums(f), columnSums(f)];
        const total = rows.reduce((a, b) => a + b, 0);
        const printed = rows.flatMap((r) => columns.map((c) => (r * c) / total));
        estimate(f)
          .flat()
          .forEach((x, i) => {
            expect(Math.abs(x / printed[i]! - 1)).toBeLessThanOrEqual(30 * unitRoundoff);
          });
      }),
      runs,
    );
  });

  test("leading axes are batched: each matrix has the estimate it would have alone", () => {
    fc.assert(
      fc.property(sample(3, 4, 2, nonzero), ({ gradients }) => {
        const together = factored(gradients, [gradients]).state as { fisher: Factored };
        const all = estimateOf(together.fisher).arraySync() as number[][][];
        gradients.forEach((g, i) => {
          const alone = factored(g as number[][], [g as number[][]]).state as { fisher: Factored };
          expect(all[i]).toEqual(estimateOf(alone.fisher).arraySync());
        });
      }),
      runs,
    );
  });

  test("below rank 2, and for a single column, FAdafactor is FAdam", () => {
    fc.assert(
      fc.property(gradientsOf(3), (all) => {
        const gradients = all.slice(0, 2);
        const column = gradients.map((g) => g.map((x) => [x]));
        expect(factored([1, 1, 1], gradients).updates).toEqual(whole([1, 1, 1], gradients).updates);
        const expected = whole(column[0]!, column).updates;
        expect(relativeDistance(factored(column[0]!, column).updates, expected)).toBeLessThanOrEqual(
          fewSteps,
        );
        expect(factored(1, [gradients[0]![0]!]).updates).toEqual(whole(1, [gradients[0]![0]!]).updates);
      }),
      runs,
    );
  });
});

describe("E16 to E18: accumulation, resuming, size", () => {
  const loss = (w: Tensor, x: Tensor): Tensor<[]> => x.matmul(w).tanh().square().mean() as Tensor<[]>;

  test("E16: a batch of four equal micro-batches takes the step of one; four steps in a row do not", () => {
    const run = stepsOf(fadam({ learningRate }));
    fc.assert(
      fc.property(matrix(nonzero, 2, 3), vector(nonzero, 3), (x, w) => {
        const gradient = (data: number[][]) => values(grad((v: Tensor) => loss(v, f64(data)))(f64(w)));
        const one = gradient(x);
        const micro = [1, 2, 3, 4].map(() => gradient(x));
        const accumulated = one.map((_, i) => micro.reduce((sum, g) => sum + g[i]!, 0) / 4);
        expect(run(w, [accumulated]).parameters).toEqual(run(w, [one]).parameters);
        const moved = distance(run(w, micro).parameters.at(-1)!, run(w, [one]).parameters.at(-1)!);
        if (Math.max(...one.map(Math.abs)) > 1e-3) expect(moved).toBeGreaterThan(1e-4);
      }),
      runs,
    );
  });

  const all: Record<string, Optimizer> = {
    sgd: sgd({ learningRate, momentum: 0.9, dampening: 0.1 }),
    adam: adam({ learningRate: cosineDecay(learningRate, 10), amsgrad: "corrected" }),
    adamw: adamw({ learningRate }),
    laprop: laprop({ learningRate }),
    fadam: fadam({ learningRate: inverseSqrt(learningRate) }),
    fadafactor: fadafactor({ learningRate }),
    adafactor: adafactor(),
    chain: chain(clipByGlobalNorm(1), traceMomentum({ decay: 0.9 }), scaleByLearningRate(learningRate)),
  };

  test.each(Object.entries(all))(
    "E17: %s resumes bitwise from a state written out as numbers",
    (_, optimizer) => {
      const { soft } = problems;
      const advance = (theta: Tensor, state: unknown, from: number, to: number): [Tensor, unknown] => {
        for (let t = from; t <= to; t++) {
          const [updates, next] = optimizer.update(soft!.gradient(theta, t), state, theta);
          [theta, state] = [applyUpdates(theta, updates), next];
        }
        return [theta, state];
      };
      const restore = <T>(tree: T): T =>
        mapTree(tree, (x) =>
          tensor(JSON.parse(JSON.stringify(x.arraySync())) as number[], { dtype: x.dtype }),
        );
      const [straight] = advance(soft!.theta0, optimizer.init(soft!.theta0), 1, 10);
      const [half, state] = advance(soft!.theta0, optimizer.init(soft!.theta0), 1, 5);
      const [resumed] = advance(restore(half), restore(state), 6, 10);
      expect(values(resumed)).toEqual(values(straight));
    },
  );

  test("E18: the factored state of a 1024 x 1024 matrix holds 2,048 numbers instead of 1,048,576", () => {
    const parameter = f64(0).broadcastTo([1024, 1024]) as Tensor;
    const size = (tree: unknown) => treeLeaves(tree).reduce((sum, leaf) => sum + leaf.size, 0);
    expect(size(fadam({ learningRate }).init(parameter).fisher)).toBe(1_048_576);
    expect(size(fadafactor({ learningRate }).init(parameter).fisher)).toBe(2_048);
    expect(size(adafactor().init(parameter))).toBe(2_048 + 1);
  });
});

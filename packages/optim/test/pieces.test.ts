import { type Tensor, tensor } from "@amari/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  adam,
  adamAsPrinted,
  adamw,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  clipByRms,
  constantSchedule,
  cosineDecay,
  exponentialDecay,
  fadam,
  globalNorm,
  inverseSqrt,
  kozistr,
  lessw2020,
  linearDecay,
  paperLater,
  paperV2,
  piecewise,
  type Schedule,
  scaleByLearningRate,
  scaleUpdates,
  sgd,
  traceMomentum,
  warmup,
} from "../src/index.ts";
import { nonzero, vector } from "../src/laws/arbitraries.ts";
import { relativeDistance, rms } from "../src/laws/numbers.ts";
import { unbiasedWeights } from "../src/moving-average.ts";
import golden from "./fixtures/golden.json" with { type: "json" };
import { paperOptimizer } from "./golden-configurations.ts";
import { f64, values } from "./setup.ts";
import { stepsOf } from "./steps.ts";

const at = (schedule: Schedule, count: number): number => {
  const value = schedule(tensor(count, { dtype: "int32" }), "float64");
  expect([value.dtype, value.shape]).toEqual(["float64", []]);
  return value.itemSync();
};

describe("schedules map the number of finished steps to a rate", () => {
  test.each<[string, Schedule, readonly (readonly [count: number, rate: number])[]]>([
    [
      "constantSchedule(0.1)",
      constantSchedule(0.1),
      [
        [0, 0.1],
        [1000, 0.1],
      ],
    ],
    [
      "inverseSqrt(0.1)",
      inverseSqrt(0.1),
      [
        [0, 0.1],
        [3, 0.05],
        [99, 0.01],
      ],
    ],
    [
      "warmup(4, 0.1)",
      warmup(4, 0.1),
      [
        [0, 0.025],
        [1, 0.05],
        [3, 0.1],
        [100, 0.1],
      ],
    ],
    [
      "warmup(2, inverseSqrt(1))",
      warmup(2, inverseSqrt(1)),
      [
        [0, 0.5],
        [3, 0.5],
        [99, 0.1],
      ],
    ],
    [
      "exponentialDecay(1, 0.5, 10)",
      exponentialDecay(1, 0.5, 10),
      [
        [0, 1],
        [10, 0.5],
        [15, 0.5 ** 1.5],
      ],
    ],
    [
      "exponentialDecay with a staircase",
      exponentialDecay(1, 0.5, 10, { staircase: true }),
      [
        [9, 1],
        [10, 0.5],
        [19, 0.5],
        [20, 0.25],
      ],
    ],
    [
      "cosineDecay(1, 10, 0.2)",
      cosineDecay(1, 10, 0.2),
      [
        [0, 1],
        [5, 0.6],
        [10, 0.2],
        [50, 0.2],
      ],
    ],
    [
      "linearDecay(1, 10, 0.5)",
      linearDecay(1, 10, 0.5),
      [
        [0, 1],
        [4, 0.8],
        [10, 0.5],
        [99, 0.5],
      ],
    ],
    [
      "piecewise([1, 0.1, linearDecay], [2, 5])",
      piecewise([1, 0.1, linearDecay(1, 10)], [2, 5]),
      [
        [0, 1],
        [1, 1],
        [2, 0.1],
        [4, 0.1],
        [5, 0.5],
        [20, 0],
      ],
    ],
  ])("%s", (_, schedule, points) => {
    for (const [count, rate] of points) expect(at(schedule, count)).toBeCloseTo(rate, 14);
  });

  test("a schedule that ignores the dtype, or closes over a tensor, is converted", () => {
    const rate = tensor(0.5);
    const run = stepsOf(sgd({ learningRate: () => rate }));
    expect(run([1], [[2]]).updates).toEqual([[-1]]);
  });
});

describe("chains", () => {
  const gradients = fc.array(vector(nonzero, 3), { minLength: 4, maxLength: 4 });

  test("the parts of SGD with momentum and decay make SGD", () => {
    for (const nesterov of [false, true]) {
      const whole = stepsOf(sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov }));
      const parts = stepsOf(
        chain(addDecayedWeights(0.01), traceMomentum({ decay: 0.9, nesterov }), scaleByLearningRate(0.1)),
      );
      fc.assert(
        fc.property(gradients, (g) => {
          expect(parts([1, 2, 3], g).updates).toEqual(whole([1, 2, 3], g).updates);
        }),
        { numRuns: 100 },
      );
    }
  });

  test("Adam, turned round, decayed and scaled is AdamW", () => {
    const parts = stepsOf(
      chain(adam({ learningRate: 1 }), scaleUpdates(-1), addDecayedWeights(0.1), scaleByLearningRate(0.05)),
    );
    const whole = stepsOf(adamw({ learningRate: 0.05, weightDecay: 0.1 }));
    fc.assert(
      fc.property(gradients, (g) => {
        expect(parts([1, 2, 3], g).updates).toEqual(whole([1, 2, 3], g).updates);
      }),
      { numRuns: 100 },
    );
  });

  test("a chain of nothing passes the gradients on", () => {
    const optimizer = chain();
    const params = { w: f64([1, 2]) };
    expect(optimizer.update(params, optimizer.init(params), params)[0]).toBe(params);
  });

  test("only the parts that ask for the Fisher diagonal are given it", () => {
    const optimizer = chain(
      clipByRms(10),
      fadam({ learningRate: 0.1, fisher: "injected", beta1: 0, epsilon: 0 }),
    );
    const params = f64([0]);
    const [update] = optimizer.update(f64([1]), optimizer.init(params), params, {
      fisherDiagonal: f64([16]),
    });
    expect(values(update)[0]).toBeCloseTo(-0.1 / 4, 12);
  });
});

describe("clipping", () => {
  test("clipByGlobalNorm bounds the norm of all tensors together and keeps their direction", () => {
    const optimizer = clipByGlobalNorm(2);
    fc.assert(
      fc.property(vector(nonzero, 3), vector(nonzero, 2), (a, b) => {
        const gradients = { a: f64(a), b: f64(b) };
        const [{ a: x, b: y }] = optimizer.update(gradients, optimizer.init(gradients), gradients);
        const norm = Math.hypot(...a, ...b);
        expect(globalNorm([gradients.a, gradients.b]).itemSync()).toBeCloseTo(norm, 10);
        const expected = [...a, ...b].map((g) => g / Math.max(1, norm / 2));
        expect(relativeDistance([[...values(x), ...values(y)]], [expected])).toBeLessThanOrEqual(1e-14);
      }),
      { numRuns: 100 },
    );
  });

  test("the global norm neither over- nor underflows, and is 0 of nothing and of zeros", () => {
    expect(globalNorm([f64([3e200]), f64([4e200])]).itemSync() / 5e200).toBeCloseTo(1, 14);
    expect(globalNorm([f64([3e-200]), f64([4e-200])]).itemSync() / 5e-200).toBeCloseTo(1, 14);
    expect(globalNorm([]).itemSync()).toBe(0);
    expect(globalNorm([f64([0]), f64([0, 0])]).itemSync()).toBe(0);
  });

  test("clipByRms works on each tensor by itself", () => {
    const optimizer = clipByRms(1);
    const gradients = { a: f64([3, 4]), b: f64([0.1]) };
    const [{ a, b }] = optimizer.update(gradients, optimizer.init(gradients), gradients);
    expect(rms(values(a))).toBeCloseTo(1, 14);
    expect(values(b)).toEqual([0.1]);
  });
});

describe("presets are the configurations that the golden trajectories were made with", () => {
  test.each([
    ["FAdam_v2", paperV2],
    ["FAdam_later_eps2_0.01", paperLater],
    ["FAdam_lessw2020_head", lessw2020],
    ["FAdam_kozistr", kozistr],
  ] as const)("%s", (name, preset) => {
    const { optimizer } = paperOptimizer(golden.paper[name]);
    const gradients = [
      [1, -1e-7, 0.5],
      [1e-8, 1e-7, -2e-8],
      [100, 3, -1],
    ];
    const expected = stepsOf(optimizer)([1, 2, -3], gradients).updates;
    expect(stepsOf(fadam({ ...preset, learningRate: 0.05 }))([1, 2, -3], gradients).updates).toEqual(
      expected,
    );
  });
});

describe("the unbiased weights of a moving average", () => {
  const exact = (beta: number, t: number) => (beta * (1 - beta ** (t - 1))) / (1 - beta ** t);

  test.each(["float32", "float64"] as const)("in %s they are 0 and 1 at the first step, exactly", (dtype) => {
    for (const beta of [0, 0.5, 0.9, 0.999, 1 - 2 ** -20, 1]) {
      const { kept, fresh } = unbiasedWeights(beta, tensor(1, { dtype }));
      const number = (x: Tensor | number) => (typeof x === "number" ? x : x.itemSync());
      expect([Math.abs(number(kept)), number(fresh)]).toEqual([0, 1]);
    }
  });

  test("in float32 each is right to a few units in the last place, where 1 - kept would be off by 9e-5", () => {
    for (const t of [2, 10, 1000, 100_000]) {
      const { kept, fresh } = unbiasedWeights(0.999, tensor(t)) as { kept: Tensor; fresh: Tensor };
      expect(Math.abs(kept.itemSync() / exact(0.999, t) - 1)).toBeLessThan(5e-7);
      expect(Math.abs(fresh.itemSync() / (1 - exact(0.999, t)) - 1)).toBeLessThan(5e-7);
    }
  });
});

describe("Algorithm 3 as printed", () => {
  const travel = (recursion: "literal" | "standard", steps: number) => {
    const optimizer = adamAsPrinted({ learningRate: 1e-3, recursion, weightDecay: 0 });
    const step = stepsOf(optimizer);
    let theta = f64([0]);
    let state: unknown = optimizer.init(theta);
    let overflow: number | null = null;
    expect(step([0], [[1]]).updates[0]![0]).toBeCloseTo(-1e-3, 9);
    for (let t = 1; t <= steps; t++) {
      const [update, next] = optimizer.update(
        f64([1]),
        state as ReturnType<typeof optimizer.init<Tensor>>,
        theta,
      );
      theta = theta.add(update).realise();
      state = next;
      const second = values(next.secondMoment)[0]!;
      if (t === 2 && recursion === "literal") expect(second).toBeCloseTo(500.25, 1);
      if (overflow === null && second === Infinity) overflow = t;
    }
    return { distance: -values(theta)[0]!, overflow };
  };

  test("literally, a constant gradient overflows the second moment at t = 329, having moved by 1.3e-3", () => {
    const { distance, overflow } = travel("literal", 340);
    expect(overflow).toBe(329);
    expect(distance).toBeCloseTo(1.3e-3, 4);
  });

  test("by the standard recursion it goes on like Adam", () => {
    const { distance, overflow } = travel("standard", 100);
    expect(overflow).toBeNull();
    expect(distance).toBeCloseTo(0.1, 6);
  });
});

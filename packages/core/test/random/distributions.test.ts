import { referenceBackend } from "@amari/backend-reference";
import { grad, random, setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { describe, expect, test } from "vitest";

setDefaultBackend(referenceBackend());

const count = 4_000;

const samplesOf = (x: Tensor): number[] => Array.from(x.dataSync());
const meanOf = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

/** The distance of the mean from what is expected, in standard errors of the mean. */
function standardErrors(samples: readonly number[], expected: number): number {
  const mean = meanOf(samples);
  const variance = meanOf(samples.map((x) => (x - mean) ** 2));
  return Math.abs(mean - expected) / Math.sqrt(variance / samples.length);
}

/**
 * The Kolmogorov-Smirnov distance times the root of the number of samples. It exceeds 2.28 with probability
 * 2 exp(-2 * 2.28^2) = 6e-5, as a normal variable exceeds four standard deviations.
 */
function kolmogorovSmirnov(samples: readonly number[], distribution: (x: number) => number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const n = sorted.length;
  const distances = sorted.map((x, i) => {
    const p = distribution(x);
    return Math.max(Math.abs(p - i / n), Math.abs((i + 1) / n - p));
  });
  return Math.max(...distances) * Math.sqrt(n);
}

/** The normal distribution function, by Simpson's rule on the density. */
function normalDistribution(x: number): number {
  const [from, steps] = [-9, 400];
  const width = (x - from) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((from + i * width) ** 2) / 2);
  }
  return (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}

const eulerGamma = 0.5772156649015329;
const truncatedMass = normalDistribution(2) - normalDistribution(-0.5);

describe.each(["float32", "float64"] as const)("samples in %s follow their distribution", (dtype) => {
  test.each([
    {
      name: "uniform",
      draw: (key: Tensor) => random.uniform(key, [count], { dtype }),
      distribution: (x: number) => x,
      mean: 1 / 2,
      secondMoment: 1 / 3,
    },
    {
      name: "uniform on [-3, 5)",
      draw: (key: Tensor) => random.uniform(key, [count], { dtype, minval: -3, maxval: 5 }),
      distribution: (x: number) => (x + 3) / 8,
      mean: 1,
      secondMoment: 1 + 64 / 12,
    },
    {
      name: "normal",
      draw: (key: Tensor) => random.normal(key, [count], { dtype }),
      distribution: normalDistribution,
      mean: 0,
      secondMoment: 1,
    },
    {
      name: "exponential",
      draw: (key: Tensor) => random.exponential(key, [count], { dtype }),
      distribution: (x: number) => 1 - Math.exp(-x),
      mean: 1,
      secondMoment: 2,
    },
    {
      name: "gumbel",
      draw: (key: Tensor) => random.gumbel(key, [count], { dtype }),
      distribution: (x: number) => Math.exp(-Math.exp(-x)),
      mean: eulerGamma,
      secondMoment: Math.PI ** 2 / 6 + eulerGamma ** 2,
    },
    {
      name: "truncatedNormal on (-1/2, 2)",
      draw: (key: Tensor) => random.truncatedNormal(key, -0.5, 2, [count], { dtype }),
      distribution: (x: number) => (normalDistribution(x) - normalDistribution(-0.5)) / truncatedMass,
      // With phi the density: E x = (phi(a) - phi(b)) / mass, E x^2 = 1 + (a phi(a) - b phi(b)) / mass.
      mean: (Math.exp(-0.125) - Math.exp(-2)) / Math.sqrt(2 * Math.PI) / truncatedMass,
      secondMoment: 1 + (-0.5 * Math.exp(-0.125) - 2 * Math.exp(-2)) / Math.sqrt(2 * Math.PI) / truncatedMass,
    },
  ])("$name", ({ draw, distribution, mean, secondMoment }) => {
    const drawn: Tensor = draw(random.key(2_024));
    expect([drawn.dtype, drawn.shape]).toEqual([dtype, [count]]);
    const samples = samplesOf(drawn);
    expect(kolmogorovSmirnov(samples, distribution)).toBeLessThan(2.28);
    expect(standardErrors(samples, mean)).toBeLessThan(4);
    const squares = samples.map((x) => x * x);
    expect(standardErrors(squares, secondMoment)).toBeLessThan(4);
  });
});

describe("discrete samples follow their probabilities", () => {
  const frequencies = (samples: readonly number[], classes: number): number[] =>
    Array.from({ length: classes }, (_, k) => samples.filter((x) => x === k).length / samples.length);
  const withinFourErrors = (observed: readonly number[], expected: readonly number[], n: number): void =>
    observed.forEach((frequency, k) => {
      const p = expected[k]!;
      expect(Math.abs(frequency - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / n));
    });

  test("bernoulli, for a number and for a tensor of probabilities", () => {
    const single = samplesOf(random.bernoulli(random.key(1), 0.3, [count]));
    withinFourErrors([meanOf(single)], [0.3], count);
    const several = random.bernoulli(random.key(2), tensor([0.1, 0.9]), [count, 2]);
    expect(several.dtype).toBe("bool");
    withinFourErrors(samplesOf(several.astype("float32").mean(0)), [0.1, 0.9], count);
  });

  test("categorical: softmax of the logits", () => {
    const p = [0.1, 0.2, 0.3, 0.4];
    const logits = tensor(p.map((x) => Math.log(x) + 3));
    const drawn = random.categorical(random.key(3), logits, { shape: [count] });
    expect(drawn.dtype).toBe("int32");
    withinFourErrors(frequencies(samplesOf(drawn), 4), p, count);
  });

  test("categorical never draws a class of probability 0", () => {
    const drawn = random.categorical(random.key(4), tensor([0, -Infinity, 0]), { shape: [200] });
    expect(new Set(samplesOf(drawn))).toEqual(new Set([0, 2]));
  });

  test("categorical takes the class axis where it is told, and draws for each row", () => {
    const logits = tensor([
      [50, 0],
      [0, 50],
      [0, 0],
    ]);
    expect(random.categorical(random.key(5), logits, { axis: 0 }).arraySync()).toEqual([0, 1]);
    const many: Tensor = random.categorical(random.key(5), logits, { axis: 0, shape: [7, 2] });
    expect(many.arraySync()).toEqual(Array.from({ length: 7 }, () => [0, 1]));
    expect(random.categorical(random.key(5), logits.transpose()).arraySync()).toEqual([0, 1]);
  });

  test("randint: each of six faces", () => {
    const dice = samplesOf(random.randint(random.key(6), [count], 1, 7));
    withinFourErrors(
      frequencies(
        dice.map((x) => x - 1),
        6,
      ),
      Array(6).fill(1 / 6),
      count,
    );
  });

  test("randint over the whole range of its dtype", () => {
    const all = samplesOf(random.randint(random.key(7), [100], -(2 ** 31), 2 ** 31));
    expect(all.some((x) => x < -(2 ** 30)) && all.some((x) => x > 2 ** 30)).toBe(true);
  });

  test("permutation: each of the six orders of three", () => {
    const orders = Array.from({ length: 600 }, (_, i) =>
      samplesOf(random.permutation(random.foldIn(random.key(8), i), 3)).join(),
    );
    const codes = ["0,1,2", "0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"];
    withinFourErrors(
      frequencies(
        orders.map((order) => codes.indexOf(order)),
        6,
      ),
      Array(6).fill(1 / 6),
      600,
    );
  });
});

describe("bounds", () => {
  test("uniform stays within [minval, maxval) where float32 allows it", () => {
    const samples = samplesOf(random.uniform(random.key(9), [count], { minval: 2, maxval: 3 }));
    expect(Math.min(...samples)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...samples)).toBeLessThan(3);
  });

  test("truncatedNormal never reaches its bounds, even where they are neighbours of one number", () => {
    const between = 0.5 + 2 ** -24;
    const samples = samplesOf(random.truncatedNormal(random.key(10), 0.5, 0.5 + 2 ** -23, [100]));
    expect(new Set(samples)).toEqual(new Set([between]));
  });

  test("truncatedNormal with one open side", () => {
    const samples = samplesOf(random.truncatedNormal(random.key(11), 1, Infinity, [count]));
    expect(Math.min(...samples)).toBeGreaterThan(1);
    expect(Math.max(...samples)).toBeLessThan(6);
  });

  test("truncatedNormal is finite in a tail where float32 rounds u to 1", () => {
    const samples = samplesOf(random.truncatedNormal(random.key(12), 4.5, Infinity, [count]));
    expect(samples.every((x) => x >= 4.5 && x < 5.6)).toBe(true);
  });

  test("gumbel and exponential are finite", () => {
    for (const draw of [random.gumbel, random.exponential]) {
      expect(samplesOf(draw(random.key(12), [count])).every(Number.isFinite)).toBe(true);
    }
  });
});

describe("permutation and choice", () => {
  test("permutation of a tensor moves whole slices", () => {
    const x = tensor([
      [0, 1],
      [10, 11],
      [20, 21],
      [30, 31],
    ]);
    const order = samplesOf(random.permutation(random.key(13), 4));
    expect(random.permutation(random.key(13), x).arraySync()).toEqual(order.map((i) => [10 * i, 10 * i + 1]));
  });

  test("choice without replacement draws each at most once", () => {
    const drawn = samplesOf(random.choice(random.key(14), 10, [2, 5], { replace: false }));
    expect(drawn.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("choice with replacement is randint, of slices too", () => {
    const x = tensor([5, 6, 7]);
    const indices = samplesOf(random.randint(random.key(15), [20], 0, 3));
    expect(samplesOf(random.choice(random.key(15), x, [20]))).toEqual(indices.map((i) => 5 + i));
    expect(random.choice(random.key(15), x, [0]).shape).toEqual([0]);
  });
});

test("samples are constants to a derivative, parameters around them are not", () => {
  const slope = grad((scale: Tensor<[]>) => scale.mul(random.normal(random.key(16), [3])).sum())(tensor(2));
  expect(slope.itemSync()).toBeCloseTo(
    samplesOf(random.normal(random.key(16), [3])).reduce((a, b) => a + b),
    5,
  );
});

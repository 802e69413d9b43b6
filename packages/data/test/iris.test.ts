import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend, type Tensor, tensor } from "@amari/core";
import { describe, expect, test } from "vitest";
import { featureStatistics, iris, standardise } from "../src/index.ts";

setDefaultBackend(referenceBackend());

const { x, y, featureNames, classNames } = iris({ dtype: "float64" });
const rows = x.arraySync() as number[][];

describe("iris", () => {
  test("has 150 flowers, 50 of each species in order", () => {
    expect([x.shape, y.shape, y.dtype]).toEqual([[150, 4], [150], "int32"]);
    expect(y.arraySync()).toEqual(Array.from({ length: 150 }, (_, i) => Math.floor(i / 50)));
    expect([featureNames.length, classNames.length]).toEqual([4, 3]);
  });

  test("has the means and deviations of Fisher's table, not of the copy with errors", () => {
    const means = Array.from(x.mean(0).dataSync());
    for (const [i, mean] of [5.843333, 3.057333, 3.758, 1.199333].entries())
      expect(means[i]).toBeCloseTo(mean, 6);
    // Fisher's table II: the means of the three species.
    const ofSpecies = x.reshape([3, 50, 4]).mean(1).arraySync() as number[][];
    const printed = [
      [5.006, 3.428, 1.462, 0.246],
      [5.936, 2.77, 4.26, 1.326],
      [6.588, 2.974, 5.552, 2.026],
    ];
    for (const [i, row] of printed.entries()) {
      for (const [j, mean] of row.entries()) expect(ofSpecies[i]![j]).toBeCloseTo(mean, 9);
    }
  });

  test("has flowers 35 and 38 as Fisher printed them", () => {
    expect(rows[34]).toEqual([4.9, 3.1, 1.5, 0.2]);
    expect(rows[37]).toEqual([4.9, 3.6, 1.4, 0.1]);
  });

  test("has the first, a middle and the last flower", () => {
    expect([rows[0], rows[50], rows[149]]).toEqual([
      [5.1, 3.5, 1.4, 0.2],
      [7, 3.2, 4.7, 1.4],
      [5.9, 3, 5.1, 1.8],
    ]);
  });

  test("is float32 unless said", () => {
    expect(iris().x.dtype).toBe("float32");
  });
});

describe("standardise", () => {
  test("gives every feature mean 0 and variance 1", () => {
    const z = standardise(x);
    for (const mean of z.mean(0).dataSync()) expect(mean).toBeCloseTo(0, 12);
    for (const variance of z.variance(0).dataSync()) expect(variance).toBeCloseTo(1, 12);
  });

  test("puts other data on the scale of given statistics", () => {
    const statistics = featureStatistics(tensor([[0, 10], [2, 30]], { dtype: "float64" })); // biome-ignore format: a table
    expect(standardise(tensor([4, 20], { dtype: "float64" }), statistics).arraySync()).toEqual([3, 0]);
  });

  test("leaves a constant feature at 0", () => {
    expect(standardise(tensor([[7], [7]])).arraySync()).toEqual([[0], [0]]);
  });

  test("refuses statistics of other features, and scalars", () => {
    const other: Tensor = tensor([[1, 2, 3]]);
    expect(() => standardise(other, featureStatistics(x))).toThrow(
      /x has 3 features.*the statistics are of 4/,
    );
    expect(() => featureStatistics(tensor(1))).toThrow(/got a scalar/);
  });
});

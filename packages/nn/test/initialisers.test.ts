import { referenceBackend } from "@amari/backend-reference";
import { random, ShapeError, setDefaultBackend } from "@amari/core";
import { describe, expect, test } from "vitest";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  leCunNormal,
  leCunUniform,
  torchUniform,
} from "../src/index.ts";

setDefaultBackend(referenceBackend());

const [fanIn, fanOut] = [60, 20];
const key = random.key(7);

describe.each([
  { name: "leCunNormal", initialise: leCunNormal, variance: 1 / fanIn, bound: Infinity },
  { name: "leCunUniform", initialise: leCunUniform, variance: 1 / fanIn, bound: Math.sqrt(3 / fanIn) },
  { name: "glorotNormal", initialise: glorotNormal, variance: 2 / (fanIn + fanOut), bound: Infinity },
  {
    name: "glorotUniform",
    initialise: glorotUniform,
    variance: 2 / (fanIn + fanOut),
    bound: Math.sqrt(6 / (fanIn + fanOut)),
  },
  { name: "heNormal", initialise: heNormal, variance: 2 / fanIn, bound: Infinity },
  { name: "heUniform", initialise: heUniform, variance: 2 / fanIn, bound: Math.sqrt(6 / fanIn) },
  { name: "torchUniform", initialise: torchUniform, variance: 1 / (3 * fanIn), bound: 1 / Math.sqrt(fanIn) },
])("$name", ({ name, initialise, variance, bound }) => {
  const samples = Array.from(initialise(key, [fanIn, fanOut], { dtype: "float64" }).dataSync());

  test("has mean 0 and the variance of its formula, within four standard errors", () => {
    const n = samples.length;
    const mean = samples.reduce((a, b) => a + b, 0) / n;
    const second = samples.reduce((sum, x) => sum + x * x, 0) / n;
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / n));
    // The variance of x^2 is 2 v^2 for a normal, less for a uniform variable.
    expect(Math.abs(second - variance)).toBeLessThan(4 * variance * Math.sqrt(2 / n));
  });

  test("stays within its bound, and comes near it", () => {
    const largest = Math.max(...samples.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(bound === Infinity ? 2 * Math.sqrt(variance) : 0.98 * bound);
  });

  test("counts the axes before the last two as inputs", () => {
    const window = initialise(key, [3, fanIn / 3, fanOut], { dtype: "float64" }).reshape([fanIn, fanOut]);
    // fanOut grows by the window too, which only the initialisers of Glorot see.
    const scale = name.startsWith("glorot") ? Math.sqrt((fanIn + 3 * fanOut) / (fanIn + fanOut)) : 1;
    for (const [i, x] of window.dataSync().entries()) expect(x * scale).toBeCloseTo(samples[i]!, 12);
  });

  test("refuses a shape without inputs and outputs", () => {
    expect(() => initialise(key, [3])).toThrow(ShapeError);
    expect(() => initialise(key, [3])).toThrow(/got the shape \[3\]; for a bias write zeros\(shape\)/);
  });
});

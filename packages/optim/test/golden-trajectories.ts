import { jit, type Tensor } from "@amari/core";
import { expect } from "vitest";
import { applyUpdates, type Optimizer } from "../src/index.ts";
import golden from "./fixtures/golden.json" with { type: "json" };
import { type Problem, problems } from "./problems.ts";
import { values } from "./setup.ts";

const steps = golden.meta.steps;

/** Theta after each step, on the default backend. */
export function trajectory(optimizer: Optimizer, problem: Problem, sign: 1 | -1): number[][] {
  const step = jit((gradient: Tensor, before: unknown, at: Tensor): [Tensor, unknown] => {
    const [updates, after] = optimizer.update(gradient, before, at);
    return [applyUpdates(at, updates), after];
  });
  let theta = problem.theta0;
  let state: unknown = optimizer.init(theta);
  return Array.from({ length: steps }, (_, i) => {
    const gradient = problem.gradient(theta, i + 1);
    [theta, state] = step(gradient.mul(sign), state, theta);
    return values(theta);
  });
}

/** The tolerance of the golden file: rounding of 20 steps, and of the exponentials of another library. */
export function expectTrajectory(actual: number[][], expected: readonly (readonly number[])[]): void {
  actual.forEach((theta, step) => {
    theta.forEach((a, i) => {
      const b = expected[step]![i]!;
      expect(Math.abs(a - b), `step ${step + 1}, element ${i}: ${a} against ${b}`).toBeLessThanOrEqual(
        1e-12 + 1e-11 * Math.abs(b),
      );
    });
  });
}

/** The problems of a configuration with what was recorded for them. */
export const recorded = (configuration: object): [string, number[][]][] =>
  Object.entries(configuration).filter(([key]) => key in problems) as [string, number[][]][];

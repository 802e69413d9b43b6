import { jit, type Tensor } from "@amari/core";
import { describe, expect, test } from "vitest";
import { applyUpdates, fadam, type StateOf } from "../src/index.ts";
import { convergence, properties } from "./fadam-properties.ts";
import { type Implementation, mutant, mutations } from "./mutants.ts";
import { f64, values } from "./setup.ts";

// Whether the properties would notice a mistake: each of a list of plausible ones must break at least one of them.

type Step = (gradient: Tensor, state: unknown, theta: Tensor) => [Tensor, unknown, Tensor];
const compiled = new Map<string, Step>();

/** The optimizer of this package behind the interface of the mutants; one compiled step for each of the settings. */
const ours: Implementation = (settings, start, gradients) => {
  const { initialFisher = 1, injected, learningRate, ...options } = settings;
  const optimizer = fadam({
    ...options,
    learningRate:
      typeof learningRate === "number"
        ? learningRate
        : (count, dtype) =>
            gradients.reduce(
              (rate, _, i) => count.eq(i).where(learningRate(i + 1), rate) as Tensor,
              count.astype(dtype),
            ),
    fisher: injected === undefined ? "minibatch" : "injected",
  });
  const key = JSON.stringify([options, String(learningRate), injected]);
  const extra = injected === undefined ? {} : { fisherDiagonal: f64(injected) };
  const step: Step =
    compiled.get(key) ??
    (jit((gradient: Tensor, state: unknown, theta: Tensor): [Tensor, unknown, Tensor] => {
      const [update, next] = optimizer.update(
        gradient,
        state as StateOf<typeof optimizer, Tensor>,
        theta,
        extra,
      );
      return [update, next, applyUpdates(theta, update)];
    }) as Step);
  compiled.set(key, step);

  let theta = f64(start);
  let state: unknown = { ...optimizer.init(theta), fisher: theta.mul(0).add(initialFisher) };
  const updates: number[][] = [];
  const parameters: number[][] = [];
  for (const gradient of gradients) {
    const [update, next, moved] = step(f64(gradient(values(theta))), state, theta);
    [state, theta] = [next, moved];
    updates.push(values(update));
    parameters.push(values(theta));
  }
  return { updates, parameters };
};

describe("the properties hold", () => {
  test.each(properties)("for fadam: $name", ({ holds }) => {
    expect(holds(ours)).toBe(true);
  });

  test.each(properties)("for Algorithm 1 on plain numbers: $name", ({ holds }) => {
    expect(holds(mutant(null))).toBe(true);
  });

  test("for both: $name".replace("$name", convergence.name), () => {
    expect([convergence.holds(ours), convergence.holds(mutant(null))]).toEqual([true, true]);
  });
});

describe("each mistake breaks a property", () => {
  const killers = new Map(
    mutations.map((mutation) => [
      mutation,
      properties.filter(({ holds }) => !holds(mutant(mutation))).map(({ name }) => name),
    ]),
  );

  test.each(mutations)("%s", (mutation) => {
    expect(killers.get(mutation)).not.toEqual([]);
  });

  test("each property is broken by some mistake", () => {
    for (const { name } of properties) {
      expect(
        [...killers.values()].some((names) => names.includes(name)),
        name,
      ).toBe(true);
    }
  });

  test("a test of convergence alone notices almost none of them", () => {
    const noticed = mutations.filter((mutation) => !convergence.holds(mutant(mutation)));
    const killed = [...killers.values()].filter((names) => names.length > 0).length;
    console.log(
      `mutation check: ${properties.length} properties kill ${killed} of ${mutations.length} mutants; ` +
        `a convergence test kills ${noticed.length} (${noticed.join(", ")})`,
    );
    expect(noticed.length).toBeLessThan(mutations.length / 4);
    expect(noticed).toContain("ascends");
  });
});

import { readFileSync } from "node:fs";
import { ArgumentError, type Tensor, zerosLike } from "@amari/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { importsOf, relativeTarget } from "../../../scripts/imports.ts";
import { adam, fadam, type Optimizer, perTensor, type StateOf, sgd, type Traits } from "../src/index.ts";
import { checkOptimizer, LawError, optimizerLaws } from "../src/laws/index.ts";
import { f64, values } from "./setup.ts";

const momentum = (traits: Traits, clip: (x: Tensor) => Tensor = (x) => x.clip(-1, 1)) =>
  perTensor({
    name: "clippedMomentum",
    traits,
    slots: { momentum: zerosLike },
    step: ({ gradient }, slots) => {
      const next = slots.momentum.mul(0.5).add(gradient);
      return [clip(next).mul(-0.1), { momentum: next }];
    },
  });
const oneSided = (x: Tensor): Tensor => x.minimum(1);

function failure(check: () => void): LawError {
  try {
    check();
  } catch (error) {
    if (error instanceof LawError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("perTensor", () => {
  test("lifts a rule for one tensor to trees, and infers the type of the state", () => {
    const optimizer = momentum({});
    const params = { w: f64([1, 2]), b: [f64(3)] };
    const state = optimizer.init(params);
    expectTypeOf<StateOf<typeof optimizer, typeof params>["momentum"]>().toEqualTypeOf<typeof params>();
    const [updates, next] = optimizer.update({ w: f64([0.5, -4]), b: [f64(2)] }, state, params);
    expect(values(updates.w)).toEqual([-0.05, 0.1]);
    expect(values(updates.b[0]!)).toEqual([-0.1]);
    expect(values(next.momentum.w)).toEqual([0.5, -4]);
    expect(values(next.count)).toEqual([1]);
  });
});

describe("optimizerLaws", () => {
  test("are those that the optimizer declares something about, in words", () => {
    const laws = optimizerLaws(momentum({ signEquivariance: "satisfies", lossScaleInvariance: "violates" }));
    expect(laws.map(({ name, trait }) => [name, trait])).toEqual([
      ["signEquivariance", "satisfies"],
      ["lossScaleInvariance", "violates"],
    ]);
    expect(laws[0]!.description).toMatch(/flipping the sign/);
    for (const law of laws) law.check();
  });

  test("the same seed finds the same counterexample", () => {
    const [law] = optimizerLaws(momentum({ signEquivariance: "satisfies" }, oneSided));
    const { findings } = failure(() => law!.check());
    const [{ seed, numRuns }] = findings as [(typeof findings)[0]];
    expect(failure(() => law!.check({ seed, numRuns })).findings).toEqual(findings);
  });

  test("NaN breaks a law", () => {
    const [law] = optimizerLaws(momentum({ signEquivariance: "satisfies" }, (x) => x.mul(Number.NaN)));
    expect(() => law!.check()).toThrow(LawError);
  });

  test("a law about the learning rate asks for it", () => {
    const laws = optimizerLaws(sgd({ learningRate: 0.1 }));
    const monotone = laws.find(({ name }) => name === "monotoneOnQuadratics")!;
    expect(() => monotone.check()).toThrow(ArgumentError);
    expect(() => monotone.check()).toThrow(/optimizerLaws\(optimizer, \{ learningRate \}\)/);
  });

  test("a law about the Fisher estimate needs a state that has one", () => {
    const [law] = optimizerLaws(momentum({ fisherInitialisationInvariance: "satisfies" }));
    expect(() => law!.check()).toThrow(/whose state has a tree `fisher`, got a state of \[count, momentum\]/);
  });

  test("an optimizer that needs the Fisher diagonal is refused, and so is a trait without a law", () => {
    expect(() => optimizerLaws(fadam({ learningRate: 0.1, fisher: "injected" }))).toThrow(ArgumentError);
    expect(() => optimizerLaws(momentum({ symmetry: "satisfies" } as Traits))).toThrow(/no trait symmetry/);
  });
});

describe("checkOptimizer", () => {
  test.each([1e-4, 0.3])("accepts optimizers of this package at a learning rate of %d", (learningRate) => {
    const optimizers: Optimizer[] = [
      sgd({ learningRate, momentum: 0.9 }),
      sgd({ learningRate, weightDecay: 0.1 }),
      adam({ learningRate }),
      fadam({ learningRate }),
    ];
    for (const optimizer of optimizers) checkOptimizer(optimizer, { learningRate });
  });

  test("names every law that fails, with its counterexample and the seed", () => {
    const wrong = momentum({ signEquivariance: "satisfies", permutationEquivariance: "violates" }, oneSided);
    const error = failure(() => checkOptimizer(wrong, { seed: 7, numRuns: 50 }));
    expect(error.findings).toMatchObject([
      { law: "signEquivariance", seed: 7, numRuns: 50 },
      { law: "permutationEquivariance", counterexample: undefined },
    ]);
    expect(error.message).toMatch(/clippedMomentum declares to satisfy signEquivariance and does not/);
    expect(error.message).toMatch(/counterexample {2}\{"at":\{"parameters":\[\[0,0,0,0\]/);
    expect(error.message).toMatch(/repeat by {7}check\(\{ seed: 7, numRuns: 50 \}\)/);
    expect(error.message).toMatch(/violate permutationEquivariance, but none of 50 samples breaks it/);
  });

  test("an optimizer that declares nothing has nothing to check, which is an error", () => {
    expect(() => checkOptimizer(momentum({}))).toThrow(/declares no trait/);
  });
});

test("the main entry of the package imports neither the laws nor fast-check", () => {
  const root = new URL("../", import.meta.url).pathname;
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier } of importsOf(path, readFileSync(root + path, "utf8")))
      if (specifier.startsWith(".")) visit(relativeTarget(path, specifier));
      else seen.add(specifier);
  };
  visit("src/index.ts");
  expect(seen).toContain("src/per-tensor.ts");
  expect([...seen].filter((path) => path.startsWith("src/laws/") || path === "fast-check")).toEqual([]);
});

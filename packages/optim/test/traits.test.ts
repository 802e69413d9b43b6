import { describe, expect, test } from "vitest";
import {
  adafactor,
  adafactorAsPrinted,
  adam,
  adamAsPrinted,
  adamw,
  addDecayedWeights,
  chain,
  clipByGlobalNorm,
  clipByRms,
  fadafactor,
  fadam,
  kozistr,
  laprop,
  lessw2020,
  type Optimizer,
  paperV2,
  scaleByLearningRate,
  sgd,
  skipNonFinite,
  traceMomentum,
} from "../src/index.ts";
import { optimizerLaws } from "../src/laws/index.ts";
import { traitLaws } from "../src/laws/trait-laws.ts";
import "./setup.ts";

const learningRate = 0.05;

const bare = { learningRate, clip: null, weightDecay: 0 } as const;

const optimizers: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate }),
  "sgd with momentum": sgd({ learningRate, momentum: 0.9, dampening: 0.5 }),
  "sgd with Nesterov's momentum": sgd({ learningRate, momentum: 0.9, nesterov: true }),
  "sgd with decay": sgd({ learningRate, weightDecay: 0.1 }),
  adam: adam({ learningRate }),
  "adam without epsilon": adam({ learningRate, epsilon: 0 }),
  "adam with L2": adam({ learningRate, weightDecay: 0.1 }),
  "adam, AMSGrad": adam({ learningRate, amsgrad: "raw" }),
  adamw: adamw({ learningRate }),
  "adamw without epsilon": adamw({ learningRate, epsilon: 0 }),
  laprop: laprop({ learningRate }),
  "laprop without epsilon": laprop({ learningRate, epsilon: 0 }),
  fadam: fadam({ learningRate }),
  "fadam, version 2": fadam({ ...paperV2, learningRate }),
  "fadam, relative epsilon": fadam({ learningRate, epsilon: Infinity, weightDecay: 0 }),
  "fadam, bare": fadam({ ...bare, epsilon: 0 }),
  "fadam, bare, rho = 1": fadam({ ...bare, epsilon: 0, rho: 1 }),
  "fadam, fixed epsilon": fadam({ learningRate, epsilon2: Infinity, clip: null }),
  "fadam, rho = 0.7": fadam({ learningRate, rho: 0.7, clip: 0.5 }),
  "fadam, decoupled decay": fadam({ learningRate, decayForm: "decoupled", weightDecay: 0.1 }),
  "fadam, momentum unbiased": fadam({ learningRate, momentumBias: true }),
  "fadam, lessw2020": fadam({ ...lessw2020, learningRate }),
  "fadam, kozistr": fadam({ ...kozistr, learningRate }),
  fadafactor: fadafactor({ learningRate }),
  "fadafactor, relative epsilon": fadafactor({ learningRate, epsilon: Infinity, weightDecay: 0 }),
  "fadafactor, bare, rho = 1": fadafactor({ ...bare, epsilon: 0, rho: 1 }),
  "fadafactor, decoupled decay": fadafactor({ learningRate, decayForm: "decoupled", weightDecay: 0.1 }),
  adafactor: adafactor({ learningRate }),
  "adafactor with decay": adafactor({ learningRate, weightDecay: 0.1, scaleByParameter: false }),
  "adafactor, absolute steps": adafactor({ learningRate, scaleByParameter: false, relativeStep: false }),
  adamAsPrinted: adamAsPrinted({ learningRate }),
  adafactorAsPrinted: adafactorAsPrinted({ learningRate }),
  "a chain of linear parts": chain(
    clipByGlobalNorm(1),
    traceMomentum({ decay: 0.9 }),
    scaleByLearningRate(learningRate),
  ),
  "a chain with a clip and decay": chain(
    clipByRms(1),
    addDecayedWeights(0.1),
    scaleByLearningRate(learningRate),
  ),
  "fadam that skips non-finite gradients": skipNonFinite(fadam({ learningRate })),
};

describe.each(Object.entries(optimizers))("%s", (_, optimizer) => {
  test.each(optimizerLaws(optimizer, { learningRate }))("$trait $name", ({ check }) => check());
});

test("every trait is declared by some optimizer, and every one but the bound is broken by some", () => {
  const all = Object.values(optimizers).flatMap((o) => Object.entries(o.traits));
  for (const name of Object.keys(traitLaws)) {
    const found = all.filter(([key]) => key === name).map(([, trait]) => trait);
    expect(
      found.some((trait) => trait !== "violates"),
      name,
    ).toBe(true);
    if (
      ![
        "rmsStepBound",
        "signEquivariance",
        "transposeEquivariance",
        "fisherInitialisationInvariance",
      ].includes(name)
    )
      expect(found, name).toContain("violates");
  }
});

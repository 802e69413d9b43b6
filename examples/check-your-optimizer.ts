// A home-made optimizer, checked by laws instead of by a training run: a law states what must hold for all gradients, and
// fast-check looks for gradients that break it. A second version has a plausible bug, which training hides and a law shows.
import { LawError, optimizerLaws } from "@amari/optim/laws";
import {
  applyUpdates,
  type Optimizer,
  ones,
  perTensor,
  sgd,
  type Tensor,
  type Traits,
  zerosLike,
} from "amari";

const learningRate = 0.05;

/** What we believe about both versions. */
const traits: Traits = {
  signEquivariance: "satisfies",
  permutationEquivariance: "satisfies",
  translationInvariance: "satisfies",
  zeroGradientFixedPoint: "satisfies",
};

/** Descent along the momentum, whose elements are clipped. */
const clippedMomentum = (name: string, clip: (x: Tensor) => Tensor) =>
  perTensor({
    name,
    traits,
    slots: { momentum: zerosLike },
    step: ({ gradient }, slots) => {
      const momentum = slots.momentum.mul(0.9).add(gradient.mul(0.1));
      return [clip(momentum).mul(-learningRate), { momentum }];
    },
  });

const right = clippedMomentum("right", (x) => x.clip(-1, 1));
const wrong = clippedMomentum("wrong", (x) => x.minimum(1)); // the planted bug: one side is not clipped

/** How far each optimizer comes down a bowl: the check that most optimizers get. */
function descend(optimizer: Optimizer): number {
  let x: Tensor = ones([4], { dtype: "float64" });
  let state = optimizer.init(x);
  for (let i = 0; i < 200; i++) {
    const [updates, next] = optimizer.update(x.mul(2) as Tensor, state, x);
    x = applyUpdates(x, updates);
    state = next;
  }
  return x.square().sum().itemSync();
}

for (const optimizer of [sgd({ learningRate }), right, wrong]) {
  console.log(`\n${optimizer.name}: from 4 to ${descend(optimizer).toExponential(1)} on a bowl in 200 steps`);
  for (const { name, trait, description, check } of optimizerLaws(optimizer, { learningRate })) {
    try {
      check({ numRuns: 50, seed: 1 });
      console.log(`  ${trait === "satisfies" ? "holds " : "breaks"}  ${description}`);
    } catch (error) {
      if (!(error instanceof LawError)) throw error;
      console.log(`  BROKEN  ${description}`);
      for (const { counterexample } of error.findings)
        console.log(`          ${name} fails for ${JSON.stringify(counterexample)}`);
    }
  }
}

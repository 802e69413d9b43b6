// A home-made optimizer, checked by laws instead of by a training run: a law states what must hold for all gradients, and
// fast-check looks for gradients that break it. A second version has a plausible bug, which training hides and a law shows.
import {
  applyUpdates,
  mapTree,
  mapTrees,
  type Optimizer,
  ones,
  type StateKind,
  sgd,
  type Tensor,
  zerosLike,
} from "amari";
import fc from "fast-check";
import { traitLaws } from "../packages/optim/test/trait-laws.ts";

interface MomentumState<P> {
  readonly momentum: P;
}

/** How the type of the state follows from that of the parameters. */
interface MomentumKind extends StateKind {
  readonly state: MomentumState<this["params"]>;
}

/** Descent along the momentum, whose elements are clipped. */
function clippedMomentum(learningRate: number, clip: (x: Tensor) => Tensor): Optimizer<MomentumKind> {
  const init = (params: unknown) => ({ momentum: mapTree(params, zerosLike) });
  const update = (gradients: unknown, state: MomentumState<unknown>) => {
    const momentum = mapTrees((m, g) => m.mul(0.9).add(g.mul(0.1)), state.momentum, gradients);
    return [mapTree(momentum, (m) => clip(m).mul(-learningRate)), { momentum }];
  };
  const optimizer = { name: "clippedMomentum", traits: {}, needsFisherDiagonal: false, init, update };
  return optimizer as unknown as Optimizer<MomentumKind>;
}

const right = clippedMomentum(0.05, (x) => x.clip(-1, 1));
const wrong = clippedMomentum(0.05, (x) => x.minimum(1)); // the planted bug: one side is not clipped

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

const laws = [
  "signEquivariance",
  "permutationEquivariance",
  "translationInvariance",
  "zeroGradientFixedPoint",
] as const;

for (const [name, optimizer] of Object.entries({ sgd: sgd({ learningRate: 0.05 }), right, wrong })) {
  console.log(`\n${name}: from 4 to ${descend(optimizer).toExponential(1)} on a bowl in 200 steps`);
  for (const law of laws) {
    const { title, arbitrary, residuals, tolerance } = traitLaws[law];
    const holds = fc.property(arbitrary, (sample) => residuals(optimizer, [sample])[0]! <= tolerance);
    const { failed, counterexample, numShrinks } = fc.check(holds, { numRuns: 50, seed: 1 });
    console.log(`  ${failed ? "BROKEN" : "holds "}  ${title}`);
    if (failed) console.log(`          shrunk ${numShrinks} times to ${JSON.stringify(counterexample![0])}`);
  }
}

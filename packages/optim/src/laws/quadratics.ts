import { jit, type Tensor, vmap } from "@amari/core";
import fc from "fast-check";
import { applyUpdates, type Optimizer } from "../optimizer.ts";
import { matrix } from "./arbitraries.ts";
import { f64, values } from "./arrays.ts";
import { columns, mapElements, rows } from "./compare-updates.ts";
import { unitRoundoff } from "./numbers.ts";
import { type AnyTraitLaw, law } from "./trait-law.ts";

/** The quadratic programs are closed loops: each gradient is taken where the step before has led. */
const quadraticPrograms = new WeakMap<Optimizer, (theta: Tensor, curvature: Tensor) => Tensor[]>();
function lossesOnQuadratic(optimizer: Optimizer, theta0: Tensor, curvature: Tensor): number[][] {
  let program = quadraticPrograms.get(optimizer);
  if (program === undefined) {
    const descend = (theta: Tensor, h: Tensor): Tensor[] => {
      let state = optimizer.init(theta);
      const losses = [theta.square().mul(h).sum() as Tensor];
      for (let t = 0; t < 20; t++) {
        const [update, next] = optimizer.update(theta.mul(h) as Tensor, state, theta);
        state = next;
        theta = applyUpdates(theta, update);
        losses.push(theta.square().mul(h).sum() as Tensor);
      }
      return losses;
    };
    program = jit(vmap(descend)) as unknown as (theta: Tensor, curvature: Tensor) => Tensor[];
    quadraticPrograms.set(optimizer, program);
  }
  return program(theta0, curvature).map(values);
}

export const monotoneOnQuadratics: AnyTraitLaw = law({
  description: "E19: a convex quadratic of curvature below 2 / learningRate falls at every step",
  arbitrary: fc.record({
    // Within five learning rates of the minimum, where a step of constant length must overshoot.
    theta: matrix(fc.integer({ min: -16, max: 16 }), rows, columns),
    curvature: matrix(fc.integer({ min: 1, max: 63 }), rows, columns),
  }),
  residuals: (optimizer, batch, learningRate) => {
    const rate = learningRate();
    const theta = f64(batch.map((one) => mapElements(one.theta, (x) => (x * rate) / 3.2)));
    const h = f64(batch.map((one) => mapElements(one.curvature, (x) => ((x / 64) * 2) / rate)));
    const losses = lossesOnQuadratic(optimizer, theta, h);
    return batch.map((_, i) =>
      Math.max(...losses.slice(1).map((loss, t) => (loss[i]! - losses[t]![i]!) / (losses[0]![i]! + 1e-30))),
    );
  },
  // Each loss is a sum of 12 terms of relative error 6 u.
  tolerance: 20 * unitRoundoff,
});

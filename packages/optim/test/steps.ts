import { jit, type Tensor } from "@amari/core";
import { applyUpdates, type Optimizer } from "../src/index.ts";
import { f64, type Nested, values } from "./setup.ts";

/** What a number of steps did: updates[t] and parameters[t] are those of step t + 1, flattened. */
export interface Steps {
  readonly updates: readonly number[][];
  readonly parameters: readonly number[][];
  readonly state: unknown;
}

/** A function that takes one step of one float64 tensor for each of the gradients, compiled once for each shape. */
export function stepsOf(optimizer: Optimizer): (parameters: Nested, gradients: readonly Nested[]) => Steps {
  const program = jit((theta: Tensor, gradients: readonly Tensor[]): [Tensor[], Tensor[], unknown] => {
    let state = optimizer.init(theta);
    const updates: Tensor[] = [];
    const parameters: Tensor[] = [];
    for (const gradient of gradients) {
      const [update, next] = optimizer.update(gradient, state, theta);
      state = next;
      theta = applyUpdates(theta, update);
      updates.push(update);
      parameters.push(theta);
    }
    return [updates, parameters, state];
  });
  return (parameters, gradients) => {
    const [updates, after, state] = program(f64(parameters), gradients.map(f64));
    return { updates: updates.map(values), parameters: after.map(values), state };
  };
}

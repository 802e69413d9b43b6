import { type Backend, type DType, jit, random, type Tensor, tanh, tensor, valueAndGrad } from "@amari/core";
import { iris } from "@amari/data";
import { crossEntropy } from "@amari/nn";
import { adam, applyUpdates, fadafactor, fadam, sgd } from "@amari/optim";
import { isUnsupported, read, submitOn, type Value } from "./values.ts";

/** One optimizer's training on one backend, beside the first backend's. */
export interface Trajectory {
  readonly optimizer: string;
  readonly backend: string;
  /** The loss before each step. */
  readonly losses: readonly number[];
  /** For each step, how far the parameters are from the first backend's, relative to their largest magnitude. */
  readonly divergence: readonly number[];
  /** Milliseconds of a step, the first left out. */
  readonly milliseconds: number;
  /** Bytes that the backend holds in the end, or null where it does not say. */
  readonly memory: number | null;
  /** Why it was not run, or not to its end, or null. */
  readonly unsupported: string | null;
  /** Whether it should have been. */
  readonly failed: boolean;
}

type Params = readonly Tensor[];

interface Stepper {
  init(params: Params): unknown;
  update(gradients: Params, state: unknown, params: Params): [updates: Params, state: unknown];
}

const optimizers: Readonly<Record<string, (float: DType) => unknown>> = {
  fadam: () => fadam({ learningRate: 0.03 }),
  fadafactor: () => fadafactor({ learningRate: 0.03 }),
  // The usual 1e-8 is 0 in float16, and the first step 0 / 0.
  adam: (float) => adam({ learningRate: 0.03, epsilon: float === "float16" ? 1e-4 : 1e-8 }),
  sgd: () => sgd({ learningRate: 0.1, momentum: 0.9 }),
};

/** The names of the optimizers that are compared. */
export const comparedOptimizers: readonly string[] = Object.keys(optimizers);

function loss(params: Params, x: Tensor, y: Tensor): Tensor<[]> {
  const [w1, b1, w2, b2] = params as [Tensor, Tensor, Tensor, Tensor];
  const hidden = tanh(x.matmul(w1).add(b1)) as Tensor;
  return crossEntropy(hidden.matmul(w2).add(b2) as never, y as never).mean() as Tensor<[]>;
}

/** Host data, so that all backends start from the same bits. */
async function startingPoint(float: DType): Promise<Value[]> {
  const shapes = [[4, 16], [16], [16, 3], [3]];
  const keys = random.keys(random.key(0), 4) as unknown as Tensor[];
  return read(
    shapes.map((shape, i) =>
      (random.normal(keys[i]!, shape, { dtype: float as never }) as Tensor).mul(shape.length > 1 ? 0.5 : 0),
    ) as Tensor[],
  );
}

const onHost = ({ data, shape, dtype }: Value): Tensor =>
  tensor(Array.from(data), { shape, dtype }) as Tensor;

/** Trains the same network by each optimizer on each backend. Step by step only the first is the same computation. */
export async function compareTrajectories(
  backends: readonly Backend[],
  float: DType,
  steps: number,
  onTrajectory: (label: string) => void,
): Promise<Trajectory[]> {
  const start = await startingPoint(float);
  const { x, y } = iris({ dtype: float as "float32" });
  const data = await read([x as Tensor, y as Tensor]);
  const trajectories: Trajectory[] = [];
  for (const [optimizer, make] of Object.entries(optimizers)) {
    let first: readonly (readonly Value[])[] | null = null;
    for (const backend of backends) {
      onTrajectory(`${optimizer} on ${backend.name}`);
      const empty = {
        optimizer,
        backend: backend.name,
        losses: [],
        divergence: [],
        milliseconds: 0,
        memory: null,
        failed: false,
      };
      try {
        const run = await train(make(float) as Stepper, backend, start, data, steps);
        first ??= run.states;
        const divergence = run.states.map((state, i) => relativeDistance(state, first![i]!));
        const { losses, milliseconds } = run;
        const memory = (backend as { readonly memoryBytes?: number }).memoryBytes ?? null;
        trajectories.push({ ...empty, losses, divergence, milliseconds, memory, unsupported: null });
      } catch (error) {
        const failed = !isUnsupported(error);
        trajectories.push({ ...empty, unsupported: (error as Error).message, failed });
      }
    }
  }
  return trajectories;
}

interface Run {
  readonly losses: readonly number[];
  readonly states: readonly (readonly Value[])[];
  readonly milliseconds: number;
}

async function train(
  optimizer: Stepper,
  backend: Backend,
  start: readonly Value[],
  data: readonly Value[],
  steps: number,
): Promise<Run> {
  const step = jit((params: Params, state: unknown, x: Tensor, y: Tensor) => {
    const [value, gradients] = valueAndGrad((p: Params) => loss(p, x, y))(params);
    const [updates, next] = optimizer.update(gradients, state, params);
    return [applyUpdates(params, updates), next, value] as const;
  });
  let params: Params = start.map(onHost);
  let state = optimizer.init(params);
  const [x, y] = data.map(onHost) as [Tensor, Tensor];
  const losses: number[] = [];
  const states: Value[][] = [];
  let started = 0;
  for (let i = 0; i < steps; i++) {
    if (i === 1) started = performance.now();
    const value = submitOn(backend, () => {
      const [nextParams, nextState, loss] = step(params, state, x, y);
      [params, state] = [nextParams, nextState];
      return [loss, ...params];
    });
    const [lossValue, ...values] = await read(value);
    losses.push(lossValue!.data[0]!);
    states.push(values);
  }
  const milliseconds = steps > 1 ? (performance.now() - started) / (steps - 1) : 0;
  return { losses, states, milliseconds };
}

function relativeDistance(a: readonly Value[], b: readonly Value[]): number {
  let [furthest, largest] = [0, 0];
  a.forEach(({ data }, i) => {
    data.forEach((x, at) => {
      furthest = Math.max(furthest, Math.abs(x - b[i]!.data[at]!));
      largest = Math.max(largest, Math.abs(b[i]!.data[at]!));
    });
  });
  return furthest / largest;
}

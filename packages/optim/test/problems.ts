import type { Tensor } from "@amari/core";
import golden from "./fixtures/golden.json" with { type: "json" };
import { f64 } from "./setup.ts";

/** A problem of the golden file: where it starts, its gradient at step t from the formula, and its loss. */
export interface Problem {
  readonly theta0: Tensor;
  readonly gradient: (theta: Tensor, t: number) => Tensor;
  readonly loss: (theta: Tensor, t: number) => Tensor;
}

const A = f64(golden.data.A);
const b = f64(golden.data.b);

const quad: Problem = {
  theta0: f64(golden.problems.quad.theta0),
  gradient: (theta) => A.matmul(theta).sub(b) as Tensor,
  loss: (theta) => theta.mul(A.matmul(theta)).sum().div(2).sub(b.mul(theta).sum()) as Tensor,
};

const tiny: Problem = {
  theta0: quad.theta0,
  gradient: (theta, t) => quad.gradient(theta, t).mul(1e-6),
  loss: (theta, t) => quad.loss(theta, t).mul(1e-6),
};

const rosen: Problem = {
  theta0: f64(golden.problems.rosen.theta0),
  gradient: (theta) => {
    const [x, y] = [theta.slice([0, 1]) as Tensor, theta.slice([1, 2]) as Tensor];
    const valley = y.sub(x.square());
    const byX = x.sub(1).mul(2).sub(x.mul(valley).mul(40));
    return byX.pad([[0, 1]]).add(valley.mul(20).pad([[1, 0]])) as Tensor;
  },
  loss: (theta) => {
    const [x, y] = [theta.slice([0, 1]) as Tensor, theta.slice([1, 2]) as Tensor];
    return x.sub(1).square().add(y.sub(x.square()).square().mul(10)).sum() as Tensor;
  },
};

/** The two examples that step t sees. */
const batch = (t: number): readonly number[] => [(t - 1) % 5, t % 5];
const features = (t: number): Tensor => f64(batch(t).map((i) => golden.data.X[i]!));
const labels = (t: number): Tensor =>
  f64(batch(t).map((i) => [0, 1, 2].map((k) => Number(golden.data.Y[i] === k))));

const soft: Problem = {
  theta0: f64(golden.problems.soft.theta0).reshape([3, 3]),
  gradient: (theta, t) => {
    const x = features(t);
    const residual = x
      .matmul(theta.transpose() as Tensor)
      .softmax(-1)
      .sub(labels(t)) as Tensor;
    return (residual.transpose() as Tensor).matmul(x).div(2) as Tensor;
  },
  loss: (theta, t) => {
    const logits = features(t).matmul(theta.transpose() as Tensor) as Tensor;
    return logits
      .logSumExp(-1)
      .sub(logits.mul(labels(t)).sum(-1))
      .mean() as Tensor;
  },
};

export const problems: Readonly<Record<string, Problem>> = { quad, rosen, soft, tiny };

import { grad, type Tensor } from "@amari/core";
import { describe, expect, test } from "vitest";
import golden from "./fixtures/golden.json" with { type: "json" };
import {
  type Configuration,
  optaxOptimizer,
  paperOptimizer,
  torchOptimizer,
} from "./golden-configurations.ts";
import { expectTrajectory, recorded, trajectory } from "./golden-trajectories.ts";
import { problems } from "./problems.ts";

describe("the gradients of the golden problems", () => {
  test.each(Object.entries(problems))("%s: the formula is the derivative of the loss", (_, problem) => {
    for (let t = 1; t <= 5; t++) {
      const theta = problem.theta0.add(0.1 * t) as Tensor;
      const formula = problem.gradient(theta, t).dataSync();
      const derivative = grad((x: Tensor) => problem.loss(x, t) as Tensor<[]>)(theta).dataSync();
      formula.forEach((value, i) => {
        expect(derivative[i]).toBeCloseTo(value, 12);
      });
    }
  });

  test.each(Object.entries(golden.problems))(
    "%s: the first gradient is the recorded one",
    (name, { grad_theta0_t1 }) => {
      const first = problems[name]!.gradient(problems[name]!.theta0, 1).dataSync();
      grad_theta0_t1.forEach((value, i) => {
        expect(first[i]).toBeCloseTo(value, 14);
      });
    },
  );
});

describe.each(Object.entries(golden.torch))("PyTorch's %s", (_, configuration) => {
  test.each(recorded(configuration))("%s", (problem, expected) => {
    expectTrajectory(
      trajectory(torchOptimizer(configuration as Configuration), problems[problem]!, 1),
      expected,
    );
  });
});

describe.each(Object.entries(golden.optax))("Optax's %s", (_, configuration) => {
  test.each(recorded(configuration))("%s", (problem, expected) => {
    expectTrajectory(
      trajectory(optaxOptimizer(configuration as Configuration), problems[problem]!, 1),
      expected,
    );
  });
});

describe.each(Object.entries(golden.paper))("the paper's %s", (_, configuration) => {
  test.each(recorded(configuration))("%s", (problem, expected) => {
    const { optimizer, sign } = paperOptimizer(configuration as Configuration);
    expectTrajectory(trajectory(optimizer, problems[problem]!, sign), expected);
  });
});

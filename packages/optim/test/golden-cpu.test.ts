import { cpuBackend } from "@amari/backend-cpu";
import { setDefaultBackend } from "@amari/core";
import { describe, test } from "vitest";
import golden from "./fixtures/golden.json" with { type: "json" };
import { type Configuration, paperOptimizer, torchOptimizer } from "./golden-configurations.ts";
import { expectTrajectory, recorded, trajectory } from "./golden-trajectories.ts";
import { problems } from "./problems.ts";

setDefaultBackend(cpuBackend());

// The same trajectories, to the same tolerance, from the kernels of the compiled backend.

describe("on the CPU backend", () => {
  test.each(Object.entries(golden.torch))("PyTorch's %s", (_, configuration) => {
    for (const [problem, expected] of recorded(configuration)) {
      const optimizer = torchOptimizer(configuration as Configuration);
      expectTrajectory(trajectory(optimizer, problems[problem]!, 1), expected);
    }
  });

  test.each(Object.entries(golden.paper))("the paper's %s", (_, configuration) => {
    for (const [problem, expected] of recorded(configuration)) {
      const { optimizer, sign } = paperOptimizer(configuration as Configuration);
      expectTrajectory(trajectory(optimizer, problems[problem]!, sign), expected);
    }
  });
});

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpuBackend } from "@amari/backend-cpu";
import { explain, operations, setDefaultBackend, type Tensor, where, zeros } from "@amari/core";
import { lawsOf } from "@amari/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const onValues = [...operations.values()].flatMap((operation) =>
  lawsOf(operation)
    .filter(({ name }) => /NaN, infinity and -0|agrees with float64|without elements/.test(name))
    .map((law) => ({ operation, law, name: `${operation.name}: ${law.name}` })),
);

describe("kernels without relaxed SIMD", () => {
  let passed = 0;
  beforeAll(() => setDefaultBackend(cpuBackend({ tier: "simd128" })));
  afterAll(() => expect(passed).toBe(onValues.length));

  it.each(onValues)("$name", ({ operation, law }) => {
    law.check(operation, { numRuns: Number(process.env.RUNS ?? 1) });
    passed++;
  });
});

describe("modules of the tier simd128", () => {
  const programs = {
    exponentials: (x: Tensor) => where(x.gt(0), x.exp(), x.sin()) as Tensor,
    "a selection": (x: Tensor) => x.relu().sum(1) as Tensor,
  };

  it.each(Object.entries(programs))("have no relaxed instruction: %s", (_, f) => {
    const code = (tier: "simd128" | "relaxed") => {
      setDefaultBackend(cpuBackend({ tier }));
      return explain(f)(zeros([8, 9]) as Tensor).code;
    };
    expect(code("simd128")).toMatch(/f32x4/);
    expect(code("simd128")).not.toMatch(/relaxed/);
    expect(code("relaxed")).toMatch(/relaxed/);
  });

  // Node 20 has relaxed SIMD behind a flag, which the backend sets unless it cannot reach V8.
  it("run where the engine has no relaxed SIMD", () => {
    const script = `
      process.getBuiltinModule = undefined;
      const { cpuBackend } = await import("@amari/backend-cpu");
      const { ones, setDefaultBackend, tensor } = await import("@amari/core");
      const backend = cpuBackend();
      setDefaultBackend(backend);
      const x = tensor([[1, 2], [3, 4]]);
      const window = ones([1, 1, 2, 2]);
      const results = [x.matmul(x).log().exp(), x.reshape([1, 1, 2, 2]).conv(window)];
      console.log(JSON.stringify([backend.tier, ...results.flatMap((y) => [...y.dataSync()])]));
    `;
    const output = execFileSync(
      process.execPath,
      ["--conditions=@amari/source", "--import", "tsx", "--input-type=module", "--eval", script],
      {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        encoding: "utf8",
        env: { PATH: process.env["PATH"] },
      },
    );
    const [tier, ...values] = JSON.parse(output) as [string, ...number[]];
    expect(tier).toBe(Number.parseInt(process.versions.node, 10) < 22 ? "simd128" : "relaxed");
    expect(values.map((value) => Math.round(value * 1e4) / 1e4)).toEqual([7, 10, 15, 22, 10]);
  });
});

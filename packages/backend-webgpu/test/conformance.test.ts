import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { conformance } from "@amari/testing";
import { afterAll, describe, expect, it, vi } from "vitest";
import { Pipelines } from "../src/run/pipelines.ts";
import { backendOrNull } from "./support.ts";

/** One check in so many; all of them: pnpm conformance --backend webgpu */
const every = Number(process.env.EVERY ?? 60);

const reference = referenceBackend();
setDefaultBackend(reference);

const backend = await backendOrNull("the conformance of WebGPU (about 150 checks)");

afterAll(() => backend?.close());

describe.skipIf(backend === null)("WebGPU", () => {
  it("agrees with the reference on a sample of all checks", { timeout: 300_000 }, async () => {
    const { checks, passed, unsupported, failures } = await conformance(backend!, {
      reference,
      every,
      programs: 120,
    });
    console.log(
      `webgpu (${backend!.description.description}): ${passed} of ${checks} conformance checks passed, ` +
        `${unsupported} are declared unsupported; ${backend!.shaders} shaders`,
    );
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(1000 / every);
  });

  /** Mistakes in the text of kernels, and the operations or kinds of kernels that they concern. */
  const plants: readonly (readonly [what: string, of: string, plant: (text: string) => string])[] = [
    ["a square root that is off by a ten-thousandth", "sqrt", (t) => t.replace("sqrt(", "0.9999f * sqrt(")],
    ["an exponential with a wrong coefficient", "exp", (t) => t.replace("0.0013950699f", "0.0013f")],
    [
      "a reduction that leaves out what remains behind whole workgroups",
      "sum",
      (t) =>
        t.replace(/(e < )(\d+)(; e \+= )(\d+)/, (all, head, n: string, middle, step: string) =>
          Number(n) > Number(step) ? `${head}${Number(n) - (Number(n) % Number(step))}${middle}${step}` : all,
        ),
    ],
    [
      "a wrong stride",
      "add",
      (t) =>
        t.replace(/\(i0 \+ i1 \* (\d+)\)/, (_, n: string) => `(i0 + i1 * ${Math.max(1, Number(n) - 1)})`),
    ],
    [
      "a last element that is left out where there are many",
      "add",
      (t) => t.replace(/place >= (\d{5,})/, (_, n: string) => `place >= ${Number(n) - 1}`),
    ],
    [
      "a maximum that drops NaN",
      "max",
      (t) => t.replace("select(greatest, x + y, is_nan(x) | is_nan(y))", "greatest"),
    ],
    [
      "a maximum that takes -0 for 0",
      "max",
      (t) => t.replace("x > y), equal, x == y)", "x > y), x, x == y)"),
    ],
    [
      "a conversion that rounds to the nearest",
      "astype",
      (t) =>
        t.replace("fraction >> u32(-exponent)", "(fraction + (1u << u32(-exponent - 1))) >> u32(-exponent)"),
    ],
    [
      "a gather that clamps",
      "takeAlongAxis",
      (t) => t.replace(/select\(bitcast<f32>\(table\[0\]\.y\), (v\d+), v\d+\)/, "$1"),
    ],
    [
      "a scatter that goes one row too far",
      "scatter",
      (t) => t.replace(/&& index < (\d+)\)/, "&& index <= $1)"),
    ],
    ["a scatter that counts on fresh memory", "scatter", (t) => t.replace(/heap\[.* \+ place\] = 0u;/, "")],
    [
      "a compensated sum that goes on after an infinity",
      "cumsum",
      (t) => t.replace(/if \(abs\(next\) < .*\) \{ rest \+= lost; \}/, "rest += lost;"),
    ],
  ];

  it.each(plants)("is caught at %s", { timeout: 120_000 }, async (_, operation, plant) => {
    const original = Pipelines.prototype.descriptor;
    let planted = 0;
    const spy = vi.spyOn(Pipelines.prototype, "descriptor").mockImplementation(function (
      this: Pipelines,
      ...[text, ...rest]
    ) {
      const wrong = plant(text);
      if (wrong !== text) planted++;
      return original.call(this, wrong, ...rest);
    });
    const broken = await backendOrNull("a planted bug");
    class Caught extends Error {}
    try {
      const run = conformance(broken!, {
        reference,
        only: (name) => name === operation,
        onCheck: (_check, { kind }) => {
          if (kind === "failed") throw new Caught();
        },
      });
      const outcome = await run.catch((error: unknown) => error);
      expect(planted, "no shader had the place that the mistake was to be planted at").toBeGreaterThan(0);
      expect(outcome).toBeInstanceOf(Caught);
    } finally {
      spy.mockRestore();
      await broken!.close();
    }
  });
});

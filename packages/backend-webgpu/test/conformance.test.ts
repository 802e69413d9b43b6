import { referenceBackend } from "@amari/backend-reference";
import { setDefaultBackend } from "@amari/core";
import { conformance } from "@amari/testing";
import { afterAll, describe, expect, it, vi } from "vitest";
import { Pipelines } from "../src/run/pipelines.ts";
import { backendOrNull } from "./support.ts";

/** One check in so many; all of them: pnpm conformance --backend webgpu */
const every = Number(process.env.EVERY ?? 32);

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

  it("is caught at a bug planted in one kernel", { timeout: 300_000 }, async () => {
    const original = Pipelines.prototype.descriptor;
    const spy = vi.spyOn(Pipelines.prototype, "descriptor").mockImplementation(function (
      this: Pipelines,
      text: string,
    ) {
      return original.call(this, text.replace("sqrt(", "0.9999f * sqrt("));
    });
    const broken = await backendOrNull("a planted bug");
    try {
      const { failures } = await conformance(broken!, { reference, only: (name) => name === "sqrt" });
      expect(failures[0]).toMatch(/^sqrt/);
    } finally {
      spy.mockRestore();
      await broken!.close();
    }
  });
});

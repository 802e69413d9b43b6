import { type CpuTier, cpuBackend } from "@amari/backend-cpu";
import { BackendError } from "@amari/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { whyNotRevectorised } from "../../src/revectorised/allowed.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

describe("the tier of a CPU backend", () => {
  it("is relaxed SIMD, or JavaScript where there is no WebAssembly", () => {
    expect(cpuBackend().tier).toBe("relaxed");
    vi.stubGlobal("WebAssembly", undefined);
    expect(cpuBackend().tier).toBe("js");
    expect(() => cpuBackend({ tier: "simd128" })).toThrow(/no WebAssembly/);
  });

  it.each<CpuTier>(["js", "simd128", "relaxed"])(
    "is what the environment says, unless the program asks: %s",
    (tier) => {
      vi.stubEnv("AMARI_TIER", tier);
      expect(cpuBackend().tier).toBe(tier);
      expect(cpuBackend({ tier: "simd128" }).tier).toBe("simd128");
    },
  );

  it("is an error where it names none", () => {
    vi.stubEnv("AMARI_TIER", "avx");
    expect(() => cpuBackend()).toThrow(BackendError);
    expect(() => cpuBackend()).toThrow(/AMARI_TIER=avx: expected js, simd128, relaxed, revectorised/);
  });
});

describe("revectorising", () => {
  /** Node with files that all hold this text. */
  const withFiles = (text: string) => ({ getBuiltinModule: () => ({ readFileSync: () => text }) });
  const onNode = (changes: object) => {
    vi.stubGlobal("process", {
      env: process.env,
      ...withFiles("processor : 0\nflags\t\t: fpu sse avx2 bmi1 fma\n"),
      platform: "linux",
      arch: "x64",
      versions: { v8: "13.6.233.17-node.53" },
      ...changes,
    });
  };

  it("is allowed with the versions that were tested", () => {
    for (const v8 of ["13.6.233.17-node.53", "14.6.202.34-node.34"]) {
      onNode({ versions: { v8 } });
      expect(whyNotRevectorised()).toBeNull();
    }
  });

  it.each<readonly [string, object, RegExp]>([
    ["an older V8", { versions: { v8: "12.4.254.21-node.33" } }, /this is 12\.4\.254/],
    ["a version that only begins alike", { versions: { v8: "13.60.1" } }, /this is 13\.60/],
    ["another system", { platform: "darwin" }, /this is darwin x64/],
    ["another processor", { arch: "arm64" }, /this is linux arm64/],
    ["a browser", { versions: undefined }, /only Node/],
    ["no AVX2", withFiles("flags : fpu avx fma\n"), /AVX2/],
    ["an unknown processor", { getBuiltinModule: () => undefined }, /AVX2/],
  ])("is refused with %s, by a typed error that says why", (_, changes, reason) => {
    onNode(changes);
    expect(whyNotRevectorised()).toMatch(reason);
    expect(() => cpuBackend({ tier: "revectorised" })).toThrow(BackendError);
    expect(() => cpuBackend({ tier: "revectorised" })).toThrow(reason);
  });
});

import { BackendError } from "@amari/core";
import { environmentVariable } from "./environment.ts";
import { whyNotRevectorised } from "./revectorised/allowed.ts";
import { wasmFeatures } from "./wasm/compile.ts";

/**
 * What the code of kernels is made of: plain JavaScript, WebAssembly with vectors of 128 bits, the same with the fused
 * multiply-add of relaxed SIMD, or that with V8 pairing vectors into ones of 256 bits.
 */
export type CpuTier = "js" | "simd128" | "relaxed" | "revectorised";

const tiers: readonly CpuTier[] = ["js", "simd128", "relaxed", "revectorised"];

/** The variable that says which tier to take, where the program does not. */
const variable = "AMARI_TIER";

/**
 * The tier of a backend: what was asked for, else what the environment variable `AMARI_TIER` says, else the fastest that
 * the engine takes, of those that need no experimental flag.
 *
 * @throws BackendError where either names no tier, or one that this engine does not run
 */
export function tierOf(asked?: CpuTier): CpuTier {
  const given = asked ?? environmentVariable(variable);
  if (given === undefined) return bestTier();
  const source = asked === undefined ? `${variable}=${given}` : `tier: "${given}"`;
  const tier = tiers.find((name) => name === given);
  if (tier === undefined) throw new BackendError(`${source}: expected ${tiers.join(", ")}`);
  const reason = whyNot(tier);
  if (reason === null) return tier;
  throw new BackendError(
    `${source} cannot be had here: ${reason}. Leave it out for the tier "${bestTier()}"`,
  );
}

/** The fastest tier that needs no experimental flag of the engine. */
function bestTier(): CpuTier {
  return (["relaxed", "simd128"] as const).find((tier) => whyNot(tier) === null) ?? "js";
}

/** Why a tier cannot be had; null if it can. */
function whyNot(tier: CpuTier): string | null {
  if (tier === "js") return null;
  if (typeof WebAssembly !== "object") return "this engine has no WebAssembly";
  const { simd, relaxedSimd } = wasmFeatures();
  if (!simd) return "this engine has no WebAssembly SIMD";
  if (tier === "simd128") return null;
  if (!relaxedSimd) return "this engine has no relaxed WebAssembly SIMD";
  return tier === "relaxed" ? null : whyNotRevectorised();
}

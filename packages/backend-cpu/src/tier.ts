import { BackendError } from "@amari/core";
import { type CpuBackend, cpuBackend, isCpuBackendSupported } from "./backend.ts";
import { type JsBackend, jsBackend } from "./js/backend.ts";

/** The variable that says which code to make, where the program does not. */
const variable = "AMARI_TIER";

/**
 * A fresh CPU backend in the fastest code that this engine takes: WebAssembly SIMD, else JavaScript. The environment
 * variable `AMARI_TIER` decides otherwise: `wasm` or `js`.
 *
 * @throws BackendError where the variable says something else, or asks for WebAssembly that the engine does not have
 */
export function bestCpuBackend(): CpuBackend | JsBackend {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const tier = process?.env?.[variable] || (isCpuBackendSupported() ? "wasm" : "js");
  if (tier === "wasm") return cpuBackend();
  if (tier === "js") return jsBackend();
  throw new BackendError(`${variable}=${tier}: expected wasm or js`);
}

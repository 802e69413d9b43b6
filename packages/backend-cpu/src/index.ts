/**
 * The CPU backend: fused kernels and matrix products in WebAssembly SIMD, generated at run time.
 *
 * @packageDocumentation
 */

export { CpuBackend, type CpuOptions, cpuBackend, isCpuBackendSupported } from "./backend.ts";
export { JsBackend, jsBackend } from "./js/backend.ts";
export { bestCpuBackend } from "./tier.ts";

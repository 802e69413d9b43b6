/**
 * The CPU backend: fused kernels and packed matrix products, compiled to WebAssembly SIMD at run time.
 *
 * @packageDocumentation
 */

export { CpuBackend, type CpuOptions, cpuBackend } from "./backend.ts";
export type { CpuTier } from "./tier.ts";

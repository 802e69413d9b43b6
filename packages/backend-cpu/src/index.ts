/**
 * The CPU backend: fused kernels and matrix products in WebAssembly SIMD, generated at run time.
 *
 * @packageDocumentation
 */
export { CpuBackend, type CpuOptions, cpuBackend, isCpuBackendSupported } from "./backend.ts";

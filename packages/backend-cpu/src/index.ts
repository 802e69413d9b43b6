/**
 * The CPU backend: fused kernels and matrix products in WebAssembly SIMD, generated at run time.
 *
 * @packageDocumentation
 */
export { CpuBackend, cpuBackend, isCpuBackendSupported } from "./backend.ts";

/**
 * The WebGPU backend: kernels in WGSL, generated at run time, in browsers and in Node.
 *
 * @packageDocumentation
 */
export { type DeviceDescription, type DeviceTraits, WebgpuBackend } from "./backend.ts";
export type { ProductVariantName } from "./emit/dot/variants.ts";
export { DeviceLostError, WebgpuUnavailableError } from "./errors.ts";
export { type WebgpuOptions, webgpu } from "./webgpu.ts";

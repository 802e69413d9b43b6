/**
 * The WebGPU backend: kernels in WGSL, generated at run time, in browsers and in Node.
 *
 * @packageDocumentation
 */
export { type DeviceDescription, WebgpuBackend } from "./backend.ts";
export { DeviceLostError, WebgpuUnavailableError } from "./errors.ts";
export { type WebgpuOptions, webgpu } from "./webgpu.ts";

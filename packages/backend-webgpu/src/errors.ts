import { BackendError } from "@amari/core";

/** There is no WebGPU here; the message says what to install on this system. */
export class WebgpuUnavailableError extends BackendError {}

/**
 * The device is gone: unplugged, reset by the driver or destroyed. What lived on it is lost; programs can be run on another
 * backend, or on a new one from `await webgpu()`.
 */
export class DeviceLostError extends BackendError {}

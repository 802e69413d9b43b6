import {
  type WebgpuBackend,
  type WebgpuOptions,
  WebgpuUnavailableError,
  webgpu,
} from "@amari/backend-webgpu";

/** A backend, or null where this machine has no WebGPU: then it is said loudly what is not tested, and why. */
export async function backendOrNull(
  what: string,
  options: WebgpuOptions = {},
): Promise<WebgpuBackend | null> {
  try {
    return await webgpu(options);
  } catch (error) {
    if (!(error instanceof WebgpuUnavailableError)) throw error;
    console.warn(`\n!!! NOT TESTED: ${what}\n!!! ${error.message}\n`);
    return null;
  }
}

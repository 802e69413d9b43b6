import { WebgpuUnavailableError } from "../errors.ts";

/** The slice of Node that is used, so that this package needs no types of Node and loads in browsers. */
interface NodeProcess {
  readonly platform: string;
  readonly versions?: { readonly node?: string };
  readonly env: Record<string, string | undefined>;
  getBuiltinModule?(name: "node:fs"): {
    existsSync(path: string): boolean;
  };
}

interface Shared {
  process?: NodeProcess;
  navigator?: { readonly gpu?: GPU };
  [keeper]?: GPU[];
}

/**
 * Dawn's objects in Node must never be collected: a device does not keep its own alive, and without it the process crashes
 * or hangs. They are held by the global object for ever.
 */
const keeper = Symbol.for("@amari/backend-webgpu: gpu objects");

const shared = globalThis as unknown as Shared;

/**
 * An adapter: of the engine's own WebGPU in browsers and Deno, of the npm package `webgpu` in Node. There, where no driver
 * is found, the software driver of Debian's Chromium is tried.
 */
export async function findAdapter(options: GPURequestAdapterOptions): Promise<GPUAdapter> {
  const own = shared.navigator?.gpu;
  const { process } = shared;
  if (own === undefined && process?.versions?.node === undefined) {
    throw new WebgpuUnavailableError(
      "this browser has no navigator.gpu: use a recent Chrome, Edge, Safari or Firefox over https or localhost, and turn " +
        "hardware acceleration on; or compute with cpuBackend()",
    );
  }
  const gpu = own ?? shared[keeper]?.at(-1) ?? (await createInNode());
  const adapter = await gpu.requestAdapter(options);
  if (adapter !== null) return adapter;
  if (own === undefined && useSoftwareDriver(process!)) {
    const software = await (await createInNode()).requestAdapter(options);
    if (software !== null) return software;
  }
  throw noAdapter();
}

/** What Dawn may be told: no bounds checks and no cleared memory for code that this package generates. */
const dawnFlags = [
  "enable-dawn-features=disable_robustness,disable_workgroup_init",
  // Else the device's clock ticks every 0.1 ms, which says nothing of a kernel.
  "disable-dawn-features=timestamp_quantization",
];

async function createInNode(): Promise<GPU> {
  // A variable, so that bundlers and TypeScript leave the optional package alone; the comment below is for Vite.
  const name = "webgpu";
  let dawn: { create(flags: string[]): GPU };
  try {
    dawn = await import(/* @vite-ignore */ name);
  } catch (error) {
    const { code } = error as { code?: string };
    throw new WebgpuUnavailableError(
      code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
        ? "WebGPU in Node needs the npm package webgpu, at least 0.6.2, which is not installed: npm install webgpu"
        : `the npm package webgpu does not load here (${String(code)}): it needs at least version 0.6.2, and on Linux ` +
            "glibc 2.34 or newer (Debian 12, Ubuntu 22.04)",
      { cause: error },
    );
  }
  const gpu = dawn.create(dawnFlags);
  shared[keeper] = [...(shared[keeper] ?? []), gpu];
  return gpu;
}

const softwareDriver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Points Vulkan's loader to a software driver, if there is one and nobody has chosen another. */
function useSoftwareDriver({ platform, env, getBuiltinModule }: NodeProcess): boolean {
  if (platform !== "linux" || env["VK_DRIVER_FILES"] !== undefined || env["VK_ICD_FILENAMES"] !== undefined)
    return false;
  if (!getBuiltinModule?.("node:fs").existsSync(softwareDriver)) return false;
  env["VK_DRIVER_FILES"] = softwareDriver;
  return true;
}

/** Why there is no adapter, and what to do about it. */
function noAdapter(): WebgpuUnavailableError {
  const { process } = shared;
  const remedy =
    process?.platform === "linux"
      ? "install the Vulkan loader and the driver of your GPU (Debian: apt install libvulkan1 mesa-vulkan-drivers, or " +
        "nvidia-driver). Without a GPU, a software driver will do for tests: apt install libvulkan1 chromium brings " +
        `SwiftShader, ${softwareDriver}, which is found there or named in VK_DRIVER_FILES`
      : "update the driver of your GPU, and in a browser turn hardware acceleration on";
  return new WebgpuUnavailableError(
    `WebGPU found no adapter: ${remedy}. Or compute with cpuBackend() from "@amari/backend-cpu".`,
  );
}

import { WebgpuUnavailableError } from "../errors.ts";
import { driverVariables, softwareDriver, withoutAdapter, withoutGpu } from "./remedy.ts";
import { type CurrentSystem, currentSystem } from "./system.ts";
import { Turns } from "./turns.ts";

interface Shared {
  navigator?: { readonly gpu?: GPU };
  [keeper]?: Instance[];
}

/** An engine of WebGPU. */
interface Instance {
  readonly gpu: GPU;
  /** Known once it has been asked for a device. */
  turns: Turns | null;
}

/**
 * Dawn's objects in Node must never be collected: a device does not keep its own alive, and without it the process crashes
 * or hangs. They are held by the global object for ever.
 */
const keeper = Symbol.for("@amari/backend-webgpu: gpu objects");

const shared = globalThis as unknown as Shared;

/** An adapter, and the engine that it is of. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly instance: Instance;
}

/**
 * An adapter: of the engine's own WebGPU in browsers and Deno, of the npm package `webgpu` in Node and Bun. In Node, where
 * no driver is found, the software driver of Debian's Chromium is tried.
 */
export async function findAdapter(options: GPURequestAdapterOptions): Promise<FoundAdapter> {
  const own = shared.navigator?.gpu;
  const system = currentSystem();
  if (own === undefined && (system.engine === "browser" || system.engine === "Deno")) {
    throw new WebgpuUnavailableError(`${withoutGpu(system)}; or compute with cpuBackend()`);
  }
  const found =
    own === undefined
      ? await adapterOf(shared[keeper]?.at(-1) ?? (await createByPackage(system.engine)), options)
      : await adapterOf({ gpu: own, turns: null }, options);
  if (found !== null) return found;
  if (own === undefined && useSoftwareDriver(system)) {
    const software = await adapterOf(await createByPackage(system.engine), options);
    if (software !== null) return software;
  }
  throw new WebgpuUnavailableError(
    `WebGPU found no adapter: ${withoutAdapter(system)}. Or compute with cpuBackend() from "@amari/backend-cpu".`,
  );
}

async function adapterOf(
  instance: Instance,
  options: GPURequestAdapterOptions,
): Promise<FoundAdapter | null> {
  const adapter = await instance.gpu.requestAdapter(options);
  return adapter && { adapter, instance };
}

/** A device, and how synchronous code waits for it, where that is possible. */
export async function openDevice(
  { adapter, instance }: FoundAdapter,
  descriptor: GPUDeviceDescriptor,
): Promise<{ readonly device: GPUDevice; readonly turns: Turns | null }> {
  const { answer, turns } = Turns.catch(() => adapter.requestDevice(descriptor));
  instance.turns ??= turns;
  return { device: await answer, turns: instance.turns };
}

/** What Dawn may be told: no bounds checks and no cleared memory for code that this package generates. */
const dawnFlags = [
  "enable-dawn-features=disable_robustness,disable_workgroup_init",
  // Else the device's clock ticks every 0.1 ms, which says nothing of a kernel.
  "disable-dawn-features=timestamp_quantization",
];

async function createByPackage(engine: string): Promise<Instance> {
  // A variable, so that bundlers and TypeScript leave the optional package alone; the comment below is for Vite.
  const name = "webgpu";
  let dawn: { create(flags: string[]): GPU };
  try {
    dawn = await import(/* @vite-ignore */ name);
  } catch (error) {
    const { code } = error as { code?: string };
    throw new WebgpuUnavailableError(
      code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
        ? `WebGPU in ${engine} needs the npm package webgpu, at least 0.6.2, which is not installed: npm install webgpu`
        : `the npm package webgpu does not load here (${String(code)}): it needs at least version 0.6.2, and on Linux ` +
            "glibc 2.34 or newer (Debian 12, Ubuntu 22.04)",
      { cause: error },
    );
  }
  const instance: Instance = { gpu: dawn.create(dawnFlags), turns: null };
  shared[keeper] = [...(shared[keeper] ?? []), instance];
  return instance;
}

/** Points Vulkan's loader to a software driver, if there is one and nobody has chosen another. */
function useSoftwareDriver({ engine, platform, variable, setVariable, exists }: CurrentSystem): boolean {
  // Where other engines set a variable, native code does not see it.
  if (
    engine !== "Node" ||
    platform !== "linux" ||
    driverVariables.some((name) => variable(name) !== undefined)
  ) {
    return false;
  }
  if (!exists(softwareDriver)) return false;
  setVariable("VK_DRIVER_FILES", softwareDriver);
  return true;
}

import { type WebgpuBackend, webgpu } from "@amari/backend-webgpu";
import { type Backend, type CpuTier, cpuBackend } from "amari";

/** A backend that runs, and what there is to say about it. */
export interface Running {
  readonly backend: Backend;
  readonly description: string;
}

/** A backend that the page offers. */
export interface Choice {
  readonly label: string;
  /** The pattern of its curves, as of a canvas. */
  readonly dash: readonly number[];
  /** @throws BackendError where this browser does not have it; the message says what to do */
  start(): Promise<Running>;
}

/** What the kernels of the CPU backend are, by its tier. */
const kernels: Readonly<Record<CpuTier, string>> = {
  js: "JavaScript, as this browser has no WebAssembly SIMD",
  simd128: "WebAssembly SIMD",
  relaxed: "WebAssembly SIMD",
  revectorised: "WebAssembly SIMD",
};

const threadsMissing = "1 thread only, since this page is not served with COOP and COEP headers";

async function onCpu(threads?: number): Promise<Running> {
  const backend = cpuBackend(threads === undefined ? {} : { threads });
  const count = backend.threads === 1 ? "1 thread" : `${backend.threads} threads`;
  const says = threads === undefined && !crossOriginIsolated ? threadsMissing : count;
  return { backend, description: `CPU, ${kernels[backend.tier]}, ${says}` };
}

async function onGpu(): Promise<Running> {
  const backend = await webgpu();
  return { backend, description: `WebGPU on ${nameOf(backend)}` };
}

function nameOf({ description: { description, vendor, architecture, isSoftware } }: WebgpuBackend): string {
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "a device without a name";
  return isSoftware ? `${name} (software instead of a GPU, slower than the CPU backend)` : name;
}

/** The backends by what the form calls them. */
export const backends: Readonly<Record<string, Choice>> = {
  cpu: { label: "CPU", dash: [], start: () => onCpu() },
  "cpu-1": { label: "CPU, one thread", dash: [8, 5], start: () => onCpu(1) },
  webgpu: { label: "WebGPU", dash: [2, 4], start: onGpu },
};

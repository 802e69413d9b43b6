import { WebgpuBackend, type WebgpuOptions } from "@amari/backend-webgpu";
import type { ProductVariantName } from "../../src/emit/dot/variants.ts";

/** What a device on paper is taken to be. */
export interface PaperTraits {
  /** How many invocations exchange values; 1: none. */
  readonly subgroup?: number;
  /** How many invocations share a long fold at most. */
  readonly lanes?: number;
  readonly product?: ProductVariantName & WebgpuOptions["product"];
}

/**
 * A backend on a device that computes nothing, so that no driver is needed and nothing is compiled. All that it is good for
 * are the shaders that it is handed: `onShader` is called with each that is new.
 */
export function paperBackend(
  onShader: (text: string) => void,
  { subgroup = 1, lanes = 256, product = "registers 4x4" }: PaperTraits = {},
): WebgpuBackend {
  return new WebgpuBackend(
    paperDevice(onShader),
    { vendor: "", architecture: "", description: "paper", isSoftware: true },
    {
      denormals: true,
      fusesProducts: true,
      float16: { widens: true, rounds: true },
      subgroup,
      lanes,
      turns: null,
      product,
    },
  );
}

function paperDevice(onShader: (text: string) => void): GPUDevice {
  const limit = 2 ** 40;
  const nothing = () => {};
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const device = {
    limits: {
      maxBufferSize: limit,
      maxStorageBufferBindingSize: limit,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupStorageSize: 32_768,
    },
    features: new Set<string>(),
    lost: new Promise<never>(nothing),
    addEventListener: nothing,
    destroy: nothing,
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createShaderModule({ code }: { readonly code: string }) {
      onShader(code);
      return {};
    },
    createComputePipeline: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    createBuffer: ({ size }: { readonly size: number }) => ({
      size,
      destroy: nothing,
      mapAsync: () => Promise.resolve(),
      getMappedRange: () => new ArrayBuffer(size),
    }),
    createCommandEncoder: () => ({
      beginComputePass: () => pass,
      copyBufferToBuffer: nothing,
      finish: () => ({}),
    }),
    queue: { submit: nothing, writeBuffer: nothing, onSubmittedWorkDone: () => Promise.resolve() },
  };
  return device as unknown as GPUDevice;
}

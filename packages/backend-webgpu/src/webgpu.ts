import { ArgumentError } from "@amari/core";
import { WebgpuBackend } from "./backend.ts";
import { findAdapter, openDevice } from "./device/gpu.ts";
import { float16Of, fusesProducts, keepsDenormals, subgroupOf } from "./device/probe.ts";
import { type ProductVariantName, productVariantNames } from "./emit/dot/variants.ts";

const smallestMemory = 2 ** 16;

/** Invocations that share a long row: what every device runs in a workgroup. */
const mostLanes = 256;

/** How {@link webgpu} chooses a device. */
export interface WebgpuOptions {
  /** Which adapter where there are several. Default: the faster one. */
  readonly powerPreference?: "low-power" | "high-performance";
  /**
   * How many bytes of the device it may use. Default, and at most, what the device binds at once
   * (`maxStorageBufferBindingSize`: 128 MiB everywhere, some GiB on most GPUs), since its memory is one buffer.
   */
  readonly memoryBytes?: number;
  /**
   * How it multiplies matrices and convolves: one way for all products, or whichever is measured to be the fastest when
   * the first product of a class of shapes and layouts runs. No choice changes a bit of any result. Default: measured on a
   * GPU, "registers 4x4" on a software driver.
   */
  readonly product?: ProductVariantName | "measured";
  /** Whether reductions use subgroups where the device has them. Default true; the bits are the same without. */
  readonly subgroups?: boolean;
  /**
   * Whether the invocations of a workgroup share a long row that is summed, or each sweeps one alone. Default shared, but
   * alone on software drivers, where invocations that wait for each other are slow; the bits are the same.
   */
  readonly rows?: "shared" | "alone";
}

/**
 * A fresh WebGPU backend on a device of its own: `navigator.gpu` in browsers and Deno, the npm package `webgpu` in Node.
 * Browsers and Deno can only read values asynchronously (`await x.data()`); in Node `x.dataSync()` waits. There is no
 * float64. Where there is no GPU but a software driver, `backend.description.isSoftware` says so.
 *
 * @example
 * ```ts
 * const gpu = await webgpu();
 * setDefaultBackend(gpu);
 * console.log(await tensor([1, 2, 3]).exp().array());
 * ```
 * @throws ArgumentError for a memoryBytes below 64 KiB, or a product that there is not
 * @throws WebgpuUnavailableError where there is none, which says what to install
 */
export async function webgpu(options: WebgpuOptions = {}): Promise<WebgpuBackend> {
  const {
    powerPreference = "high-performance",
    memoryBytes = Number.POSITIVE_INFINITY,
    subgroups = true,
  } = options;
  checkProduct(options);
  if (!(memoryBytes >= smallestMemory)) {
    throw new ArgumentError(
      `webgpu: memoryBytes must be a number from ${smallestMemory} on, got ${memoryBytes}`,
    );
  }
  const found = await findAdapter({ powerPreference });
  const { limits, features, info } = found.adapter;
  const { device, turns } = await openDevice(found, {
    requiredFeatures: (["timestamp-query", ...(subgroups ? ["subgroups" as const] : [])] as const).filter(
      (name) => features.has(name),
    ),
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    },
  });
  const { vendor, architecture, description } = info;
  const isSoftware = (info as { readonly isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
  const { product = isSoftware ? "registers 4x4" : "measured", rows = isSoftware ? "alone" : "shared" } =
    options;
  return new WebgpuBackend(
    device,
    { vendor, architecture, description, isSoftware },
    {
      denormals: await keepsDenormals(device),
      fusesProducts: await fusesProducts(device),
      float16: await float16Of(device),
      subgroup: await subgroupOf(device),
      lanes: rows === "alone" ? 1 : Math.min(mostLanes, device.limits.maxComputeInvocationsPerWorkgroup),
      turns,
      product: product === "measured" ? null : product,
    },
    64 * Math.floor(memoryBytes / 64),
  );
}

function checkProduct({ product = "measured" }: WebgpuOptions): void {
  if (product === "measured" || productVariantNames.includes(product)) return;
  const names = ["measured", ...productVariantNames].map((name) => JSON.stringify(name));
  throw new ArgumentError(
    `webgpu: expected product to be one of ${names.join(", ")}, got ${String(product)}`,
  );
}

import { usage } from "../device/usage.ts";
import {
  needsOf,
  type ProductVariant,
  type ProductVariantName,
  productVariantNames,
  productVariants,
} from "../emit/dot/variants.ts";
import type { DeviceKernel } from "../emit/shader.ts";
import type { Pipelines } from "./pipelines.ts";
import type { ProductClass } from "./product-class.ts";
import { Stopwatch } from "./stopwatch.ts";

/** What runs where nothing was measured: the smallest code, and the fastest on software drivers. */
const standard: ProductVariantName = "registers 4x4";

const rounds = 3;

/** A round holds so many multiplications, that a clock may tell the variants apart, but not too many runs. */
const enoughProducts = 2 ** 31;
const mostRuns = 20;

/** Which variant suits a product of matrices or a convolution: measured once for each class of shapes and layouts, and remembered. */
export class ProductChooser {
  private readonly pipelines: Pipelines;
  private readonly candidates: readonly ProductVariantName[];
  private readonly measured = new Map<string, Promise<ProductVariantName>>();
  private readonly chosen = new Map<string, ProductVariantName>();

  /** @param fixed - the variant for all products; null: whichever is measured to be the fastest */
  constructor(pipelines: Pipelines, fixed: ProductVariantName | null) {
    this.pipelines = pipelines;
    const { maxComputeInvocationsPerWorkgroup: invocations, maxComputeWorkgroupStorageSize: memory } =
      pipelines.device.limits;
    const fitting = productVariantNames.filter((name) => {
      const needs = needsOf(productVariants[name]);
      return needs.invocations <= invocations && needs.memory <= memory;
    });
    this.candidates = fixed === null ? fitting : [fixed];
  }

  /** The variants that were chosen so far, by the class of the products. */
  get choices(): ReadonlyMap<string, ProductVariantName> {
    return this.chosen;
  }

  /** The variant for a product, or null where that is not known yet. */
  known({ name: product }: ProductClass): ProductVariant | null {
    const name = this.candidates.length === 1 ? this.candidates[0] : this.chosen.get(product);
    return name === undefined ? null : productVariants[name];
  }

  /** The variant for who cannot wait until it is known. */
  readonly standard: ProductVariant = productVariants[standard];

  /** Finds out which variant is the fastest. */
  async measure(product: ProductClass): Promise<void> {
    const { name } = product;
    let choice = this.measured.get(name);
    if (choice === undefined) {
      choice = this.fastest(product).catch(() => standard);
      this.measured.set(name, choice);
    }
    this.chosen.set(name, await choice);
  }

  private async fastest(product: ProductClass): Promise<ProductVariantName> {
    const kernels = this.candidates.map((name) => ({ name, kernel: product.emit(productVariants[name]) }));
    // All are compiled at the same time.
    const compiled = await Promise.allSettled(
      kernels.map(({ kernel }) =>
        Promise.all(kernel.shaders.map(({ text }) => this.pipelines.of(text).ready)),
      ),
    );
    const own = Math.max(...kernels.map(({ kernel }) => kernel.memory));
    const bench = new Bench(this.pipelines, product, own);
    try {
      let [best, least] = [standard as ProductVariantName, Infinity];
      for (const [i, { name, kernel }] of kernels.entries()) {
        if (compiled[i]!.status === "rejected") continue;
        const time = await bench.time(kernel);
        if (time < least) [best, least] = [name, time];
      }
      return best;
    } finally {
      bench.destroy();
    }
  }
}

/** Memory on which the variants of a product are run. */
class Bench {
  private readonly pipelines: Pipelines;
  private readonly memory: GPUBuffer;
  private readonly table: GPUBuffer;
  private readonly addresses: readonly number[];
  private readonly runs: number;

  /** @param own - words that the kernels need beside the product's buffers */
  constructor(pipelines: Pipelines, { words, multiplications }: ProductClass, own: number) {
    this.pipelines = pipelines;
    // Each begins on a multiple of four words.
    const sizes = words.map((size) => 16 * Math.ceil(size / 4));
    this.addresses = [0, ...sizes].map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    const { device } = pipelines;
    const size = this.addresses[3]! + 4 * own;
    if (size > device.limits.maxStorageBufferBindingSize)
      throw new Error(`${size} bytes are more than the device binds`);
    this.memory = device.createBuffer({ size, usage: usage.storage });
    this.table = device.createBuffer({ size: 256, usage: usage.uniform | usage.copyTarget });
    this.runs = Math.max(1, Math.min(mostRuns, Math.ceil(enoughProducts / multiplications)));
  }

  /** Milliseconds of some runs of a kernel whose shaders are compiled, the best of some rounds. */
  async time(kernel: DeviceKernel): Promise<number> {
    const { device } = this.pipelines;
    const words = new Uint32Array(64);
    kernel.table.fill(words, (buffer) => this.addresses[buffer]!, [], this.addresses[3]!);
    device.queue.writeBuffer(this.table, 0, words);
    let least = Infinity;
    for (let round = 0; round < rounds; round++) least = Math.min(least, await this.round(kernel));
    return least;
  }

  private async round({ shaders }: DeviceKernel): Promise<number> {
    const { device, bindGroupLayout } = this.pipelines;
    const bindings = device.createBindGroup({
      layout: bindGroupLayout,
      entries: [
        { binding: 0, resource: { buffer: this.memory } },
        { binding: 1, resource: { buffer: this.table } },
      ],
    });
    const stopwatch = Stopwatch.isAvailable(device) ? new Stopwatch(device, 1) : null;
    const encoder = device.createCommandEncoder();
    const timestampWrites = stopwatch?.writesOf(0);
    const pass = encoder.beginComputePass(timestampWrites && { timestampWrites });
    pass.setBindGroup(0, bindings, [0]);
    for (let run = 0; run < this.runs; run++) {
      for (const { text, groups } of shaders) {
        pass.setPipeline(this.pipelines.of(text).compiled!);
        pass.dispatchWorkgroups(groups[0], groups[1]);
      }
    }
    pass.end();
    const commands = encoder.finish();
    await device.queue.onSubmittedWorkDone();
    const begin = performance.now();
    device.queue.submit([commands]);
    if (stopwatch !== null) {
      const time = (await stopwatch.read()).get(0)!;
      stopwatch.destroy();
      // A clock that stood still says nothing of this round.
      return time === 0 ? Infinity : time;
    }
    await device.queue.onSubmittedWorkDone();
    return performance.now() - begin;
  }

  destroy(): void {
    this.memory.destroy();
    this.table.destroy();
  }
}

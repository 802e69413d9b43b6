import type { Backend, Block, Capabilities, Executable, Program } from "@amari/core/backend";
import { dtypes } from "@amari/core/backend";
import { type CpuBlock, Heap } from "../heap.ts";
import { bestForm, type KernelForm, kernelCompilers } from "./compile.ts";
import { JsExecutable, type JsRuntime } from "./executable.ts";
import { PlainMemory } from "./memory.ts";
import { viewsOf } from "./views.ts";

/** The CPU backend without WebAssembly: the same fused kernels as loops in JavaScript. */
export class JsBackend implements Backend {
  readonly name: string = "js";
  readonly capabilities: Capabilities = { dtypes, synchronousReads: true };
  private readonly heap: Heap<PlainMemory>;
  private readonly runtime: JsRuntime;
  /** Memory for temporaries, shared by all programs, since one runs at a time. */
  private scratch: CpuBlock | null = null;

  /** Use {@link jsBackend}. */
  constructor({ form = bestForm() }: JsOptions = {}) {
    const memory = new PlainMemory(16);
    const heap = new Heap(false, memory);
    this.heap = heap;
    this.runtime = {
      heap,
      views: viewsOf(memory),
      compile: kernelCompilers[form],
      collected: new FinalizationRegistry((blocks) => {
        for (const block of blocks) heap.release(block);
      }),
    };
  }

  alloc(bytes: number): Block {
    return this.heap.alloc(bytes);
  }

  free(block: Block): void {
    this.heap.release(block as CpuBlock);
  }

  write(block: Block, bytes: Uint8Array): void {
    this.heap.bytesAt((block as CpuBlock).address, bytes.length).set(bytes);
  }

  async read(block: Block): Promise<Uint8Array> {
    return this.readSync(block);
  }

  readSync(block: Block): Uint8Array {
    const { address, bytes } = block as CpuBlock;
    return this.heap.bytesAt(address, bytes).slice();
  }

  compile(program: Program): Executable {
    return new JsExecutable(program, this.runtime);
  }

  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    const compiled = executable as JsExecutable;
    const { bytes } = compiled.plan;
    if (this.scratch === null || this.scratch.bytes < bytes) {
      if (this.scratch !== null) this.heap.release(this.scratch);
      this.scratch = this.heap.alloc(Math.max(bytes, 1));
    }
    const addressOf = (block: Block) => (block as CpuBlock).address;
    compiled.runAt(inputs.map(addressOf), scalars, outputs.map(addressOf), this.scratch.address);
  }

  /** The source of a program's kernels. */
  explain(executable: Executable): string {
    return (executable as JsExecutable).text;
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

/** How a JavaScript backend runs. */
export interface JsOptions {
  /** By default source, or closures, which are slower, where a content security policy forbids `new Function`. */
  readonly form?: KernelForm;
}

/**
 * A fresh CPU backend that needs no WebAssembly: the compiler's kernels as plain JavaScript loops, or as closures where a
 * content security policy forbids `new Function`. For engines that refuse WebAssembly or its SIMD; everywhere else
 * `cpuBackend()` is several times faster.
 */
export const jsBackend = (options?: JsOptions): JsBackend => new JsBackend(options);

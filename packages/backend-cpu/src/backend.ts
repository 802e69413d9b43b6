import { BackendError } from "@amari/core";
import type { Backend, Block, Capabilities, Executable, Program } from "@amari/core/backend";
import { dtypes } from "@amari/core/backend";
import { compileConvolutions } from "./convolution/library.ts";
import { CpuExecutable, type CpuRuntime, type Products } from "./executable.ts";
import { type CpuBlock, Heap } from "./heap.ts";
import { compileMatmul, largestWorkspace, type MatmulLibrary } from "./matmul/library.ts";
import { threadCount } from "./threads/platform.ts";
import { ThreadPool } from "./threads/pool.ts";
import { wasmFeatures } from "./wasm/compile.ts";
import { moduleText } from "./wasm/text.ts";

/** The CPU backend: programs compiled to WebAssembly SIMD, on one linear memory. */
export class CpuBackend implements Backend {
  readonly name: string = "cpu";
  readonly capabilities: Capabilities = { dtypes, synchronousReads: true };
  /** How many threads run large kernels, the calling one included. */
  readonly threads: number;
  private readonly heap: Heap;
  private readonly pool: ThreadPool | null;
  private runtime: CpuRuntime | null = null;
  private products: Products | null = null;
  private convolutions: WebAssembly.ModuleImports | null = null;
  /** Memory for temporaries, shared by all programs, since one runs at a time. */
  private scratch: CpuBlock | null = null;

  /** Use {@link cpuBackend}, which checks what the engine can do. */
  constructor({ threads }: CpuOptions = {}) {
    const count = threadCount(threads);
    const heap = count > 1 ? sharedHeap() : null;
    this.heap = heap ?? new Heap(false);
    this.threads = heap === null ? 1 : count;
    this.pool = heap === null ? null : new ThreadPool(heap, count);
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
    return new CpuExecutable(program, this.runtimeForPrograms());
  }

  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    const compiled = executable as CpuExecutable;
    const { bytes } = compiled.plan;
    if (this.scratch === null || this.scratch.bytes < bytes) {
      if (this.scratch !== null) this.heap.release(this.scratch);
      this.scratch = this.heap.alloc(Math.max(bytes, 1));
    }
    const addressOf = (block: Block) => (block as CpuBlock).address;
    compiled.run(inputs.map(addressOf), scalars, outputs.map(addressOf), this.scratch.address);
  }

  /** What programs share, made for the first of them. */
  private runtimeForPrograms(): CpuRuntime {
    const { heap, pool } = this;
    this.runtime ??= {
      heap,
      pool,
      threads: this.threads,
      collected: new FinalizationRegistry(({ blocks, forget }) => {
        for (const block of blocks) heap.release(block);
        forget();
      }),
      products: () => {
        this.products ??= {
          library: this.load(compileMatmul(heap.declared)) as MatmulLibrary,
          workspace: heap.alloc(this.threads * largestWorkspace()),
        };
        return this.products;
      },
      convolutions: () => {
        this.convolutions ??= this.load(compileConvolutions(heap.declared));
        return this.convolutions;
      },
    };
    return this.runtime;
  }

  /** Loads functions that programs import, on this thread and on the workers. */
  private load(module: WebAssembly.Module): WebAssembly.Exports {
    this.pool?.addLibrary(module);
    return new WebAssembly.Instance(module, { env: { memory: this.heap.memory } }).exports;
  }

  /** The WebAssembly of a program as text. */
  explain(executable: Executable): string {
    const { binary } = executable as CpuExecutable;
    return binary === null ? "(no kernels)" : moduleText(binary);
  }

  /** How much memory the backend holds, in use or kept for reuse. */
  get memoryBytes(): number {
    return this.heap.memory.buffer.byteLength;
  }

  /**
   * How the threads have shared the work so far: the chunks of kernels that each has computed, the calling thread first,
   * then the workers once they are started. What is too small to share counts for none.
   */
  get chunksByThread(): readonly number[] {
    return this.pool?.chunks ?? [0];
  }

  async flush(): Promise<void> {}

  /** Ends the workers. Programs that are run afterwards run on one thread. */
  async close(): Promise<void> {
    await this.pool?.close();
  }
}

/** A memory that threads can share; null where the engine refuses to reserve it. */
function sharedHeap(): Heap | null {
  try {
    return new Heap(true);
  } catch {
    return null;
  }
}

/** How a CPU backend runs. */
export interface CpuOptions {
  /**
   * How many threads run large kernels, the calling one included; 1 starts no worker. By default what the environment
   * variable `AMARI_THREADS` says, else the number of cores, 16 at most. Where threads cannot share memory (a page that
   * is not isolated from other origins) it is 1. Results have the same bits with any number.
   */
  readonly threads?: number;
}

/**
 * A fresh CPU backend with a memory of its own. Workers are started for the first program that has enough work for them, in
 * the background, and do not keep the process alive; `close()` ends them.
 *
 * @example
 * ```ts
 * const backend = cpuBackend({ threads: 4 });
 * setDefaultBackend(backend);
 * ```
 * @throws BackendError where the engine has no WebAssembly SIMD, or if the number of threads is no positive integer
 */
export function cpuBackend(options?: CpuOptions): CpuBackend {
  if (!isCpuBackendSupported()) {
    throw new BackendError(
      "this engine has no WebAssembly SIMD, which the CPU backend is written in; use referenceBackend() from " +
        '"@amari/backend-reference" instead',
    );
  }
  return new CpuBackend(options);
}

/** Whether this engine has what the CPU backend needs: WebAssembly with vectors of 128 bits. */
export const isCpuBackendSupported = (): boolean => typeof WebAssembly === "object" && wasmFeatures().simd;

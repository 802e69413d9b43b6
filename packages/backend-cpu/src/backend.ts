import { BackendError } from "@amari/core";
import type { Backend, Block, Capabilities, Executable, Program } from "@amari/core/backend";
import { dtypes } from "@amari/core/backend";
import { compileConvolutions } from "./convolution/library.ts";
import { CpuExecutable, type CpuRuntime, type Products } from "./executable.ts";
import { type CpuBlock, declaredMemory, Heap } from "./heap.ts";
import { compileMatmul, largestWorkspace } from "./matmul/library.ts";
import { wasmFeatures } from "./wasm/compile.ts";
import { moduleText } from "./wasm/text.ts";

/** The CPU backend: programs compiled to WebAssembly SIMD, on one linear memory. */
export class CpuBackend implements Backend {
  readonly name: string = "cpu";
  readonly capabilities: Capabilities = { dtypes, synchronousReads: true };
  private readonly heap: Heap = new Heap();
  private runtime: CpuRuntime | null = null;
  private products: Products | null = null;
  private convolutions: WebAssembly.ModuleImports | null = null;
  /** Memory for temporaries, shared by all programs, since one runs at a time. */
  private scratch: CpuBlock | null = null;

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
    compiled.run(
      inputs as readonly CpuBlock[],
      scalars,
      outputs as readonly CpuBlock[],
      this.scratch.address,
    );
  }

  /** What programs share, made for the first of them. */
  private runtimeForPrograms(): CpuRuntime {
    const { heap } = this;
    this.runtime ??= {
      heap,
      collected: new FinalizationRegistry((blocks) => {
        for (const block of blocks) heap.release(block);
      }),
      products: () => {
        this.products ??= {
          library: compileMatmul(heap.memory, declaredMemory),
          workspace: heap.alloc(largestWorkspace()),
        };
        return this.products;
      },
      convolutions: () => {
        this.convolutions ??= compileConvolutions(heap.memory, declaredMemory);
        return this.convolutions;
      },
    };
    return this.runtime;
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

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}

/**
 * A fresh CPU backend with a memory of its own.
 *
 * @throws BackendError where the engine has no WebAssembly SIMD
 */
export function cpuBackend(): CpuBackend {
  if (!isCpuBackendSupported()) {
    throw new BackendError(
      "this engine has no WebAssembly SIMD, which the CPU backend is written in; use referenceBackend() from " +
        '"@amari/backend-reference" instead',
    );
  }
  return new CpuBackend();
}

/** Whether this engine has what the CPU backend needs: WebAssembly with vectors of 128 bits. */
export const isCpuBackendSupported = (): boolean => typeof WebAssembly === "object" && wasmFeatures().simd;

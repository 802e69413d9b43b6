import type { Program } from "@amari/core/backend";
import { compileConvolutions } from "./convolution/library.ts";
import { stripBytes } from "./emit/strips.ts";
import type { Engine, Runnable } from "./engine.ts";
import { CpuExecutable } from "./executable.ts";
import { type CpuBlock, Heap } from "./heap.ts";
import { compileMatmul, largestWorkspace } from "./matmul/library.ts";
import type { MatmulDType } from "./matmul/vector-type.ts";
import { assertRevectorised } from "./revectorised/self-test.ts";
import type { CpuRuntime, LibraryKind } from "./runtime.ts";
import { threadCount } from "./threads/platform.ts";
import { ThreadPool } from "./threads/pool.ts";
import type { CpuTier } from "./tier.ts";
import type { MemoryImport } from "./wasm/module.ts";
import type { Target } from "./wasm/target.ts";

/** Programs as WebAssembly modules, whose large kernels several threads share. */
export class WasmEngine implements Engine {
  readonly tier: CpuTier;
  readonly heap: Heap;
  readonly threads: number;
  private readonly target: Target;
  private readonly pool: ThreadPool | null;
  private runtime: CpuRuntime | null = null;
  private readonly libraries = new Map<string, WebAssembly.ModuleImports>();
  private workspace: CpuBlock | null = null;
  private strips: CpuBlock | null = null;

  /** @throws BackendError if `threads` is no positive integer, or if V8 revectorises wrongly and was asked to */
  constructor(tier: Exclude<CpuTier, "js">, threads?: number) {
    const count = threadCount(threads);
    this.tier = tier;
    this.target = { relaxed: tier !== "simd128", revectorised: tier === "revectorised" };
    const heap = count > 1 ? sharedHeap() : null;
    this.heap = heap ?? new Heap(false);
    if (this.target.revectorised) assertRevectorised(this.heap);
    this.threads = heap === null ? 1 : count;
    this.pool = heap === null ? null : new ThreadPool(heap, count);
  }

  get chunksByThread(): readonly number[] {
    return this.pool?.chunks ?? [0];
  }

  compile(program: Program, timed: boolean): Runnable {
    return new CpuExecutable(program, this.runtimeForPrograms(), { timed });
  }

  async close(): Promise<void> {
    await this.pool?.close();
  }

  /** What programs share, made for the first of them. */
  private runtimeForPrograms(): CpuRuntime {
    const { heap, pool, target } = this;
    this.runtime ??= {
      heap,
      pool,
      target,
      threads: this.threads,
      collected: new FinalizationRegistry(({ blocks, forget }) => {
        for (const block of blocks) heap.release(block);
        forget();
      }),
      library: (kind, dtype) => {
        const name = `${kind} ${dtype}`;
        let library = this.libraries.get(name);
        if (library === undefined) {
          library = this.load(compileLibrary[kind](heap.declared, dtype, target));
          this.libraries.set(name, library);
        }
        return library;
      },
      workspace: () => {
        this.workspace ??= heap.alloc(this.threads * largestWorkspace(target));
        return this.workspace;
      },
      strips: () => {
        this.strips ??= heap.alloc(this.threads * stripBytes);
        return this.strips;
      },
    };
    return this.runtime;
  }

  /** Loads functions that programs import, on this thread and on the workers. */
  private load(module: WebAssembly.Module): WebAssembly.ModuleImports {
    this.pool?.addLibrary(module);
    return new WebAssembly.Instance(module, { env: { memory: this.heap.memory } }).exports;
  }
}

const compileLibrary: {
  readonly [K in LibraryKind]: (
    declared: MemoryImport,
    dtype: MatmulDType,
    target: Target,
  ) => WebAssembly.Module;
} = { dot: compileMatmul, convolution: compileConvolutions };

/** A memory that threads can share; null where the engine refuses to reserve it. */
function sharedHeap(): Heap | null {
  try {
    return new Heap(true);
  } catch {
    return null;
  }
}

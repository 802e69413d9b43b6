import type { Backend, Block, Capabilities, Executable, Program, TimedExecutable } from "@amari/core/backend";
import { dtypes } from "@amari/core/backend";
import type { Engine, Runnable } from "./engine.ts";
import type { CpuBlock } from "./heap.ts";
import { JsEngine } from "./js/engine.ts";
import { type CpuTier, tierOf } from "./tier.ts";
import { WasmEngine } from "./wasm-engine.ts";

/** The CPU backend: programs compiled to fused kernels, on one linear memory. */
export class CpuBackend implements Backend {
  readonly name: string = "cpu";
  readonly capabilities: Capabilities = { dtypes, synchronousReads: true };
  private readonly engine: Engine;
  /** Memory for temporaries, shared by all programs, since one runs at a time. */
  private scratch: CpuBlock | null = null;

  /** Use {@link cpuBackend}, which chooses the engine. */
  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** What the code of kernels is made of. */
  get tier(): CpuTier {
    return this.engine.tier;
  }

  /** How many threads run large kernels, the calling one included. */
  get threads(): number {
    return this.engine.threads;
  }

  alloc(bytes: number): Block {
    return this.engine.heap.alloc(bytes);
  }

  free(block: Block): void {
    this.engine.heap.release(block as CpuBlock);
  }

  write(block: Block, bytes: Uint8Array): void {
    this.engine.heap.bytesAt((block as CpuBlock).address, bytes.length).set(bytes);
  }

  async read(block: Block): Promise<Uint8Array> {
    return this.readSync(block);
  }

  readSync(block: Block): Uint8Array {
    const { address, bytes } = block as CpuBlock;
    return this.engine.heap.bytesAt(address, bytes).slice();
  }

  compile(program: Program): Executable {
    return this.engine.compile(program, false);
  }

  compileTimed(program: Program): TimedExecutable {
    return this.engine.compile(program, true);
  }

  submit(
    executable: Executable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): void {
    const program = executable as Runnable;
    program.run(inputs.map(addressOf), scalars, outputs.map(addressOf), this.scratchFor(program));
  }

  async time(
    executable: TimedExecutable,
    inputs: readonly Block[],
    scalars: readonly number[],
    outputs: readonly Block[],
  ): Promise<readonly number[]> {
    const program = executable as Runnable;
    return program.time(inputs.map(addressOf), scalars, outputs.map(addressOf), this.scratchFor(program));
  }

  /** The address of memory for the temporaries of a program. */
  private scratchFor({ plan: { bytes } }: Runnable): number {
    const { heap } = this.engine;
    if (this.scratch === null || this.scratch.bytes < bytes) {
      if (this.scratch !== null) heap.release(this.scratch);
      this.scratch = heap.alloc(Math.max(bytes, 1));
    }
    return this.scratch.address;
  }

  /** The code of a program's kernels as text: WebAssembly, or JavaScript. */
  explain(executable: Executable): string {
    return (executable as Runnable).text;
  }

  /** How much memory the backend holds, in use or kept for reuse. */
  get memoryBytes(): number {
    return this.engine.heap.memory.buffer.byteLength;
  }

  /**
   * How the threads have shared the work so far: the chunks of kernels that each has computed, the calling thread first,
   * then the workers once they are started. What is too small to share counts for none.
   */
  get chunksByThread(): readonly number[] {
    return this.engine.chunksByThread;
  }

  async flush(): Promise<void> {}

  /** Ends the workers. Programs that are run afterwards run on one thread. */
  async close(): Promise<void> {
    await this.engine.close();
  }
}

const addressOf = (block: Block): number => (block as CpuBlock).address;

/** How a CPU backend runs. */
export interface CpuOptions {
  /**
   * How many threads run large kernels, the calling one included; 1 starts no worker. By default what the environment
   * variable `AMARI_THREADS` says, else the number of cores, 16 at most. Where threads cannot share memory (a page that
   * is not isolated from other origins), and in plain JavaScript, it is 1. Results have the same bits with any number.
   */
  readonly threads?: number;
  /**
   * What the code of kernels is made of. By default what the environment variable `AMARI_TIER` says, else `"relaxed"`,
   * `"simd128"` where the engine has no relaxed SIMD, or `"js"` where it has no WebAssembly SIMD. `"revectorised"` has
   * V8 use vectors of 256 bits, which is up to twice as fast and rests on an experimental flag of V8: it is taken only
   * where it has been tested, and after a test of its own. Its results have the bits of `"relaxed"`; the other tiers
   * differ within the bounds that each operation states.
   */
  readonly tier?: CpuTier;
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
 * @throws BackendError if the number of threads is no positive integer, or where this engine does not run the tier that
 *   was asked for
 */
export function cpuBackend({ threads, tier }: CpuOptions = {}): CpuBackend {
  const chosen = tierOf(tier);
  return new CpuBackend(chosen === "js" ? new JsEngine() : new WasmEngine(chosen, threads));
}

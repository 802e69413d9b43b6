import type { CpuBlock, Heap } from "./heap.ts";
import type { MatmulDType } from "./matmul/vector-type.ts";
import type { ThreadPool } from "./threads/pool.ts";
import type { Target } from "./wasm/target.ts";

/** What programs share: the memory, and the functions that contractions call. */
export interface CpuRuntime {
  readonly heap: Heap;
  readonly target: Target;
  /** The workers; null where the backend runs on one thread. */
  readonly pool: ThreadPool | null;
  readonly threads: number;
  /** Frees what programs held that have been collected. */
  readonly collected: FinalizationRegistry<Held>;
  /** What contractions of a kind and dtype call, compiled for the first program that has one. */
  library(kind: LibraryKind, dtype: MatmulDType): WebAssembly.ModuleImports;
  /** Memory that matrix products may use meanwhile, each thread {@link largestWorkspace} of it. */
  workspace(): CpuBlock;
  /** Memory for the results of strips of columns, for each thread; made for the first kernel that has such. */
  strips(): CpuBlock;
}

/** The contractions that are calls of functions which programs share. */
export type LibraryKind = "dot" | "convolution";

/** What outlives a program until it is collected: its memory, and that the workers know it. */
export interface Held {
  readonly blocks: readonly CpuBlock[];
  forget(): void;
}

import type { Job, ThreadPool } from "./pool.ts";

/** A kernel that is worth sharing takes at least so many nanoseconds; a round trip to a worker takes 200 to 500. */
const worthSharing = 5_000;

/** Chunks for each thread: enough that a core which is busy with something else holds nobody up. */
const chunksPerThread = 8;

/** A kernel as a program is compiled. */
export interface SharedKernel {
  /** The end of its range `(from, to)`, which begins at 0. */
  readonly extent: number;
  /** Nanoseconds on one thread. */
  readonly cost: number;
  /** A chunk is a multiple of this, if it is as large: what a kernel computes well at a time. */
  readonly granule: number;
  /** A chunk is no shorter than this: a kernel computes less at a time poorly. */
  readonly least: number;
}

/** Whether a stage of such a cost may be shared. */
export const isWorthSharing = (cost: number): boolean => cost >= worthSharing;

/** The kernels of one program that its threads share. Until the workers know the program it runs on one thread. */
export class SharedKernels {
  /** The kernel's number is its place here, and part of its name: the module exports `kernel0`, `kernel1`, ... */
  private readonly kernels: SharedKernel[] = [];
  private readonly pool: ThreadPool;
  private readonly turns: number;
  private jobs: readonly Job[] = [];
  private cost = 0;
  private message = 0;
  private received = false;

  /** @param turns how often the program runs in a row */
  constructor(pool: ThreadPool, turns: number) {
    this.pool = pool;
    this.turns = turns;
  }

  /** Adds a kernel; returns its number. */
  add(kernel: SharedKernel): number {
    this.cost += this.turns * kernel.cost;
    return this.kernels.push(kernel) - 1;
  }

  /** Sends the module to the workers, once it is compiled. Returns what lets them forget it. */
  link(module: WebAssembly.Module, exported: WebAssembly.Exports): () => void {
    const { pool } = this;
    if (this.kernels.length === 0) return () => {};
    const { program, message } = pool.send(module, this.kernels.length);
    this.message = message;
    this.jobs = this.kernels.map((kernel, i) => ({
      program,
      kernel: i,
      run: exported[kernelName(i)] as Job["run"],
      extent: kernel.extent,
      chunk: chunkOf(kernel, pool.threads),
      cost: kernel.cost,
    }));
    return () => pool.forget(program);
  }

  /**
   * Before a run of the program: wakes the workers.
   *
   * @throws BackendError if one of them has died
   */
  begin(): void {
    this.pool.check();
    this.received ||= this.pool.hasReceived(this.message);
    if (this.received) this.pool.wake(this.cost);
  }

  /** Runs a kernel. */
  readonly run = (kernel: number): void => {
    const job = this.jobs[kernel]!;
    if (this.received && !this.pool.closed) this.pool.run(job);
    else job.run(0, job.extent);
  };
}

/** The name under which a module exports a kernel. */
export const kernelName = (kernel: number): string => `kernel${kernel}`;

/** The length of chunks: short enough for all threads to stay busy, and long enough to be worth claiming. */
export function chunkOf({ extent, cost, granule, least }: SharedKernel, threads: number): number {
  const even = extent / (threads * chunksPerThread);
  const worthClaiming = (extent * worthSharing) / 2 / cost;
  const chunk = Math.ceil(Math.max(least, even, worthClaiming));
  const unit = Math.min(granule, 2 ** Math.floor(Math.log2(chunk)));
  return Math.ceil(chunk / unit) * unit;
}
